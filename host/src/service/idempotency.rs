//! Requests that may be sent again: each takes effect once, and whoever repeats it gets its first
//! answer (contract 1.11).
//!
//! A request with a key first claims the key, in a transaction of its own. Then it runs, and what
//! it changes is committed together with a mark on the claim. So whenever the process dies, the
//! table knows whether the change was made: without the mark the request runs again when the
//! claim has ended; with the mark and without an answer it is refused, as nobody can tell any more
//! what the answer was. A claim that was lost cannot be marked, and what cannot be marked is not
//! committed. Emits have a rule of their own.

use std::{future::Future, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};

use super::{
    Caller, Host, directory,
    turns::{Turn, Turns},
};
use crate::{
    clock::Randomness,
    db::{
        self, Tx,
        idempotency::{NewClaim, Place, Standing},
    },
    domain::{
        self,
        id::OrganizationId,
        limits::{IDEMPOTENCY_ANSWER_BYTES_MAX, IDEMPOTENCY_WINDOW_HOURS},
        time::Time,
        vault::Purpose,
    },
    error::{Error, Result},
    fail,
};

/// How long a request may run before its claim ends: several times what clients wait.
const CLAIM_MS: i64 = 30_000;
/// How long a repeated request waits for the first one: within the ten seconds that clients wait.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// How often it looks whether another host has answered. On one host it is woken.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The claims of this process.
pub struct Idempotency {
    /// Tells the claims of this process from those of others.
    holder: String,
    turns: Turns<Scope>,
}

impl Idempotency {
    /// With a name that no other process has.
    pub fn new(randomness: &Randomness) -> Self {
        Self { holder: hex::encode(randomness.bytes::<16>()), turns: Turns::default() }
    }
}

/// What a key is unique in.
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

/// What was asked, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Method and path as the router writes them.
    pub route: &'a str,
    /// Path and query as they were sent.
    pub target: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Repeatable {
    /// A key is unique per organization and route. Whoever uses it again has to ask for the same,
    /// and has to have the same rights: answers may show what others may not see.
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

/// What is to be done with a request.
pub enum Begun {
    /// It has to run, and [`finish`] has to hear of it.
    Claimed(Claim),
    /// It ran before.
    Answered(StoredAnswer),
}

/// The right and the duty to run a request.
pub struct Claim {
    token: Arc<Token>,
    /// Nobody else in this process looks at the key meanwhile.
    _turn: Turn<Scope>,
}

/// What a claim is told by in the table.
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

/// Claims the key of a request, or finds the answer that it got before, waiting for it if need
/// be. Codes `idempotency_key_reused`, `idempotency_answer_lost`; `unavailable` when the first
/// request takes too long.
pub async fn begin(host: &Host, request: &Repeatable) -> Result<Begun> {
    let begun = async {
        let turn = host.idempotency.turns.take(&request.scope).await;
        loop {
            match look(host, request).await? {
                Look::Claimed(claims) => {
                    let Repeatable { scope, request_hash } = request.clone();
                    let token = Arc::new(Token { scope, request_hash, claims });
                    return Ok(Begun::Claimed(Claim { token, _turn: turn }));
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
    // Most repeated requests find an answer, and need no turn at writing.
    let mut tx = host.db.read().await?;
    let standing = db::idempotency::find(&mut tx, &scope.organization_id, scope.place()).await?;
    drop(tx);
    if let Some(standing) = standing.filter(|standing| standing.is_answered(now)) {
        return judge(host, request, standing, now).await;
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
        Some(standing) => judge(host, request, standing, now).await,
        // Given back between the two statements, by another host.
        None => Ok(Look::Runs),
    }
}

async fn judge(host: &Host, request: &Repeatable, standing: Standing, now: Time) -> Result<Look> {
    if standing.request_hash != request.request_hash {
        return Err(fail!(IdempotencyKeyReused, "the idempotency key was used before with another request"));
    }
    let is_over = standing.claimed_until() <= now || (host.db.is_owned() && standing.holder != host.idempotency.holder);
    let took_effect = standing.took_effect;
    match standing.answer() {
        Some((status, sealed)) => {
            let organization = &request.scope.organization_id;
            let key = directory::data_key_of(host, organization).await?;
            let body = key.open(organization, Purpose::StoredAnswer, &sealed).map_err(Error::internal)?;
            Ok(Look::Answered(StoredAnswer { status, body }))
        }
        None if is_over && took_effect => Err(fail!(
            IdempotencyAnswerLost,
            "the first request with this idempotency key took effect, and its answer was lost; look at what it made"
        )),
        None => Ok(Look::Runs),
    }
}

/// Says within a change that the request under way, if it has a key, takes effect with it. Code
/// `unavailable` when its claim was lost: then the change must not be committed.
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

/// What the ledger tells a repeated request by, for a request under way that has a key and changes
/// nothing but what it gives to the ledger. No caller can use the same key for an emit: it has a
/// control character in it.
pub(super) fn of_ledger() -> Option<domain::emit::Idempotency> {
    let token = CLAIM.try_with(Arc::clone).ok()?;
    let Scope { route, key, .. } = &token.scope;
    Some(domain::emit::Idempotency { key: format!("{route}\u{1f}{key}"), request_hash: token.request_hash.clone() })
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was done: the answer is kept for the window.
    Done(StoredAnswer),
    /// It was refused, which is no effect: the key is free again, and the request judged anew.
    Refused,
    /// It failed, or its answer is too large to be kept. The key is free again unless something
    /// took effect; then it stays taken, so that nothing is done twice.
    Failed,
}

/// Ends a claim.
pub async fn finish(host: &Host, claim: Claim, outcome: Outcome) -> Result<()> {
    let Token { scope, claims, .. } = &*claim.token;
    let organization = &scope.organization_id;
    let outcome = match outcome {
        Outcome::Done(answer) if answer.body.len() > IDEMPOTENCY_ANSWER_BYTES_MAX => Outcome::Failed,
        other => other,
    };
    let sealed = match &outcome {
        Outcome::Done(answer) => Some(seal(host, organization, &answer.body).await?),
        Outcome::Refused | Outcome::Failed => None,
    };
    let now = host.now();
    let mut tx = host.db.begin().await?;
    match (&outcome, &sealed) {
        (Outcome::Done(answer), Some(sealed)) => {
            let answer = (answer.status, sealed.as_slice());
            db::idempotency::answer(&mut tx, organization, scope.place(), *claims, answer, end_of_window(now)).await?;
        }
        (Outcome::Refused, _) => db::idempotency::free(&mut tx, organization, scope.place(), *claims).await?,
        _ => db::idempotency::end(&mut tx, organization, scope.place(), *claims, now).await?,
    }
    db::idempotency::forget_expired(&mut tx, now).await?;
    tx.commit().await
}

async fn seal(host: &Host, organization: &OrganizationId, body: &[u8]) -> Result<Vec<u8>> {
    let key = directory::data_key_of(host, organization).await?;
    Ok(key.seal(organization, Purpose::StoredAnswer, body, host.randomness.bytes()))
}

fn end_of_window(now: Time) -> Time {
    now.plus_millis(IDEMPOTENCY_WINDOW_HOURS * 3_600_000)
}
