//! A federation group with a thousand members: how fast a push reaches them, and what the owner's
//! own deliveries feel of it.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    OPEN_CONNECTIONS,
    client::Endpoint,
    load::{self, Schedule, Timing},
    measure::Bench,
    message::{Message, NAMESPACE},
    note,
    report::Relays,
    tenant::{API_KEY, CUSTOM, HEARD, PUSHED, Tenant, ask},
};
use crate::error::{Error, Result};

/// Organizations that a push goes to, each with one subscription.
pub(super) const MEMBERS: u32 = 1_000;
/// Pushed events under way at once when it goes as fast as it can.
const UNDER_WAY_MAX: usize = 4;
/// Pushed events a second while the owner's own deliveries are measured: a thousand deliveries.
pub(super) const PUSHED_RATE: u32 = 1;
/// Events a second that are the owner's own.
pub(super) const OWN_RATE: u32 = 200;

pub(super) async fn measure(bench: &Bench) -> Result<Relays> {
    note(&format!("a push to {MEMBERS} members"));
    gather(&bench.tenant, &bench.receiver.url).await?;
    let (throughput, _) = bench.windowed(PUSHED, MEMBERS, UNDER_WAY_MAX, bench.seconds).await?;
    note("the owner's own deliveries, without and with the push");
    let alone = bench.latency_to(HEARD, OWN_RATE, 1).await?;
    let count = PUSHED_RATE * u32::try_from(bench.seconds.as_secs()).unwrap_or(u32::MAX);
    let schedule = Schedule::start(std::time::Instant::now(), PUSHED_RATE, count, OPEN_CONNECTIONS);
    let (emit, message) = (bench.tenant.emit.clone(), Message::new(PUSHED));
    let pushing = tokio::spawn(async move {
        load::send(&emit, OPEN_CONNECTIONS, &message, StatusCode::ACCEPTED, Timing::Open(schedule)).await
    });
    let beside = bench.latency_to(HEARD, OWN_RATE, 1).await?;
    pushing.await.map_err(Error::internal)??;
    Ok(Relays { throughput, alone, beside })
}

/// The group, its push, its members and their subscriptions; each at its own path.
async fn gather(owner: &Tenant, receiver_url: &str) -> Result<()> {
    let groups = format!("{CUSTOM}/federation/groups");
    let group = ask(&owner.emit, Method::POST, &groups, &json!({ "name": "Bench" })).await?;
    let group = format!("{groups}/{}", text(&group["id"])?);
    let push = json!({ "registrationId": owner.pushed });
    ask(&owner.emit, Method::POST, &format!("{group}/pushes"), &push).await?;
    for number in 0..MEMBERS {
        let new = json!({ "name": format!("Member {number}"), "plan": "ENTERPRISE" });
        let created = ask(&owner.operator, Method::POST, "/api/admin/v1/organizations", &new).await?;
        let invitation = json!({ "memberOrganizationId": created["organization"]["id"] });
        ask(&owner.emit, Method::POST, &format!("{group}/invite"), &invitation).await?;
        let member = owner.emit.with((API_KEY, text(&created["apiKey"])?))?;
        join(&member, &group, &format!("{receiver_url}{number}")).await?;
    }
    Ok(())
}

async fn join(member: &Endpoint, group: &str, url: &str) -> Result<()> {
    ask(member, Method::POST, &format!("{group}/accept"), &json!({})).await?;
    let subscription = json!({ "name": format!("{NAMESPACE}.{PUSHED}"), "version": "1.0.0", "webhookUrl": url });
    ask(member, Method::POST, &format!("{CUSTOM}/subscribe"), &subscription).await.map(drop)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| Error::internal("an answer without a text that it has to have"))
}
