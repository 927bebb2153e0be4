//! The slow lane: routes events whose filters take long, beside the others and in turns.
//!
//! The router's calls run on the low-priority threads of [`crate::sync::CpuPool`], one at a time for an
//! organization.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::{super::Shared, decide::decide_slowly, hold, put_back, write};
use crate::{
    domain::{
        id::OrganizationId,
        limits::{SLOW_EMITS_MAX, SLOW_EMITS_PER_ORGANIZATION_MAX},
    },
    ledger::Handover,
};

/// How long a slow emit belongs to the process that routes it.
const LEASE_MS: i64 = 300_000;
/// The wait of an emit for which the slow lane has no place.
const WAIT_MS: i64 = 5_000;

/// The slow lane.
pub(super) struct Slow {
    shared: Arc<Shared>,
    places: Places,
}

impl Slow {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, places: Places::default() }
    }

    /// Routes an emit beside the others. When its organization has many under way already, it waits in
    /// the table.
    pub(super) async fn route(&self, handover: Handover) {
        let Some(place) = self.places.take(&handover.emit.organization_id) else {
            let why = "its filters take long on its payload, and other such emits are routed first";
            return hold(&self.shared, &handover, WAIT_MS, why).await;
        };
        hold(&self.shared, &handover, LEASE_MS, "its filters take long on its payload").await;
        let shared = self.shared.clone();
        self.shared.routings.spawn(async move {
            match decide_slowly(&shared, &handover).await {
                Ok(decided) => write(&shared, &handover.emit.organization_id, vec![decided]).await,
                Err(error) => put_back(&shared, &handover, &error).await,
            }
            drop(place);
        });
    }
}

/// How many emits are in the slow lane. Clones count together.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    of_organizations: HashMap<OrganizationId, usize>,
    total: usize,
}

/// A place in the slow lane, free again when it is dropped.
struct Place {
    places: Places,
    organization: OrganizationId,
}

impl Places {
    fn take(&self, organization: &OrganizationId) -> Option<Place> {
        let mut taken = self.0.lock();
        let own = taken.of_organizations.get(organization).copied().unwrap_or_default();
        if taken.total >= SLOW_EMITS_MAX || own >= SLOW_EMITS_PER_ORGANIZATION_MAX {
            return None;
        }
        taken.total += 1;
        taken.of_organizations.insert(organization.clone(), own + 1);
        Some(Place { places: self.clone(), organization: organization.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        taken.total -= 1;
        if let Some(own) = taken.of_organizations.get_mut(&self.organization) {
            *own -= 1;
            if *own == 0 {
                taken.of_organizations.remove(&self.organization);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(number: usize) -> OrganizationId {
        OrganizationId::stored(format!("org_{number}"))
    }

    #[test]
    fn slow_emits_per_organization_max() {
        let places = Places::default();
        let mut own: Vec<_> = (0..SLOW_EMITS_PER_ORGANIZATION_MAX).map(|_| places.take(&organization(1))).collect();
        assert!(own.iter().all(Option::is_some));
        assert!(places.take(&organization(1)).is_none());
        assert!(places.take(&organization(2)).is_some(), "another organization has its own");
        own.pop();
        assert!(places.take(&organization(1)).is_some(), "and a place is free again");
    }

    #[test]
    fn slow_emits_max() {
        let places = Places::default();
        let mut all: Vec<_> = (0..SLOW_EMITS_MAX).map(|number| places.take(&organization(number))).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(places.take(&organization(SLOW_EMITS_MAX)).is_none());
        all.clear();
        let taken = places.0.lock();
        assert!(taken.total == 0 && taken.of_organizations.is_empty());
    }
}
