//! Measures one call of the built-in router and one of the built-in webhook adapter, for payloads of
//! three sizes: the median time that the caller waits, and the fuel.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use weir_runtime::{
    BuiltIn, Candidate, DeliveryCall, Event, Failure, KeyForm, Outcome, RouterCall, Runtime, Settings, Sign,
};

/// Calls that are measured, after as many that are not.
const CALLS: usize = 1_000;
/// Bytes of the payloads.
const PAYLOADS: [usize; 3] = [100, 10_000, 250_000];

/// Stands for the secrets of a receiver. A real signer computes HMAC-SHA256 with each of them.
struct Signer;

impl Sign for Signer {
    fn hmac_sha256(&self, _form: KeyForm, _data: &[u8]) -> Vec<[u8; 32]> {
        vec![[7; 32]]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::new(Settings::default())?;
    for bytes in PAYLOADS {
        let payload = format!(r#"{{"currency":"NGN","notes":"{}"}}"#, "x".repeat(bytes));
        let event = event(&payload);
        println!("payload of {bytes} bytes");
        println!("  route to one of two subscriptions: {}", measure(|| route(&runtime, &event)));
        println!("  prepare a webhook delivery:        {}", measure(|| prepare(&runtime, &event)));
    }
    Ok(())
}

fn event(payload: &str) -> Event<'_> {
    Event {
        id: "evt_01jd0000000000000000000000",
        canonical_name: "TENANT_CUSTOM:org_1:shop.order.paid@1.0.0",
        organization_id: "org_1",
        namespace: "shop",
        name: "order.paid",
        version: "1.0.0",
        accepted_at_ms: 1_778_103_648_120,
        payload,
        attributes: &[],
    }
}

/// Asks the built-in router; the answer is the number of subscriptions that get the event.
fn route(runtime: &Runtime, event: &Event<'_>) -> (Result<usize, Failure>, u64) {
    let filters = [("evs_1", r#"{"currency":["NGN"]}"#), ("evs_2", r#"{"currency":["GHS"]}"#)];
    let candidates = filters.map(|(id, filter)| Candidate { subscription_id: id, filter, labels: Vec::new() });
    let call = RouterCall { organization: "org_1".into(), config: "{}".into(), budget: None };
    let Outcome { result, fuel, .. } = runtime.route(runtime.builtin(BuiltIn::Router), &call, event, &candidates);
    (result.map(|destinations| destinations.len()), fuel)
}

/// Asks the built-in webhook adapter; the answer is the number of bytes of the body.
fn prepare(runtime: &Runtime, event: &Event<'_>) -> (Result<usize, Failure>, u64) {
    let call = DeliveryCall {
        organization: "org_1".into(),
        config: "{}".into(),
        subscription_id: Some("evs_1".into()),
        attempt: 1,
        attempted_at_ms: event.accepted_at_ms,
        budget: None,
    };
    let (webhook, url) = (runtime.builtin(BuiltIn::Webhook), "https://receiver.example/hook");
    let Outcome { result, fuel, .. } = runtime.prepare(webhook, &call, event, url, Arc::new(Signer));
    (result.map(|request| request.body.len()), fuel)
}

/// The median time of a call, with its answer and its fuel.
fn measure(call: impl Fn() -> (Result<usize, Failure>, u64)) -> String {
    let timed = |_| {
        let begun = Instant::now();
        let answer = call();
        (begun.elapsed(), answer)
    };
    (0..CALLS).map(timed).for_each(drop);
    let mut timed: Vec<(Duration, _)> = (0..CALLS).map(timed).collect();
    timed.sort_unstable_by_key(|(duration, _)| *duration);
    let (median, (answer, fuel)) = &timed[CALLS / 2];
    format!("{median:.1?}, {fuel} instructions, answer {answer:?}")
}
