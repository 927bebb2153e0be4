//! Use cases: each does what a caller asks for, in one transaction.
//!
//! A use case takes plain values and gives plain values. It knows everything below it, such as the
//! database, the memory and the pipeline, and not HTTP.

use std::sync::{Arc, atomic::AtomicU32};

use weir_runtime::Runtime;

use crate::{
    clock::{Clock, Randomness},
    db::{Db, Part},
    domain::{
        address::Policy,
        schema_caps::{ByPlan, SchemaCaps},
        time::Time,
    },
    keyring::Keyring,
    ledger::{Bells, Ledger},
    memory::{EndpointHealth, Memory},
    outbound::Outbound,
    sync::CpuPool,
};
use delivery::trial::Trials;

mod accept;
pub mod access;
pub mod announce;
mod change;
mod component;
pub mod delivery;
pub mod event;
pub mod federation;
pub mod health;
pub mod idempotency;
pub mod marketplace;
pub mod organization;
pub mod program;
pub mod reads;
pub mod receiver;
pub mod registry;
pub mod subscription;

pub use access::Caller;
pub use change::Change;

/// The parts that use cases need. There is one for the whole process.
pub struct Host {
    /// The database.
    pub db: Db,
    /// Writes accepted emits, routings and attempts in batches.
    pub ledger: Ledger,
    /// Remembers organizations, so that the hot path reads nothing.
    pub memory: Memory,
    /// Opens the organizations' data keys.
    pub keyring: Keyring,
    /// Runs work that occupies a core: on schemas, and on filters that take long.
    pub cpu: CpuPool,
    /// The idempotency keys of requests that this process runs.
    pub idempotency: idempotency::RunningKeys,
    /// Runs components.
    pub runtime: Runtime,
    /// Sends requests to endpoints.
    pub outbound: Outbound,
    /// Remembers which endpoints fail.
    pub health: EndpointHealth,
    /// Places for reads of organizations.
    pub reads: reads::Reads,
    /// Places for tests of endpoints.
    pub trials: Trials,
    /// Wake the workers up.
    pub bells: Bells,
    /// The clock that use cases read the time from.
    pub clock: Arc<dyn Clock>,
    /// [`Announcements`](announce::Announcements) begun so far, to put their ids in order.
    pub announcements_begun: AtomicU32,
    /// The source of ids, keys and secrets.
    pub randomness: Randomness,
    /// The addresses that endpoints may have.
    pub address_policy: Policy,
    /// How deep and how wide schemas may be, by plan.
    pub schema_caps: SchemaCaps,
    /// Subscriptions of an organization, by plan.
    pub subscriptions_max: ByPlan,
    /// Refused emits that are announced together.
    pub refusals: event::Refusals,
}

impl Host {
    /// The present time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1. It counts from `before`, if there is one.
    pub number: u32,
    /// Rows of a page.
    pub limit: u32,
    /// The cursor of the page before: the key of its last row.
    pub before: Option<String>,
}

impl Page {
    /// Rows before this page.
    pub fn offset(&self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * i64::from(self.limit)
    }

    /// The page as a part of a list that is in the order of a key.
    pub fn part(&self) -> Part<'_> {
        Part { limit: self.limit, offset: self.offset(), before: self.before.as_deref() }
    }
}
