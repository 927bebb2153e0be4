//! Routes an event and prepares its delivery with the built-in components, and measures both.

use std::{
    error::Error,
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use weir_runtime::{BuiltIn, Candidate, DeliveryCall, Event, KeyForm, Outcome, RouterCall, Runtime, Settings, Sign};

/// Calls that are measured, after as many that are not.
const CALLS: usize = 2_000;

/// Stands for the secrets of a receiver. A real one computes HMAC-SHA256 with each of them.
struct Signer;

impl Sign for Signer {
    fn hmac_sha256(&self, _form: KeyForm, _data: &[u8]) -> Vec<[u8; 32]> {
        vec![[7; 32]]
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new(Settings::default())?;
    for payload_bytes in [100, 10_000, 250_000] {
        let payload = format!(r#"{{"currency":"NGN","notes":"{}"}}"#, "x".repeat(payload_bytes));
        let event = event(&payload);
        println!("payload of {payload_bytes} bytes");
        println!("  route to 1 of 10 subscriptions: {}", measured(|| route(&runtime, &event))?);
        println!("  prepare a webhook delivery: {}", measured(|| prepare(&runtime, &event))?);
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

fn route(runtime: &Runtime, event: &Event<'_>) -> Outcome<usize> {
    let filter = |number| if number == 0 { r#"{"currency":["NGN"]}"# } else { r#"{"currency":["GHS"]}"# };
    let ids: Vec<String> = (0..10).map(|number| format!("evs_{number}")).collect();
    let candidate = |(number, id)| Candidate { subscription_id: id, filter: filter(number), labels: Vec::new() };
    let candidates: Vec<_> = ids.iter().map(String::as_str).enumerate().map(candidate).collect();
    let call = RouterCall { organization: Arc::from("org_1"), config: Arc::from("{}"), budget: None };
    let Outcome { result, fuel, duration, memory_bytes, logs } =
        runtime.route(runtime.builtin(BuiltIn::Router), &call, event, &candidates);
    Outcome { result: result.map(|destinations| destinations.len()), fuel, duration, memory_bytes, logs }
}

fn prepare(runtime: &Runtime, event: &Event<'_>) -> Outcome<usize> {
    let call = DeliveryCall {
        organization: Arc::from("org_1"),
        config: Arc::from(r#"{"signatureScheme":"body"}"#),
        subscription_id: Some(Arc::from("evs_0")),
        attempt: 1,
        attempted_at_ms: event.accepted_at_ms,
        budget: None,
    };
    let webhook = runtime.builtin(BuiltIn::Webhook);
    let Outcome { result, fuel, duration, memory_bytes, logs } =
        runtime.prepare(webhook, &call, event, "https://receiver.example/hook", Arc::new(Signer));
    Outcome { result: result.map(|request| request.body.len()), fuel, duration, memory_bytes, logs }
}

/// The median time of a call, from the caller's side, and what the call answered.
fn measured<T: Debug>(call: impl Fn() -> Outcome<T>) -> Result<String, Box<dyn Error>> {
    let mut durations = Vec::with_capacity(CALLS);
    let mut last = None;
    for number in 0..2 * CALLS {
        let begun = Instant::now();
        let outcome = call();
        let duration = begun.elapsed();
        let answer = outcome.result.map_err(|failure| failure.message().to_owned())?;
        if number >= CALLS {
            durations.push(duration);
        }
        last = Some((answer, outcome.fuel));
    }
    durations.sort_unstable();
    let median = durations.get(CALLS / 2).copied().unwrap_or(Duration::ZERO);
    Ok(format!("{median:.1?}, {last:?}"))
}
