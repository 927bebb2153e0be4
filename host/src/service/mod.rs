//! Use cases: what a caller asks for, in one transaction each.
//!
//! Services take plain values and give plain values. They know the database and the domain, and
//! neither HTTP nor components.

use std::sync::Arc;

use crate::{
    clock::{Clock, Randomness},
    db::{Db, Tx, ledger::Ledger, organization},
    domain::{
        address::Policy,
        id::OrganizationId,
        lifecycle::Lifecycle,
        organization::{ApiKey, Organization},
        plan::Plan,
        root_keys::RootKeys,
        time::Time,
    },
    error::Result,
    fail,
};

pub mod access;
pub mod account;
mod component;
pub mod compute;
pub mod delivery;
pub mod directory;
pub mod emit;
pub mod event_log;
mod evolution;
pub mod explain;
pub mod federation;
pub mod health;
pub mod idempotency;
pub mod lifecycle;
pub mod marketplace;
pub mod registry;
pub mod replay;
pub mod root_key;
pub mod subscription;
pub mod trial;
mod turns;
mod validators;

pub use compute::Compute;
pub use directory::Directory;
pub use evolution::Verdict;
pub use idempotency::Idempotency;

/// The parts that use cases need. One for the whole process.
pub struct Host {
    /// The database.
    pub db: Db,
    /// The hot path into it.
    pub ledger: Ledger,
    /// What is remembered of organizations.
    pub directory: Directory,
    /// Where schemas are thought over.
    pub compute: Compute,
    /// The keys of requests under way that may be repeated.
    pub idempotency: Idempotency,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids, keys and secrets.
    pub randomness: Randomness,
    /// Wrap the organizations' data keys.
    pub root_keys: RootKeys,
    /// Which addresses may be sent to.
    pub address_policy: Policy,
    /// Rung when deliveries became due outside of the hot path: after a replay.
    pub deliveries_due: Arc<tokio::sync::Notify>,
    /// Rung when there is something to replay.
    pub replays_due: Arc<tokio::sync::Notify>,
    /// Rung when a subscription is to get what was accepted before it.
    pub catching_up: Arc<tokio::sync::Notify>,
    /// Rung when events became due outside of the hot path: after a change that says something.
    pub emits_due: Arc<tokio::sync::Notify>,
    /// Rung when an emit is to be relayed.
    pub relays_due: Arc<tokio::sync::Notify>,
    /// Makes ids of lifecycle events sort as things happened.
    pub lifecycle_ids: lifecycle::Sequence,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organization that the key belongs to.
    pub organization_id: OrganizationId,
    /// The key.
    pub key: Arc<ApiKey>,
    /// What the organization pays for.
    pub plan: Plan,
    /// The organization's revision at which the key was looked at.
    pub revision: i64,
}

impl Caller {
    /// What `registeredBy`, `createdBy` and their like say.
    pub fn service(&self) -> &str {
        &self.key.caller_service
    }
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Rows of a page.
    pub limit: u32,
}

impl Page {
    /// Rows before this page.
    pub fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * i64::from(self.limit)
    }
}

impl Host {
    /// The present.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Begins a change of what an organization has. Changes of one organization come one after
    /// the other, and what is remembered of it is forgotten when the change is committed.
    pub async fn change(&self, id: &OrganizationId) -> Result<Change<'_>> {
        let mut tx = self.db.begin().await?;
        let organization =
            organization::touch(&mut tx, id).await?.ok_or_else(|| fail!(NotFound, "there is no organization {id}"))?;
        Ok(Change { tx, organization, now: self.now(), record: lifecycle::Record::default(), host: self })
    }
}

/// A change of one organization that is under way. Dropped, it never happened.
pub struct Change<'host> {
    /// The transaction.
    pub tx: Tx,
    /// The organization, locked.
    pub organization: Organization,
    /// The present, the same for the whole change.
    pub now: Time,
    record: lifecycle::Record,
    host: &'host Host,
}

impl Change<'_> {
    /// Says what happens, to whoever subscribed to that. It is written with the change or not at
    /// all, in the order of the calls.
    pub fn record(&mut self, event: Lifecycle) {
        let Organization { id, revision, .. } = &self.organization;
        self.record.add(self.host, id, *revision, self.now, event);
    }

    /// Says what happens to another organization that has a part in it.
    pub async fn record_for(&mut self, organization: &OrganizationId, event: Lifecycle) -> Result<()> {
        let revision = lifecycle::revision_of(&mut self.tx, organization).await?;
        self.record.add(self.host, organization, revision, self.now, event);
        Ok(())
    }

    /// Makes the change permanent; everything accepted from here on obeys it.
    pub async fn commit(mut self) -> Result<()> {
        self.record.write(&mut self.tx).await?;
        idempotency::take_effect(&mut self.tx, self.now).await?;
        let committed = self.tx.commit().await;
        // Even a commit that failed may have taken effect: the answer may have been lost.
        self.host.directory.forget(&self.organization.id);
        if !self.record.is_empty() {
            self.host.emits_due.notify_one();
        }
        committed
    }
}
