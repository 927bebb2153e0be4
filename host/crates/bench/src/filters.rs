//! The cost of content filters in the router, in one instance of it that handles event after event.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure, format_err};
use serde_json::json;
use weir::domain::limits::ROUTER_CANDIDATES_MAX;
use weir_runtime::{BuiltIn, Candidate, Event, RouterCall, Runtime, Settings};

use crate::figures::Filters;

/// Subscriptions with a filter to one event. Every hundredth filter matches it.
const SUBSCRIPTIONS: u32 = 10_000;
/// Events, of which the median counts; the first ones also start the instance.
const EVENTS: usize = 21;

pub(crate) fn measure() -> Result<Filters> {
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
        let mut matches = 0;
        for some in candidates.chunks(ROUTER_CANDIDATES_MAX) {
            let outcome = runtime.route(runtime.builtin(BuiltIn::Router), &call, &event, some);
            let chosen = outcome.result.map_err(|failure| format_err!("the router failed: {failure:?}"))?;
            matches += chosen.len();
            memories.push(outcome.memory_bytes);
        }
        durations.push(begun.elapsed());
        ensure!(matches == SUBSCRIPTIONS as usize / 100, "{matches} of the filters matched");
    }
    durations.sort_unstable();
    let routed_ms = durations.get(EVENTS / 2).map_or(0.0, Duration::as_secs_f64) * 1e3;
    Ok(Filters {
        subscriptions: SUBSCRIPTIONS,
        micros_each: routed_ms * 1e3 / f64::from(SUBSCRIPTIONS),
        routed_ms,
        memory_bytes: memories.last().copied().unwrap_or(0),
        memory_grew: memories.last() > memories.first(),
    })
}

fn candidate<'a>(subscription_id: &'a str, filter: &'a str) -> Candidate<'a> {
    Candidate { subscription_id, filter, labels: Vec::new() }
}

/// A filter that matches the order for every hundredth number.
fn filter(number: u32) -> String {
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
