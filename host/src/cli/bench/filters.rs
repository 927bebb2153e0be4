//! What filters cost where they are looked at: in the router, in an instance that lives.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use weir_runtime::{BuiltIn, Candidate, Event, RouterCall, Runtime, Settings};

use crate::{domain::limits::ROUTER_CANDIDATES_MAX, error::Result, fail};

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
    let subscriptions: Vec<_> =
        (0..SUBSCRIPTIONS).map(|number| (format!("evs_{number:026}"), filter(number))).collect();
    let candidates: Vec<_> = subscriptions.iter().map(|(id, filter)| candidate(id, filter)).collect();
    let payload = payload();
    let event = event(&payload);
    let call = RouterCall { organization: "org_bench".into(), config: "{}".into(), budget: None };
    let mut durations = Vec::with_capacity(EVENTS);
    let mut memories = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS {
        let begun = Instant::now();
        let mut chosen = 0;
        for some in candidates.chunks(ROUTER_CANDIDATES_MAX) {
            let outcome = runtime.route(runtime.builtin(BuiltIn::Router), &call, &event, some);
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

fn candidate<'a>(subscription_id: &'a str, filter: &'a str) -> Candidate<'a> {
    Candidate { subscription_id, filter, labels: Vec::new() }
}

/// A filter that matches the order for every hundredth number.
fn filter(number: usize) -> String {
    let country = if number.is_multiple_of(100) { "NG" } else { "GH" };
    json!({
        "state": ["paid", "shipped"], "total": [{ "numeric": [">=", number % 1_000] }],
        "customer": { "country": [country] },
    })
    .to_string()
}

/// An order of about a kilobyte.
fn payload() -> String {
    let line = |number: u32| json!({ "sku": format!("sku-{number}"), "quantity": number, "unitPrice": 12.5 });
    json!({
        "orderId": "ord_01jd0000000000000000000000", "state": "paid", "currency": "NGN", "total": 1250.5,
        "customer": { "id": "cus_1234567890", "email": "ada@example.com", "tier": "gold", "country": "NG" },
        "lines": (1..9).map(line).collect::<Vec<_>>(), "notes": "x".repeat(200),
    })
    .to_string()
}

fn event(payload: &str) -> Event<'_> {
    Event {
        id: "evt_01jd0000000000000000000000",
        canonical_name: "TENANT_CUSTOM:org_bench:shop.order.paid@1.0.0",
        organization_id: "org_bench",
        namespace: "shop",
        name: "order.paid",
        version: "1.0.0",
        accepted_at_ms: 0,
        payload,
        attributes: &[],
    }
}
