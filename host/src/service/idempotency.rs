//! Idempotency keys: a request that is sent again takes effect once, and gets its first answer again
//! (contract 1.11).
//!
//! A request with a key first claims the key, in a transaction of its own. Then it runs, and its
//! changes are committed together with a mark on the claim. So whenever the process dies, the table
//! knows whether the changes were made: without the mark the request runs again when the claim has
//! ended; with the mark and without an answer it is refused, because the answer is lost. A claim that
//! was lost cannot be marked, and a change whose claim cannot be marked is not committed. Emits have a
//! rule of their own.

use std::{future::Future, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};

use super::{Caller, Host};
use crate::{
    clock::Randomness,
    db::{
        self, Tx,
        idempotency::{NewClaim, Place, Standing},
    },
    domain::{
        emit,
        id::OrganizationId,
        limits::{IDEMPOTENCY_ANSWER_BYTES_MAX, IDEMPOTENCY_WINDOW_HOURS},
        time::Time,
    },
    error::Result,
    fail,
    sync::{KeyedGuard, KeyedLock},
};

/// How long a request may run before its claim ends: several times what clients wait.
const CLAIM_MS: i64 = 30_000;
/// How long a repeated request waits for the first one: within the ten seconds that clients wait.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// How often a repeated request looks for the answer of another host. On one host the lock wakes it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The keys of requests that this process runs.
pub struct RunningKeys {
    /// Tells the claims of this process from those of others.
    holder: String,
    locks: KeyedLock<Scope>,
}

impl RunningKeys {
    /// No keys yet, under a name that no other process has.
    pub fn new(randomness: &Randomness) -> Self {
        Self { holder: hex::encode(randomness.bytes::<16>()), locks: KeyedLock::default() }
    }
}

/// A key with the organization and the route in which it is unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    organization_id: OrganizationId,
    route: String,
    key: String,
}

impl Scope {
    fn place(&self) -> Place<'_> {
        Place { route: &self.route, key: &self.key }
    }
}

/// A request with a key.
#[derive(Clone, Debug)]
pub struct Repeatable {
    scope: Scope,
    request_hash: String,
}

