//! Routing of events whose filters take long: beside the others, and in turns.
//!
//! The calls run on the low-priority threads of [`crate::sync::CpuPool`], one at a time for an
//! organization. An event that is expected to be slow, because one like it was, does not use up a quick
//! call first.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use parking_lot::Mutex;

use super::{
    super::Shared,
    decide::decide_slowly,
    hold, put_back, write,
};
use crate::{
    domain::{
        emit::Emit,
        id::OrganizationId,
        limits::{SLOW_EMITS_MAX, SLOW_EMITS_PER_ORGANIZATION_MAX},
    },
    ledger::Handover,
};

/// Events that are remembered as slow. A forgotten one costs a quick call.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
/// How long a slow emit belongs to the process that routes it.
const LEASE_MS: i64 = 300_000;
/// The wait of an emit for which there is no place.
const WAIT_MS: i64 = 5_000;

/// The slow lane. Clones share it.
#[derive(Clone)]
pub(super) struct Slow {
    shared: Arc<Shared>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Events that were too much for a quick call.
    known: LruCache<Event, Known>,
    /// Emits under way of each organization.
    under_way: HashMap<OrganizationId, usize>,
    total: usize,
}

/// An organization and the event type of its events.
type Event = (OrganizationId, String);

#[derive(Clone, Copy)]
struct Known {
    /// The revision of the organization: other subscriptions may be quick.
    revision: i64,
    /// The size of the smallest payload that was too much.
    payload_bytes: usize,
}

/// A place in the slow lane, free again when it is dropped.
struct Place {
    state: Arc<Mutex<State>>,
    organization: OrganizationId,
}

impl Slow {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let state = State { known: LruCache::new(REMEMBERED_MAX), under_way: HashMap::new(), total: 0 };
        Self { shared, state: Arc::new(Mutex::new(state)) }
    }

    /// Whether an event like this one, with a payload no larger, was too much before.
    pub(super) fn is_expected_of(&self, emit: &Emit) -> bool {
        let mut state = self.state.lock();
        if state.known.is_empty() {
            return false;
        }
        let known = state.known.get(&event(emit));
        known.is_some_and(|known| known.revision == emit.revision && known.payload_bytes <= emit.payload.len())
    }

    /// Notes that an event was too much for a quick call.
    pub(super) fn remember(&self, emit: &Emit) {
        let mut state = self.state.lock();
        let (event, now) = (event(emit), Known { revision: emit.revision, payload_bytes: emit.payload.len() });
        match state.known.get_mut(&event) {
            Some(known) if known.revision == now.revision => {
                known.payload_bytes = known.payload_bytes.min(now.payload_bytes);
            }
            _ => drop(state.known.put(event, now)),
        }
    }

    /// Routes an emit beside the others. When its organization has many under way already, it waits in
    /// the table.
    pub(super) async fn route(&self, handover: Handover) {
        let Some(place) = self.take(&handover.emit.organization_id) else {
            let why = "its filters take long on its payload, and other such emits are routed first";
            return hold(&self.shared, &handover, WAIT_MS, why).await;
        };
        hold(&self.shared, &handover, LEASE_MS, "its filters take long on its payload").await;
        let shared = self.shared.clone();
        self.shared.routings.spawn(async move {
            match decide_slowly(&shared, &handover).await {
                Ok(decided) => write(&shared, vec![decided]).await,
                Err(error) => put_back(&shared, &handover, &error).await,
            }
            drop(place);
        });
    }

    fn take(&self, organization: &OrganizationId) -> Option<Place> {
        let mut state = self.state.lock();
        let own = state.under_way.get(organization).copied().unwrap_or_default();
        if state.total >= SLOW_EMITS_MAX || own >= SLOW_EMITS_PER_ORGANIZATION_MAX {
            return None;
        }
        state.total += 1;
        state.under_way.insert(organization.clone(), own + 1);
        Some(Place { state: self.state.clone(), organization: organization.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        state.total -= 1;
        if let Some(own) = state.under_way.get_mut(&self.organization) {
            *own -= 1;
            if *own == 0 {
                state.under_way.remove(&self.organization);
            }
        }
    }
}

fn event(emit: &Emit) -> Event {
    (emit.organization_id.clone(), emit.event_type())
}
