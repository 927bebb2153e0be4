//! What filters cost where they are looked at: in the router, in an instance that lives.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use crate::{
    domain::{
        event::{Candidate, Event},
        id::OrganizationId,
        limits::ROUTER_CANDIDATES_MAX,
        time::Time,
    },
    error::Result,
    fail,
    runtime::{Call, Runtime, Settings},
};

/// Subscriptions with a filter, to one event.
pub(super) const SUBSCRIPTIONS: usize = 10_000;
/// Events, of which the median counts; the first ones also start the instance.
const EVENTS: usize = 21;

/// What routing one event to all of them takes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filters {
    /// Microseconds of one filter of three leaves.
    pub(super) micros_each: f64,
    /// Milliseconds of all calls of the router.
    pub(super) routed_ms: f64,
    /// Of the instance, after the last event.
    pub(super) memory_bytes: u64,
    /// Whether that is more than after the first one.
    pub(super) memory_grew: bool,
}

pub(super) fn measure() -> Result<Filters> {
    let runtime = Runtime::new(Settings::default())?;
    let candidates: Vec<Candidate> = (0..SUBSCRIPTIONS).map(candidate).collect();
    let (event, call) = (event(), call());
    let mut durations = Vec::with_capacity(EVENTS);
    let mut memories = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS {
        let begun = Instant::now();
        let mut chosen = 0;
        for some in candidates.chunks(ROUTER_CANDIDATES_MAX) {
            let outcome = runtime.route(runtime.router(), &call, &event, some);
            let failed = |failure| fail!(Unavailable, "the router failed: {failure:?}");
            chosen += outcome.result.map_err(failed)?.len();
            memories.push(outcome.memory_bytes);
        }
        durations.push(begun.elapsed());
        if chosen != SUBSCRIPTIONS / 100 {
            return Err(fail!(Unavailable, "{chosen} of the filters matched"));
        }
    }
    durations.sort_unstable();
    let routed_ms = durations.get(EVENTS / 2).map_or(0.0, Duration::as_secs_f64) * 1e3;
    Ok(Filters {
        micros_each: routed_ms * 1e3 / f64::from(u32::try_from(SUBSCRIPTIONS).unwrap_or(u32::MAX)),
        routed_ms,
        memory_bytes: memories.last().copied().unwrap_or(0),
        memory_grew: memories.last() > memories.first(),
    })
}

/// A subscription whose filter matches the order for every hundredth number.
fn candidate(number: usize) -> Candidate {
    let country = if number.is_multiple_of(100) { "NG" } else { "GH" };
    let filter = json!({
        "state": ["paid", "shipped"], "total": [{ "numeric": [">=", number % 1_000] }],
        "customer": { "country": [country] },
    });
    Candidate { subscription_id: format!("evs_{number:026}"), filter: filter.to_string(), labels: Vec::new() }
}

fn event() -> Event {
    let line = |number: u32| json!({ "sku": format!("sku-{number}"), "quantity": number, "unitPrice": 12.5 });
    let order = json!({
        "orderId": "ord_01jd0000000000000000000000", "state": "paid", "currency": "NGN", "total": 1250.5,
        "customer": { "id": "cus_1234567890", "email": "ada@example.com", "tier": "gold", "country": "NG" },
        "lines": (1..9).map(line).collect::<Vec<_>>(), "notes": "x".repeat(200),
    });
    Event {
        id: "evt_01jd0000000000000000000000".to_owned(),
        canonical_name: "TENANT_CUSTOM:org_bench:shop.order.paid@1.0.0".to_owned(),
        organization_id: "org_bench".to_owned(),
        namespace: "shop".to_owned(),
        name: "order.paid".to_owned(),
        version: "1.0.0".to_owned(),
        accepted_at_ms: 0,
        payload: order.to_string(),
        attributes: Vec::new(),
    }
}

fn call() -> Call {
    Call {
        organization: OrganizationId::stored("org_bench"),
        config: "{}".into(),
        subscription_id: None,
        attempt: 1,
        attempted_at: Time::from_millis(0),
    }
}
