//! A federation group with a thousand members: how fast a push reaches them, and what the owner's
//! own deliveries feel of it.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    arrivals::Arrivals,
    client::Endpoint,
    load::{self, Timing},
    measure::{ARRIVE_MAX, Bench},
    message::{Message, NAMESPACE},
    note,
    report::{Latency, Relays},
    tenant::{API_KEY, CUSTOM, HEARD, PUSHED, Tenant, ask},
};
use crate::error::{Error, Result};

/// Organizations that a push goes to, each with one subscription.
pub(super) const MEMBERS: u32 = 1_000;
/// Pushed events under way at once when it goes as fast as it can.
const UNDER_WAY_MAX: usize = 4;
/// Pushed events a second that there is room to note.
const PUSHES_PER_SECOND_MAX: usize = 100;
/// Events a second that are the owner's own.
pub(super) const OWN_RATE: u32 = 200;

pub(super) async fn measure(bench: &Bench) -> Result<Relays> {
    note(&format!("a push to {MEMBERS} members"));
    gather(&bench.tenant, &bench.receiver.url).await?;
    let (throughput, _) = bench.windowed(PUSHED, MEMBERS, UNDER_WAY_MAX, bench.seconds).await?;
    note("the owner's own deliveries, without and with the push");
    let alone = bench.latency_to(HEARD, OWN_RATE, 1).await?;
    let (beside, relaying) = beside(bench).await?;
    Ok(Relays { throughput, alone, beside, relaying })
}

/// The owner's own deliveries while a pushed event is on its way to the members all the time: as
/// soon as all have it the next one is pushed. And how fast that went.
async fn beside(bench: &Bench) -> Result<(Latency, f64)> {
    let seconds = usize::try_from(bench.seconds.as_secs()).unwrap_or(1).max(1);
    let arrivals = Arrivals::new(seconds * PUSHES_PER_SECOND_MAX, MEMBERS, 1);
    bench.receiver.inbox.switch_beside(&arrivals);
    let (emit, message) = (bench.tenant.emit.clone(), Message::new(PUSHED));
    let timing = Timing::Windowed(arrivals.begun + bench.seconds, arrivals.clone());
    let pushing = tokio::spawn(async move { load::send(&emit, 1, &message, StatusCode::ACCEPTED, timing).await });
    let own = bench.latency_to(HEARD, OWN_RATE, 1).await?;
    let count = pushing.await.map_err(Error::internal)??.count * MEMBERS;
    arrivals.all(count as usize, ARRIVE_MAX).await?;
    let took = arrivals.times(count as usize).max().unwrap_or_default();
    Ok((own, f64::from(count) / took.as_secs_f64()))
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
