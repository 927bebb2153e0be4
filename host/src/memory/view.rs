//! Views: the memory of one organization at one revision.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicUsize},
};

use parking_lot::Mutex;
use quick_cache::{UnitWeighter, sync::Cache};
use tokio::sync::OnceCell;

use super::{cache::one_shard, offered::Offered};
use crate::{
    domain::{
        id::RegistrationId,
        lifecycle::{CUSTOM_EVENT_EMIT_RELAYED, CUSTOM_EVENT_EMIT_REQUESTED},
        name::{EventName, Version},
        organization::Organization,
        time::Time,
    },
    keyring::OrganizationKey,
};

/// Events remembered of one organization: each is two short names and a number.
const EVENTS_MAX: usize = 1_000;

/// An organization at one revision, with the data that was read of it at that revision or later.
pub struct OrganizationView {
    pub organization: Organization,
    /// By event and version; `None` stands for the latest published version.
    pub(super) emittables: Cache<(EventName, Option<Version>), Arc<Emittable>>,
    /// The endpoints of active subscriptions, by event type.
    pub(super) offered: Offered,
    /// When the ledger last said that the month's emits are used up.
    pub(super) used_up_at: Mutex<Option<Time>>,
    // Each of these is read by one task while the others wait for it.
    pub(super) key: OnceCell<OrganizationKey>,
    pub(super) wanted: OnceCell<WantedLifecycle>,
    /// The registrations that are pushed to a group.
    pub(super) pushed: OnceCell<HashSet<RegistrationId>>,
}

impl OrganizationView {
    /// An organization of which nothing else is remembered yet. The bytes of its endpoints are added to
    /// `endpoints_bytes`.
    pub(super) fn new(organization: Organization, endpoints_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            organization,
            emittables: one_shard(EVENTS_MAX, EVENTS_MAX, UnitWeighter),
            offered: Offered::new(endpoints_bytes),
            used_up_at: Mutex::new(None),
            key: OnceCell::new(),
            wanted: OnceCell::new(),
            pushed: OnceCell::new(),
        }
    }
}

/// A published registration, as an emit refers to it.
pub struct Emittable {
    pub registration_id: RegistrationId,
    pub version: Version,
}

/// The lifecycle events about emits that a subscription of an organization wants. The others are not written,
/// because emits come thousands of times a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedLifecycle(pub(super) Vec<&'static str>);

impl WantedLifecycle {
    /// Whether a subscription wants the event of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    /// Whether a subscription wants an event that accepting or routing an emit leads to.
    pub fn of_accepted(&self) -> bool {
        self.contains(CUSTOM_EVENT_EMIT_REQUESTED) || self.contains(CUSTOM_EVENT_EMIT_RELAYED)
    }
}
