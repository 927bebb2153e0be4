//! The cost of content filters in the router, in one instance of it that handles event after event.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure, format_err};
use serde_json::json;
use weir::{
    domain::{
        event::{Candidate, Event},
        id::OrganizationId,
        limits::ROUTER_CANDIDATES_MAX,
        time::Time,
    },
    runtime::{Call, Runtime, Settings},
};

use crate::figures::Filters;

/// Subscriptions with a filter to one event. Every hundredth filter matches it.
const SUBSCRIPTIONS: u32 = 10_000;
/// Events, of which the median counts; the first ones also start the instance.
const EVENTS: usize = 21;

pub(crate) fn measure() -> Result<Filters> {
    let runtime = Runtime::new(Settings::default())?;
    let candidates: Vec<Candidate> = (0..SUBSCRIPTIONS).map(candidate).collect();
    let (event, call) = (event(), call());
    let mut durations = Vec::with_capacity(EVENTS);
    let mut memories = Vec::with_capacity(EVENTS);
    for _ in 0..EVENTS {
        let begun = Instant::now();
        let mut matches = 0;
        for some in candidates.chunks(ROUTER_CANDIDATES_MAX) {
            let outcome = runtime.route(runtime.router(), &call, &event, some);
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

/// A subscription whose filter matches the order for every hundredth number.
fn candidate(number: u32) -> Candidate {
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
