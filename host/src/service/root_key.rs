//! Changing the root key while hosts run.
//!
//! Which root key wraps new data keys stands in the database, and not in a host's settings: so
//! hosts can be given a new key one after the other, and none wraps with it before all can open
//! what it wraps. Data keys stay what they are; nothing that is remembered of them changes.

use std::time::{Duration, Instant};

use super::Host;
use crate::{
    clock::Randomness,
    db::{
        Db, Tx, organization,
        root_key::{self, ActiveKey},
    },
    domain::{
        id::OrganizationId,
        root_keys::RootKeys,
        time::Time,
        vault::{DataKey, KeyId, VaultError},
    },
    error::{Error, Result},
    fail,
};

pub use crate::db::root_key::Usage;

/// Data keys re-wrapped in one transaction: a few milliseconds of the writer.
const BATCH: i64 = 50;
/// How long one request may re-wrap before it answers how far it came.
const TURN: Duration = Duration::from_secs(2);

/// Makes sure that a host can open everything in the database before it serves: a key that is
/// missing would show only when an event has to be signed, after it was accepted.
pub async fn check(db: &Db, keys: &RootKeys, now: Time) -> Result<()> {
    let mut tx = db.read().await?;
    let usage = root_key::usage(&mut tx).await?;
    for used in &usage {
        let wrapped = organization::data_key(&mut tx, &used.example).await?;
        let wrapped = wrapped.ok_or_else(|| fail!(InternalError, "organization {} is gone", used.example))?;
        keys.unwrap(&used.example, &wrapped).map_err(|cause| match cause {
            VaultError::UnknownRootKey(id) => not_given(keys, id),
            cause => cannot_open(&used.example, cause),
        })?;
    }
    drop(tx);
    let mut tx = db.begin().await?;
    let first = usage.first().map_or(keys.primary().id(), |used| used.id);
    root_key::activate_first(&mut tx, first, now).await?;
    let active = root_key::active(&mut tx).await?.ok_or_else(no_active_key)?;
    tx.commit().await?;
    keys.find(active.id).map(|_| ()).ok_or_else(|| not_given(keys, active.id))
}

/// What an operator is told at the start.
fn not_given(keys: &RootKeys, needed: KeyId) -> Error {
    let given = keys.ids().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    fail!(
        BadRequest,
        "this database needs root key {needed}, and this host was given {given}. Add the missing key to \
         WEIR_ROOT_KEY_PREVIOUS; it is needed until `weir admin rotate-root-key` is through with another one"
    )
}

fn no_active_key() -> Error {
    fail!(InternalError, "the database names no active root key")
}

/// Wraps the data key of an organization that is being created in this transaction.
pub(super) async fn wrap(
    host: &Host,
    tx: &mut Tx,
    organization: &OrganizationId,
    data_key: &DataKey,
) -> Result<Vec<u8>> {
    let active = root_key::hold_active(tx).await?.ok_or_else(no_active_key)?;
    let key = host.root_keys.find(active.id).ok_or_else(|| cannot_create(active.id))?;
    Ok(key.wrap(organization, data_key, host.randomness.bytes()))
}

/// Somebody rotated although this host had not been given the new key.
fn cannot_create(active: KeyId) -> Error {
    fail!(Unavailable, "this host cannot create organizations at the moment; its log has the cause")
        .caused_by(format!("root key {active} is active, and this host was not given it"))
}

/// How things stand with root keys.
pub struct Status {
    /// The key that this host was told to use.
    pub primary: KeyId,
    /// All keys that this host was given.
    pub given: Vec<KeyId>,
    /// The key that wraps new data keys.
    pub active: ActiveKey,
    /// Every key that wraps something.
    pub usage: Vec<Usage>,
}

impl Status {
    /// Organizations whose data keys are wrapped with another key than the active one.
    pub fn remaining(&self) -> i64 {
        self.usage.iter().filter(|used| used.id != self.active.id).map(|used| used.organizations).sum()
    }
}

/// How things stand.
pub async fn status(host: &Host) -> Result<Status> {
    let mut tx = host.db.read().await?;
    let active = root_key::active(&mut tx).await?.ok_or_else(no_active_key)?;
    let usage = root_key::usage(&mut tx).await?;
    Ok(Status { primary: host.root_keys.primary().id(), given: host.root_keys.ids().collect(), active, usage })
}

/// Makes the key that this host was told to use the active one, and re-wraps data keys with it
/// for a while: how many it were, and how things stand. Whoever asks again until nothing remains
/// goes on where the last turn ended, whatever ended it. Code `invalid_state` when another key is
/// expected than this host's.
pub async fn rotate(host: &Host, expected: Option<KeyId>) -> Result<(i64, Status)> {
    let began = Instant::now();
    let primary = host.root_keys.primary().id();
    if let Some(expected) = expected.filter(|expected| *expected != primary) {
        return Err(fail!(InvalidState, "this host was told to use root key {primary}, not {expected}"));
    }
    let mut tx = host.db.begin().await?;
    if root_key::activate(&mut tx, primary, host.now()).await? {
        tracing::info!(root_key = %primary, "a new root key is active");
    }
    tx.commit().await?;
    let (mut after, mut rewrapped) = (String::new(), 0);
    while began.elapsed() < TURN {
        let Some(batch) = rewrap_batch(&host.db, &host.root_keys, &host.randomness, &after).await? else { break };
        rewrapped += batch.rewrapped;
        after = batch.last.to_string();
    }
    let status = status(host).await?;
    tracing::info!(root_key = %primary, rewrapped, remaining = status.remaining(), "re-wrapped data keys");
    Ok((rewrapped, status))
}

/// What one transaction re-wrapped.
struct Batch {
    rewrapped: i64,
    /// The organization that it came to.
    last: OrganizationId,
}

/// Re-wraps the next data keys after an organization; `None` when there are none left.
async fn rewrap_batch(db: &Db, keys: &RootKeys, randomness: &Randomness, after: &str) -> Result<Option<Batch>> {
    let primary = keys.primary();
    let mut tx = db.read().await?;
    let waiting = root_key::wrapped_otherwise(&mut tx, primary.id(), after, BATCH).await?;
    drop(tx);
    let Some((last, _)) = waiting.last() else { return Ok(None) };
    let (last, mut rewrapped) = (last.clone(), 0);
    let mut tx = db.begin().await?;
    // In the order of their ids, so that two hosts at it cannot wait for each other.
    for (organization, read) in &waiting {
        let data_key = keys.unwrap(organization, read).map_err(|cause| cannot_open(organization, cause))?;
        let wrapped = primary.wrap(organization, &data_key, randomness.bytes());
        rewrapped += i64::from(root_key::rewrap(&mut tx, organization, read, &wrapped).await?);
    }
    tx.commit().await?;
    Ok(Some(Batch { rewrapped, last }))
}

fn cannot_open(organization: &OrganizationId, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    fail!(InvalidState, "the data key of {organization} cannot be opened: {cause}")
}
