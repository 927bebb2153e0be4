//! A federation group with a thousand members: how fast a push reaches them, and by how much it
//! delays the owner's own deliveries.

use anyhow::Result;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::{
    api::{CUSTOM, Organization, text},
    arrivals::Arrivals,
    bench::{ARRIVE_MAX, Bench},
    figures::{Latency, Pair, Relays},
    load::{self, Timing},
    message::{Message, NAMESPACE},
    tenant::{HEARD, PUSHED, Tenant},
};

/// Organizations that a push goes to, each with one subscription.
pub(crate) const MEMBERS: u32 = 1_000;
/// Events a second that are the owner's own.
pub(crate) const OWN_RATE: u32 = 200;
/// Pushed events under way at once when it goes as fast as it can.
const UNDER_WAY_MAX: usize = 4;
/// Pushed events a second that there is room to note.
const PUSHES_PER_SECOND_MAX: usize = 100;

pub(crate) async fn measure(bench: &Bench) -> Result<Relays> {
    gather(&bench.tenant, &bench.receiver.url).await?;
    let (throughput, _) = bench.windowed(PUSHED, MEMBERS, UNDER_WAY_MAX, bench.seconds).await?;
    let alone = bench.latency(HEARD, OWN_RATE, 1).await?;
    let (beside, per_second_beside) = beside(bench).await?;
    Ok(Relays { throughput, own: Pair { alone, beside }, per_second_beside })
}

/// The owner's own deliveries while a pushed event is on its way to the members all the time: as
/// soon as all have it the next one is pushed. And the deliveries to members a second.
async fn beside(bench: &Bench) -> Result<(Latency, f64)> {
    let seconds = usize::try_from(bench.seconds.as_secs()).unwrap_or(1).max(1);
    let arrivals = Arrivals::new(seconds * PUSHES_PER_SECOND_MAX, MEMBERS, 1);
    bench.receiver.inbox.switch_beside(&arrivals);
    let (emit, message) = (bench.tenant.emit().clone(), Message::new(PUSHED));
    let timing = Timing::Windowed(arrivals.begun + bench.seconds, arrivals.clone());
    let pushing = tokio::spawn(async move { load::send(&emit, 1, &message, StatusCode::ACCEPTED, timing).await });
    let own = bench.latency(HEARD, OWN_RATE, 1).await?;
    let count = pushing.await??.count * MEMBERS;
    arrivals.all(count as usize, ARRIVE_MAX).await?;
    let took = arrivals.times(count as usize).max().unwrap_or_default();
    Ok((own, f64::from(count) / took.as_secs_f64()))
}

/// Creates the group, its push, its members and their subscriptions, each at its own path.
async fn gather(owner: &Tenant, receiver_url: &str) -> Result<()> {
    let groups = format!("{CUSTOM}/federation/groups");
    let created = owner.organization.ask(Method::POST, &groups, &json!({ "name": "Bench" })).await?;
    let group = format!("{groups}/{}", text(&created["id"])?);
    let push = json!({ "registrationId": owner.pushed });
    owner.organization.ask(Method::POST, &format!("{group}/pushes"), &push).await?;
    for number in 0..MEMBERS {
        let member = owner.operator.create_organization(&format!("Member {number}")).await?;
        let invitation = json!({ "memberOrganizationId": member.id });
        owner.organization.ask(Method::POST, &format!("{group}/invite"), &invitation).await?;
        join(&member, &group, &format!("{receiver_url}{number}")).await?;
    }
    Ok(())
}

async fn join(member: &Organization, group: &str, url: &str) -> Result<()> {
    member.ask(Method::POST, &format!("{group}/accept"), &json!({})).await?;
    let subscription = json!({ "name": format!("{NAMESPACE}.{PUSHED}"), "version": "1.0.0", "webhookUrl": url });
    member.subscribe(&subscription).await.map(drop)
}
