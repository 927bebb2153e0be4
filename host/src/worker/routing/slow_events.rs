//! Remembers which events were too much for a quick choice, so that the next one like it does not use one up
//! before it is routed in the slow lane.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;

use crate::domain::{emit::Emit, id::OrganizationId};

/// Events that are remembered. A forgotten one costs a quick choice.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// The events that were too much for a quick choice.
pub(in crate::worker) struct SlowEvents(Mutex<LruCache<EventKey, Known>>);

/// An organization, and the type of an event that is accepted there.
type EventKey = (OrganizationId, String);

/// The smallest event of a type that was too much.
#[derive(Clone, Copy)]
struct Known {
    /// The revision of the organization; at another one its subscriptions may be quick.
    revision: i64,
    /// The size of the smallest payload that was too much.
    payload_bytes: usize,
}

impl Default for SlowEvents {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED_MAX)))
    }
}

impl SlowEvents {
    /// Whether an event like this one, with a payload no larger, was too much before.
    pub(super) fn has(&self, emit: &Emit) -> bool {
        let mut known = self.0.lock();
        if known.is_empty() {
            return false;
        }
        let known = known.get(&event(emit));
        known.is_some_and(|known| known.revision == emit.revision && known.payload_bytes <= emit.payload.len())
    }

    /// Notes that an event was too much.
    pub(super) fn add(&self, emit: &Emit) {
        let (event, now) = (event(emit), Known { revision: emit.revision, payload_bytes: emit.payload.len() });
        let mut known = self.0.lock();
        match known.get_mut(&event) {
            Some(known) if known.revision == now.revision => {
                known.payload_bytes = known.payload_bytes.min(now.payload_bytes);
            }
            _ => drop(known.put(event, now)),
        }
    }
}

fn event(emit: &Emit) -> EventKey {
    (emit.organization_id.clone(), emit.event_type())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        emit::{Fact, Subject},
        id::EmitId,
        time::Time,
    };

    fn emit(revision: i64, payload_bytes: usize) -> Emit {
        Emit {
            id: EmitId::new(Time::from_millis(0), 1),
            organization_id: OrganizationId::stored("org_1"),
            subject: Subject::Ingested(Fact { event_type: "a.b".to_owned(), entity: None }),
            payload: "x".repeat(payload_bytes).into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: String::new(),
            accepted_at: Time::from_millis(0),
            revision,
            source: None,
        }
    }

    #[test]
    fn events_as_large_are_slow_until_the_organization_changes() {
        let slow = SlowEvents::default();
        assert!(!slow.has(&emit(1, 500)));
        slow.add(&emit(1, 500));
        slow.add(&emit(1, 900));
        assert!(slow.has(&emit(1, 500)) && slow.has(&emit(1, 1_000)));
        assert!(!slow.has(&emit(1, 499)), "a smaller one may be quick");
        assert!(!slow.has(&emit(2, 500)), "its subscriptions may be others");
        slow.add(&emit(2, 700));
        assert!(!slow.has(&emit(2, 600)), "what was slow before the change does not count");
    }
}
