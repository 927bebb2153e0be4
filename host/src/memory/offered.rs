//! The endpoints that are remembered of one organization: each once; by event type the list of those that the event
//! is offered to; and by pattern, for events that come for the first time. All are bounded in bytes.

use std::{
    collections::HashMap,
    mem::size_of,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use quick_cache::{Weighter, sync::Cache};

use super::cache::one_shard;
use crate::domain::{
    id::SubscriptionId,
    limits::ENDPOINTS_ORGANIZATION_BYTES_MAX,
    subscription::{Endpoint, EventType},
};

/// Bytes of an organization's lists: a part of what it may have, because a list without its endpoints is short.
const LISTS_BYTES_MAX: usize = ENDPOINTS_ORGANIZATION_BYTES_MAX / 4;
/// Bytes of its patterns: those of two thousand subscriptions with a hundred each.
const PATTERNS_BYTES_MAX: usize = ENDPOINTS_ORGANIZATION_BYTES_MAX / 4;
/// Bytes of the endpoints that its lists and patterns share.
const SHARED_BYTES_MAX: usize = ENDPOINTS_ORGANIZATION_BYTES_MAX - LISTS_BYTES_MAX - PATTERNS_BYTES_MAX;
/// Lists that are expected at most.
const LISTS_EXPECTED: usize = 1_000;
/// Bytes that an entry of a map, a list or an endpoint takes beside what is counted, allocations included.
const ENTRY_BYTES: usize = 256;

/// The endpoints of one organization's subscriptions.
pub(super) struct Offered {
    lists: Cache<String, List, Bytes>,
    shared: Mutex<Shared>,
    /// The patterns with their bytes; `None` if they are not remembered.
    patterns: Mutex<Option<(Arc<[Pattern]>, usize)>>,
    /// Bytes of all of it when they were last counted.
    counted: AtomicUsize,
    /// The sum of what all organizations have counted.
    total: Arc<AtomicUsize>,
}

/// An event type that is looked at for each event, and the endpoint of a subscription to it.
pub(super) type Pattern = (EventType, Arc<Endpoint>);

/// Endpoints that lists share. One that was let in stays as long as its organization is remembered at this revision,
/// so that no list holds one that is not counted.
#[derive(Default)]
struct Shared {
    by_id: HashMap<SubscriptionId, Arc<Endpoint>>,
    bytes: usize,
}

/// The endpoints that an event is offered to.
#[derive(Clone)]
struct List {
    endpoints: Arc<[Arc<Endpoint>]>,
    /// Bytes of those of them that no other list has, because there was no room to share them.
    alone: usize,
}

/// Weighs a list by the bytes that it takes: its name, a pointer for each endpoint, and what it alone holds.
#[derive(Clone)]
struct Bytes;

impl Weighter<String, List> for Bytes {
    fn weight(&self, name: &String, list: &List) -> u64 {
        (ENTRY_BYTES + name.len() + list.endpoints.len() * size_of::<Arc<Endpoint>>() + list.alone) as u64
    }
}

impl Offered {
    /// Remembers nothing yet; what it will is added to `total`.
    pub(super) fn new(total: Arc<AtomicUsize>) -> Self {
        Self {
            lists: one_shard(LISTS_EXPECTED, LISTS_BYTES_MAX, Bytes),
            shared: Mutex::default(),
            patterns: Mutex::new(None),
            counted: AtomicUsize::new(0),
            total,
        }
    }

    /// The list of an event type, if it is remembered.
    pub(super) fn get(&self, name: &str) -> Option<Arc<[Arc<Endpoint>]>> {
        self.lists.get(name).map(|list| list.endpoints)
    }

    /// The endpoint of a subscription, if lists share it.
    pub(super) fn shared(&self, id: &SubscriptionId) -> Option<Arc<Endpoint>> {
        self.shared.lock().by_id.get(id).cloned()
    }

    /// Shares the endpoint of a subscription among lists from here on, if there is room. Of two that are shared at
    /// the same time the first one stays.
    pub(super) fn share(&self, id: SubscriptionId, endpoint: Endpoint) -> Arc<Endpoint> {
        let bytes = bytes_of(&endpoint);
        let mut shared = self.shared.lock();
        if let Some(known) = shared.by_id.get(&id) {
            return known.clone();
        }
        let endpoint = Arc::new(endpoint);
        if shared.bytes + bytes <= SHARED_BYTES_MAX {
            shared.bytes += bytes;
            shared.by_id.insert(id, endpoint.clone());
        }
        endpoint
    }

    /// Remembers the list of an event type, if there is room for it.
    pub(super) fn remember(&self, name: String, endpoints: Arc<[Arc<Endpoint>]>) {
        let alone = self.alone(&*endpoints);
        self.lists.insert(name, List { endpoints, alone });
        self.count();
    }

    /// The patterns, if they are remembered.
    pub(super) fn patterns(&self) -> Option<Arc<[Pattern]>> {
        self.patterns.lock().as_ref().map(|(patterns, _)| patterns.clone())
    }

    /// Remembers the patterns, if there is room for them.
    pub(super) fn remember_patterns(&self, patterns: Arc<[Pattern]>) {
        let bytes_of = |(pattern, _): &Pattern| size_of::<Pattern>() + pattern.as_str().len();
        let alone = self.alone(patterns.iter().map(|(_, endpoint)| endpoint));
        let bytes = patterns.iter().map(bytes_of).sum::<usize>() + alone;
        if bytes <= PATTERNS_BYTES_MAX {
            *self.patterns.lock() = Some((patterns, bytes));
            self.count();
        }
    }

    /// Bytes of those of the endpoints that are not shared.
    fn alone<'a>(&self, endpoints: impl IntoIterator<Item = &'a Arc<Endpoint>>) -> usize {
        let shared = self.shared.lock();
        let is_alone = |endpoint: &&Arc<Endpoint>| {
            let known = endpoint.receiver.subscription().and_then(|id| shared.by_id.get(id));
            known.is_none_or(|known| !Arc::ptr_eq(known, endpoint))
        };
        endpoints.into_iter().filter(is_alone).map(|endpoint| bytes_of(endpoint)).sum()
    }

    /// Brings what is counted up to date.
    fn count(&self) {
        let bytes = self.bytes();
        let before = self.counted.swap(bytes, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_sub(before, Ordering::Relaxed);
    }

    /// Bytes of all that is remembered.
    pub(super) fn bytes(&self) -> usize {
        let of_patterns = self.patterns.lock().as_ref().map_or(0, |(_, bytes)| *bytes);
        self.shared.lock().bytes + of_patterns + usize::try_from(self.lists.weight()).unwrap_or(usize::MAX)
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.total.fetch_sub(self.counted.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Bytes that an endpoint takes.
fn bytes_of(endpoint: &Endpoint) -> usize {
    let pairs = |pairs: &[(String, String)]| -> usize {
        let bytes = |(name, value): &(String, String)| size_of::<(String, String)>() + name.len() + value.len();
        pairs.iter().map(bytes).sum()
    };
    let terms = &endpoint.terms;
    ENTRY_BYTES
        + size_of::<Endpoint>()
        + endpoint.url.len()
        + endpoint.disabled.as_ref().map_or(0, |disabled| disabled.reason.len())
        + terms.filter.as_ref().map_or(0, |filter| filter.len())
        + pairs(&terms.labels)
        + terms.retry_schedule.as_ref().map_or(0, |schedule| size_of_val(schedule.steps_s()))
        + endpoint.secrets.bytes()
        + pairs(endpoint.headers.pairs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        headers::StaticHeaders,
        id::{OrganizationId, ProgramId},
        signature::{Secret, Secrets},
        subscription::Terms,
        time::Time,
    };

    fn id(number: u128) -> SubscriptionId {
        SubscriptionId::new(Time::from_millis(0), number)
    }

    fn endpoint(number: u128, filter_bytes: usize) -> Endpoint {
        Endpoint {
            program_id: ProgramId::stored("prg_1"),
            receiver: id(number).into(),
            organization_id: OrganizationId::stored("org_1"),
            url: String::new(),
            is_active: true,
            disabled: None,
            failing_since: None,
            terms: Terms { filter: Some("x".repeat(filter_bytes).into()), ..Terms::default() },
            secrets: Secrets::new(Secret::parse("12345678").expect("legal"), None),
            headers: StaticHeaders::default(),
            since_revision: 0,
            group_id: None,
        }
    }

    /// The list of an event that all of so many subscriptions match.
    fn list(offered: &Offered, count: u128, filter_bytes: usize) -> Arc<[Arc<Endpoint>]> {
        let shared = |number| {
            offered.shared(&id(number)).unwrap_or_else(|| offered.share(id(number), endpoint(number, filter_bytes)))
        };
        (0..count).map(shared).collect()
    }

    #[test]
    fn lists_share_the_endpoints_of_their_subscriptions() {
        let offered = Offered::new(Arc::default());
        offered.remember("one".to_owned(), list(&offered, 400, 8_192));
        let of_one = offered.bytes();
        assert!(of_one > 400 * 8_192, "{of_one}");
        for number in 0..300 {
            offered.remember(format!("event.{number}"), list(&offered, 400, 8_192));
        }
        let (one, other) = (offered.get("one").expect("kept"), offered.get("event.7").expect("kept"));
        assert!(one.iter().zip(&*other).all(|(one, other)| Arc::ptr_eq(one, other)));
        assert!(offered.bytes() < of_one + 300 * (400 * 8 + 512), "{} after {of_one}", offered.bytes());
    }

    #[test]
    fn endpoints_organization_bytes_max() {
        let total = Arc::default();
        let offered = Offered::new(Arc::clone(&total));
        // Many lists, and then endpoints for which there is no room to share them.
        for number in 0..20_000 {
            offered.remember(format!("{number:01000}"), list(&offered, 4, 8_192));
        }
        assert!(offered.bytes() > LISTS_BYTES_MAX / 2, "{}", offered.bytes());
        for number in 0..1_000 {
            let others = (number * 10 + 1_000..).take(10).map(|other| offered.share(id(other), endpoint(other, 8_192)));
            offered.remember(format!("event.{number}"), others.collect());
            assert!(offered.bytes() <= ENDPOINTS_ORGANIZATION_BYTES_MAX, "{}", offered.bytes());
        }
        let patterns = |count: usize| -> Arc<[Pattern]> {
            let one = offered.shared(&id(0)).expect("shared");
            (0..count).map(|number| (EventType::stored(format!("*{number:01000}")), one.clone())).collect()
        };
        offered.remember_patterns(patterns(PATTERNS_BYTES_MAX / 1_000));
        assert!(offered.patterns().is_none(), "there is no room for so many");
        offered.remember_patterns(patterns(PATTERNS_BYTES_MAX / 1_100));
        assert!(offered.patterns().is_some());
        assert!(offered.bytes() <= ENDPOINTS_ORGANIZATION_BYTES_MAX, "{}", offered.bytes());
        assert!(offered.bytes() > ENDPOINTS_ORGANIZATION_BYTES_MAX / 4 * 3, "{}", offered.bytes());
        assert_eq!(total.load(Ordering::Relaxed), offered.bytes());
        drop(offered);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }
}
