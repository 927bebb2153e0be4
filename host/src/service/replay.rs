//! Replays: sending many events to a receiver again.
//!
//! What is asked for is written down and counted; the worker does it in small steps, so that
//! neither a crash nor live traffic suffers from it.

use super::{Caller, Change, Host, idempotency};
use crate::{
    db::{self, Tx},
    domain::{
        id::{OrganizationId, ReplayId, SubscriptionId},
        limits::REPLAYS_PER_SUBSCRIPTION_MAX,
        receiver::ReceiverId,
        replay::{Replay, Source},
        subscription::Subscription,
        time::Time,
    },
    error::{Error, Result},
    fail,
};

/// Events that are looked at to say how many a replay takes, while the caller waits. The replay
/// itself takes all.
const COUNTED_MAX: usize = 20_000;
/// Events that are looked at in one statement.
const PAGE: u32 = 1_000;

/// Which events are sent again.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// Accepted then or later; it has to be given.
    pub from: Option<Time>,
    /// Accepted then or earlier; now when nothing is given.
    pub to: Option<Time>,
    /// Also those that were delivered.
    pub includes_delivered: bool,
}

/// How many events a replay takes.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Those that were counted.
    pub count: u64,
    /// Whether that is all: a long time has more events than anybody wants to wait for.
    pub is_complete: bool,
    /// The replay, if there is anything to do.
    pub id: Option<ReplayId>,
}

/// Sends events of a time to a subscription again, by default only those that never arrived: also
/// what was accepted while it was paused, or before it was there.
pub async fn events(host: &Host, caller: &Caller, id: &str, request: Events) -> Result<Taken> {
    let organization = &caller.organization_id;
    let id = SubscriptionId::parse(id).ok_or_else(super::subscription::not_found)?;
    let mut tx = host.db.read().await?;
    let subscription =
        db::subscription::find(&mut tx, organization, &id).await?.ok_or_else(super::subscription::not_found)?;
    drop(tx);
    refuse_disabled(&subscription)?;
    let now = host.now();
    let from = request.from.ok_or_else(|| fail!(BadRequest, "from is missing"))?;
    if request.to.is_some_and(|to| to < from) {
        return Err(fail!(BadRequest, "from is later than to"));
    }
    let to = request.to.map_or(now, |to| to.min(now));
    let source = Source::Events { from, to, includes_delivered: request.includes_delivered };
    let replay = new(host, organization, id.into(), source, now);
    let (count, is_complete) = count(host, &subscription, replay.clone()).await?;
    if count == 0 && is_complete {
        return Ok(Taken { count, is_complete, id: None });
    }
    let mut tx = host.db.begin().await?;
    add(&mut tx, organization, &replay, now).await?;
    idempotency::take_effect(&mut tx, now).await?;
    tx.commit().await?;
    host.replays_due.notify_one();
    Ok(Taken { count, is_complete, id: Some(replay.id) })
}

fn refuse_disabled(subscription: &Subscription) -> Result<()> {
    match &subscription.disabled {
        Some(disabled) => {
            Err(fail!(InvalidState, "the endpoint was switched off ({}); enable it first", disabled.reason))
        }
        None => Ok(()),
    }
}

async fn count(host: &Host, subscription: &Subscription, mut replay: Replay) -> Result<(u64, bool)> {
    let (mut count, mut looked_at) = (0, 0);
    let mut tx = host.db.read().await?;
    while looked_at < COUNTED_MAX {
        let rows = db::replay::rows(&mut tx, &subscription.organization_id, &replay, PAGE).await?;
        looked_at += rows.len();
        let status = |row: &db::replay::Row| row.delivery.as_ref().map(|(_, status)| *status);
        count += rows
            .iter()
            .filter(|row| subscription.wants(&row.event_type) && replay.source.takes(status(row)))
            .map(|_| 1)
            .sum::<u64>();
        match rows.last() {
            Some(last) if rows.len() == PAGE as usize => replay.done_until.clone_from(&last.id),
            _ => return Ok((count, true)),
        }
    }
    Ok((count, false))
}

/// Which dead letters are sent again.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    /// Only of this receiver.
    pub receiver: Option<ReceiverId>,
    /// Routed then or later.
    pub from: Option<Time>,
    /// Routed then or earlier.
    pub to: Option<Time>,
}

/// Sends every dead letter that matches again, and says how many there are. Those whose receiver is
/// gone stay.
pub async fn dead_letters(host: &Host, caller: &Caller, request: &DeadLetters) -> Result<i64> {
    let (organization, now) = (&caller.organization_id, host.now());
    let mut tx = host.db.read().await?;
    let receiver = request.receiver.as_ref();
    let counts =
        db::replay::dead_letters_by_receiver(&mut tx, organization, receiver, request.from, request.to).await?;
    drop(tx);
    if counts.is_empty() {
        return Ok(0);
    }
    let mut tx = host.db.begin().await?;
    for (receiver, _) in &counts {
        let to = request.to.map_or(now, |to| to.min(now));
        let source = Source::DeadLetters { from: request.from, to, died_since: None };
        add(&mut tx, organization, &new(host, organization, receiver.clone(), source, now), now).await?;
    }
    idempotency::take_effect(&mut tx, now).await?;
    tx.commit().await?;
    host.replays_due.notify_one();
    Ok(counts.iter().map(|(_, count)| count).sum())
}

/// Sends again, with the change that activates a subscription, what became a dead letter since its
/// endpoint was given up; and goes on with replays that waited for that.
pub(super) async fn bring_back(
    host: &Host,
    change: &mut Change<'_>,
    subscription: &SubscriptionId,
    since: Time,
) -> Result<()> {
    let (organization, now) = (change.organization.id.clone(), change.now);
    let source = Source::DeadLetters { from: None, to: now, died_since: Some(since) };
    let replay = new(host, &organization, subscription.clone().into(), source, now);
    db::replay::insert(&mut change.tx, &organization, &replay, now).await?;
    db::replay::hasten(&mut change.tx, &organization, &replay.receiver, now).await
}

fn new(host: &Host, organization: &OrganizationId, receiver: ReceiverId, source: Source, now: Time) -> Replay {
    Replay {
        id: ReplayId::new(now, host.randomness.id()),
        organization_id: organization.clone(),
        receiver,
        source,
        done_until: source.start(),
        steps: 0,
    }
}

async fn add(tx: &mut Tx, organization: &OrganizationId, replay: &Replay, now: Time) -> Result<()> {
    let unfinished = db::replay::unfinished(tx, organization, &replay.receiver).await?;
    if usize::try_from(unfinished).is_ok_and(|unfinished| unfinished >= REPLAYS_PER_SUBSCRIPTION_MAX) {
        return Err(too_many(&replay.receiver));
    }
    db::replay::insert(tx, organization, replay, now).await
}

fn too_many(receiver: &ReceiverId) -> Error {
    fail!(InvalidState, "{REPLAYS_PER_SUBSCRIPTION_MAX} replays of {receiver} are not finished; they come first")
}