/// A request, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Method and path, the path as the router writes it.
    pub route: &'a str,
    /// Path and query as they were sent.
    pub target: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Repeatable {
    /// The request of a caller with a key. A repeated request has to be the same, by a key with the same
    /// scopes: the answer may show what other scopes may not see.
    pub fn new(caller: &Caller, key: &str, asked: Asked<'_>) -> Self {
        let scope = Scope {
            organization_id: caller.organization_id.clone(),
            route: asked.route.to_owned(),
            key: key.to_owned(),
        };
        let mut hasher = Sha256::new();
        let mut scopes = caller.key.scopes.clone();
        scopes.sort_unstable();
        for part in [scopes.join(" ").as_bytes(), asked.target.as_bytes(), asked.body] {
            // With its length, so that no byte can move from one part to the next.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self { scope, request_hash: hex::encode(hasher.finalize()) }
    }
}

/// An answer as it was first given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// How a request with a key goes on.
pub enum Begun {
    /// The request has to run, and then [`finish`] has to end the claim.
    Claimed(Claim),
    /// The request ran before, with this answer.
    Answered(StoredAnswer),
}

/// The right and the duty to run a request.
pub struct Claim {
    token: Arc<Token>,
    /// No other request of this process looks at the key meanwhile.
    _guard: KeyedGuard<Scope>,
}

/// The claim's row in the table, and its fencing token.
struct Token {
    scope: Scope,
    request_hash: String,
    claims: i64,
}

tokio::task_local! {
    static CLAIM: Arc<Token>;
}

impl Claim {
    /// Runs the request: the changes that it commits are marked as its effect.
    pub async fn run<T>(&self, request: impl Future<Output = T>) -> T {
        CLAIM.scope(self.token.clone(), request).await
    }
}

/// Claims the key of a request, or finds its first answer, for which it waits if the first request
/// still runs. Codes `idempotency_key_reused`, `idempotency_answer_lost`; `unavailable` when the first
/// request takes too long.
pub async fn begin(host: &Host, request: &Repeatable) -> Result<Begun> {
    let begun = async {
        let guard = host.idempotency.locks.lock(&request.scope).await;
        loop {
            match look(host, request).await? {
                Look::Claimed(claims) => {
                    let Repeatable { scope, request_hash } = request.clone();
                    let token = Arc::new(Token { scope, request_hash, claims });
                    return Ok(Begun::Claimed(Claim { token, _guard: guard }));
                }
                Look::Answered(answer) => return Ok(Begun::Answered(answer)),
                Look::Runs => sleep(LOOK_EVERY).await,
            }
        }
    };
    timeout(WAIT_MAX, begun).await.unwrap_or_else(|_elapsed| {
        Err(fail!(Unavailable, "the first request with this idempotency key is still under way").retry_after(1))
    })
}

enum Look {
    Claimed(i64),
    Answered(StoredAnswer),
    Runs,
}

async fn look(host: &Host, request: &Repeatable) -> Result<Look> {
    let scope = &request.scope;
    let now = host.now();
    // Most repeated requests find an answer, and need not wait to write.
    let mut tx = host.db.read().await?;
    let standing = db::idempotency::find(&mut tx, &scope.organization_id, scope.place()).await?;
    drop(tx);
    if let Some(standing) = standing.filter(|standing| standing.is_answered(now)) {
        return read_standing(host, request, standing, now).await;
    }
    let new = NewClaim {
        request_hash: &request.request_hash,
        holder: &host.idempotency.holder,
        is_alone: host.db.is_owned(),
        now,
        until: now.plus_millis(CLAIM_MS),
    };
    let mut tx = host.db.begin().await?;
    let claimed = db::idempotency::claim(&mut tx, &scope.organization_id, scope.place(), new).await?;
    if let Some(claims) = claimed {
        tx.commit().await?;
        return Ok(Look::Claimed(claims));
    }
    let standing = db::idempotency::find(&mut tx, &scope.organization_id, scope.place()).await?;
    drop(tx);
    match standing {
        Some(standing) => read_standing(host, request, standing, now).await,
        // Given back between the two statements, by another host.
        None => Ok(Look::Runs),
    }
}

/// Reads from the row of a claimed key how a repeated request goes on.
async fn read_standing(host: &Host, request: &Repeatable, standing: Standing, now: Time) -> Result<Look> {
    if standing.request_hash != request.request_hash {
        return Err(fail!(IdempotencyKeyReused, "the idempotency key was used before with another request"));
    }
    let is_over = standing.claimed_until() <= now || (host.db.is_owned() && standing.holder != host.idempotency.holder);
    let took_effect = standing.took_effect;
    match standing.answer() {
        Some((status, sealed)) => {
            let key = host.memory.key_of(&request.scope.organization_id).await?;
            let body = key.open_answer(&sealed)?;
            Ok(Look::Answered(StoredAnswer { status, body }))
        }
        None if is_over && took_effect => Err(fail!(
            IdempotencyAnswerLost,
            "the first request with this idempotency key took effect, and its answer was lost; look at what it made"
        )),
        None => Ok(Look::Runs),
    }
}

/// Marks in a transaction that the request under way, if it has a key, takes effect with it. Code
/// `unavailable` when its claim was lost: then the transaction must not be committed.
pub(super) async fn take_effect(tx: &mut Tx, now: Time) -> Result<()> {
    let Ok(token) = CLAIM.try_with(Arc::clone) else { return Ok(()) };
    let scope = &token.scope;
    let is_marked =
        db::idempotency::take_effect(tx, &scope.organization_id, scope.place(), token.claims, end_of_window(now))
            .await?;
    if is_marked {
        return Ok(());
    }
    Err(fail!(Unavailable, "the request took so long that another one with its idempotency key may run").retry_after(1))
}

/// The idempotency key to give to the ledger for the request under way, if it has a key; for requests
/// that change nothing but what the ledger writes. No caller can use the same key for an emit, because
/// it has a control character in it.
pub(super) fn ledger_key() -> Option<emit::Idempotency> {
    let token = CLAIM.try_with(Arc::clone).ok()?;
    let Scope { route, key, .. } = &token.scope;
    Some(emit::Idempotency { key: format!("{route}\u{1f}{key}"), request_hash: token.request_hash.clone() })
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum RequestOutcome {
    /// It was done. The answer is kept for the window.
    Done(StoredAnswer),
    /// It was refused, which is no effect. The key is free again.
    Refused,
    /// It failed, or its answer is too large to be kept. The key is free again unless the request took
    /// effect; then the key stays taken, so that nothing is done twice.
    Failed,
}

/// Ends a claim.
pub async fn finish(host: &Host, claim: Claim, outcome: RequestOutcome) -> Result<()> {
    let Token { scope, claims, .. } = &*claim.token;
    let organization = &scope.organization_id;
    let outcome = match outcome {
        RequestOutcome::Done(answer) if answer.body.len() > IDEMPOTENCY_ANSWER_BYTES_MAX => RequestOutcome::Failed,
        other => other,
    };
    let sealed = match &outcome {
        RequestOutcome::Done(answer) => Some(host.memory.key_of(organization).await?.seal_answer(&answer.body)),
        RequestOutcome::Refused | RequestOutcome::Failed => None,
    };
    let now = host.now();
    let mut tx = host.db.begin().await?;
    match (&outcome, &sealed) {
        (RequestOutcome::Done(answer), Some(sealed)) => {
            let answer = (answer.status, sealed.as_slice());
            db::idempotency::answer(&mut tx, organization, scope.place(), *claims, answer, end_of_window(now)).await?;
        }
        (RequestOutcome::Refused, _) => db::idempotency::free(&mut tx, organization, scope.place(), *claims).await?,
        _ => db::idempotency::end(&mut tx, organization, scope.place(), *claims, now).await?,
    }
    db::idempotency::forget_expired(&mut tx, now).await?;
    tx.commit().await
}

fn end_of_window(now: Time) -> Time {
    now.plus_millis(IDEMPOTENCY_WINDOW_HOURS * 3_600_000)
}
