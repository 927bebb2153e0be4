//! Two organizations: one whose filters are slow emits large payloads, and the deliveries of the
//! other one are measured. Routing that takes turns keeps them apart.

use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::StatusCode;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::{
    api::Organization,
    bench::{ARRIVE_MAX, Bench, WARM_UP},
    figures::{Pair, SlowFilters},
    load::{self, Schedule, Sent, Timing},
    message::Message,
    receiver::BLIND,
    tenant::HEARD,
};

/// Events a second of the organization that is measured, to its one plain subscription.
pub(crate) const RATE: u32 = 50;
/// Events a second of the organization whose filters are slow.
const SLOW_RATE: u32 = 40;
/// Its subscriptions.
const SLOW_SUBSCRIPTIONS: usize = 20;
/// Bytes of the text in each of its payloads. The filter looks through all of it and matches none.
const SLOW_TEXT_BYTES: usize = 150_000;
/// Its connections: so many that none is waited for.
const SLOW_CONNECTIONS: usize = 16;
const SLOW_NAMESPACE: &str = "slow";
const SLOW_EVENT: &str = "text";

/// Measures without and beside the slow filters. Nothing of them is left to be routed afterwards.
pub(crate) async fn measure(bench: &Bench) -> Result<SlowFilters> {
    let slow = bench.tenant.operator.create_organization("Slow").await?;
    let subscriptions = subscribe(bench, &slow).await?;
    let alone = bench.latency(HEARD, RATE, 1).await?;
    let emitting = emit(&slow, bench.seconds + WARM_UP);
    // The measurement begins under the full load.
    tokio::time::sleep(WARM_UP).await;
    let beside = bench.latency(HEARD, RATE, 1).await?;
    let sent = emitting.await??;
    for id in subscriptions {
        slow.unsubscribe(&id).await?;
    }
    bench.tenant.all_routed(ARRIVE_MAX).await?;
    Ok(SlowFilters { other: Pair { alone, beside }, slow_rate: f64::from(sent.count) / sent.took.as_secs_f64() })
}

/// Registers the event of the slow organization and subscribes to it; gives the subscriptions' ids.
async fn subscribe(bench: &Bench, slow: &Organization) -> Result<Vec<String>> {
    bench.tenant.operator.allow_namespace(slow, SLOW_NAMESPACE).await?;
    slow.register(SLOW_NAMESPACE, SLOW_EVENT, &json!({ "type": "object" })).await?;
    let subscription = json!({
        "name": format!("{SLOW_NAMESPACE}.{SLOW_EVENT}"), "webhookUrl": format!("{}{BLIND}", bench.receiver.url),
        "filter": { "a": [{ "wildcard": "*aaaaaaaab*b" }, { "wildcard": "*aaaaaaaab*c" }] },
    });
    let mut ids = Vec::with_capacity(SLOW_SUBSCRIPTIONS);
    for _ in 0..SLOW_SUBSCRIPTIONS {
        ids.push(slow.subscribe(&subscription).await?);
    }
    Ok(ids)
}

/// Emits at [`SLOW_RATE`] from now on.
fn emit(slow: &Organization, duration: Duration) -> JoinHandle<Result<Sent>> {
    let text = "a".repeat(SLOW_TEXT_BYTES);
    let message = Message::with_payload(&format!("{SLOW_NAMESPACE}.{SLOW_EVENT}"), &json!({ "a": text }));
    let count = SLOW_RATE * u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let timing = Timing::Open(Schedule::start(Instant::now(), SLOW_RATE, count, SLOW_CONNECTIONS));
    let emit = slow.emit.clone();
    tokio::spawn(async move { load::send(&emit, SLOW_CONNECTIONS, &message, StatusCode::ACCEPTED, timing).await })
}
