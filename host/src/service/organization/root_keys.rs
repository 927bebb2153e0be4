//! Root keys: checking them at the start, and replacing the active one while hosts run.
//!
//! The database says which root key wraps new data keys, and not a host's settings: so hosts can be
//! given a new key one after the other, and none wraps with it before all can open what it wraps.
//! Data keys stay the same, so memory of them stays right.

use std::time::{Duration, Instant};

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
    service::Host,
};

pub use crate::db::root_key::Usage;

/// Data keys re-wrapped in one transaction: a few milliseconds of the writer.
const BATCH: i64 = 50;
/// How long one request re-wraps before it answers how many it did.
const REWRAP_TIME_MAX: Duration = Duration::from_secs(2);

/// Makes sure that a host can open everything in the database before it serves: a key that is
/// missing would show only when an event has to be signed, after it was accepted.
pub async fn check(db: &Db, keys: &RootKeys, now: Time) -> Result<()> {
    let mut tx = db.read().await?;
    let usage = root_key::usage(&mut tx).await?;
    for used in &usage {
        let wrapped = organization::data_key(&mut tx, &used.example).await?;
        let wrapped = wrapped.ok_or_else(|| Error::gone(&used.example))?;
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

/// Tells the operator at the start which key is missing.
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

/// Wraps the data key of an organization that this transaction creates. Code `unavailable` when this
/// host lacks the active root key.
pub(super) async fn wrap(
    host: &Host,
    tx: &mut Tx,
    organization: &OrganizationId,
    data_key: &DataKey,
) -> Result<Vec<u8>> {
    let active = root_key::hold_active(tx).await?.ok_or_else(no_active_key)?;
    let key = host.keyring.root_keys().find(active.id).ok_or_else(|| cannot_create(active.id))?;
    Ok(key.wrap(organization, data_key, host.randomness.bytes()))
}

/// Another host rotated although this one had not been given the new key.
fn cannot_create(active: KeyId) -> Error {
    fail!(Unavailable, "this host cannot create organizations at the moment; its log has the cause")
        .caused_by(format!("root key {active} is active, and this host was not given it"))
}

/// The root keys of this host and of the database.
pub struct Status {
    /// The key that this host was told to use first.
    pub primary: KeyId,
    /// All keys that this host was given, the primary one among them.
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

/// Reads which root keys are given, active and in use.
pub async fn status(host: &Host) -> Result<Status> {
    let mut tx = host.db.read().await?;
    let active = root_key::active(&mut tx).await?.ok_or_else(no_active_key)?;
    let usage = root_key::usage(&mut tx).await?;
    Ok(Status {
        primary: host.keyring.root_keys().primary().id(),
        given: host.keyring.root_keys().ids().collect(),
        active,
        usage,
    })
}

/// Makes this host's primary key the active one, and re-wraps data keys with it for a while; returns
/// how many, and the status after it. A repeated call goes on where the last one ended, until
/// [`Status::remaining`] is 0. Code `invalid_state` when `expected` is not this host's primary key.
pub async fn rotate(host: &Host, expected: Option<KeyId>) -> Result<(i64, Status)> {
    let began = Instant::now();
    let primary = host.keyring.root_keys().primary().id();
    if let Some(expected) = expected.filter(|expected| *expected != primary) {
        return Err(fail!(InvalidState, "this host was told to use root key {primary}, not {expected}"));
    }
    let mut tx = host.db.begin().await?;
    if root_key::activate(&mut tx, primary, host.now()).await? {
        tracing::info!(root_key = %primary, "a new root key is active");
    }
    tx.commit().await?;
    let (mut after, mut rewrapped) = (String::new(), 0);
    while began.elapsed() < REWRAP_TIME_MAX {
        let Some(batch) = rewrap_batch(&host.db, host.keyring.root_keys(), &host.randomness, &after).await? else {
            break;
        };
        rewrapped += batch.rewrapped;
        after = batch.last.to_string();
    }
    let status = status(host).await?;
    tracing::info!(root_key = %primary, rewrapped, remaining = status.remaining(), "re-wrapped data keys");
    Ok((rewrapped, status))
}

/// A batch that one transaction re-wrapped.
struct Batch {
    rewrapped: i64,
    /// The last organization of the batch.
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
