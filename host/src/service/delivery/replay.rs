//! Replays: sending events to a receiver again.
//!
//! One delivery is made pending again at once. A replay of many is stored, and the worker makes it in
//! small steps, so that neither a crash nor live traffic suffers from it.

use super::list::{self, Detail, not_found};
use crate::{
    db::{self, Tx},
    domain::{
        delivery::Status,
        id::{DeliveryId, OrganizationId, ReplayId},
        limits::REPLAYS_PER_SUBSCRIPTION_MAX,
        receiver::ReceiverId,
        replay::{Replay, ReplaySource},
        subscription::{Endpoint, Subscription},
        time::Time,
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host, idempotency, receiver, subscription::find},
};

/// Rows that are read to count the events of a replay while the caller waits. The replay itself has no
/// such bound.
const COUNTED_ROWS_MAX: usize = 20_000;
/// Rows that one statement reads.
const PAGE: u32 = 1_000;

/// The states of a delivery that may be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayable {
    /// Dead letters.
    DeadLetters,
    /// All that are finished, delivered or not.
    Finished,
}

/// Makes a delivery pending again with a fresh budget of attempts. Code `invalid_state` when it is in
/// none of the states of `replayable`, when its receiver was removed, or when its endpoint was given up.
pub async fn delivery(host: &Host, caller: &Caller, id: &str, replayable: Replayable) -> Result<Detail> {
    let id = DeliveryId::parse(id).ok_or_else(not_found)?;
    let states: &[Status] = match replayable {
        Replayable::DeadLetters => &[Status::Failed],
        Replayable::Finished => &[Status::Failed, Status::Success, Status::Skipped],
    };
    let mut tx = host.db.begin().await?;
    let view = db::delivery::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    receiver::check(&mut tx, &caller.organization_id, &view.delivery.receiver).await?;
    if !db::delivery::replay(&mut tx, &caller.organization_id, &id, states, host.now()).await? {
        let status = view.delivery.status.as_str();
        return Err(fail!(InvalidState, "the delivery is {status}, not a dead letter; force replays any finished one"));
    }
    idempotency::take_effect(&mut tx, host.now()).await?;
    tx.commit().await?;
    host.bells.deliveries_due.notify_one();
    // What took effect is answered: it waits for no turn.
    list::find(&mut host.db.read().await?, &caller.organization_id, &id).await
}

/// The events of a subscription to replay.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// The earliest time of acceptance; it has to be given.
    pub from: Option<Time>,
    /// The latest time of acceptance; `None` is now.
    pub to: Option<Time>,
    /// Whether events that were delivered are sent again, too.
    pub includes_delivered: bool,
}

/// A replay of events that was stored.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Events that it was found to send.
    pub count: u64,
    /// Whether `count` is all of them: counting stops after a bounded number of rows.
    pub is_complete: bool,
    /// The id of the replay; `None` if there is nothing to send, so that none was stored.
    pub id: Option<ReplayId>,
}

/// Sends events of a span of time to a subscription again, by default only those that never arrived:
/// also those accepted while it was paused, or before it existed.
pub async fn events(host: &Host, caller: &Caller, id: &str, request: Events) -> Result<Taken> {
    let organization = &caller.organization_id;
    let subscription = find::get(host, caller, id).await?;
    refuse_disabled(&subscription)?;
    let now = host.now();
    let from = request.from.ok_or_else(|| fail!(BadRequest, "from is missing"))?;
    if request.to.is_some_and(|to| to < from) {
        return Err(fail!(BadRequest, "from is later than to"));
    }
    let to = request.to.map_or(now, |to| to.min(now));
    let source = ReplaySource::Events { from, to, includes_delivered: request.includes_delivered };
    let replay = new(host, organization, subscription.id.clone().into(), source, now);
    let (count, is_complete) = count(host, &subscription, replay.clone()).await?;
    if count == 0 && is_complete {
        return Ok(Taken { count, is_complete, id: None });
    }
    let mut tx = host.db.begin().await?;
    insert(&mut tx, organization, &replay, now).await?;
    idempotency::take_effect(&mut tx, now).await?;
    tx.commit().await?;
    host.bells.replays_due.notify_one();
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
    let (mut count, mut read) = (0, 0);
    let mut tx = host.read(&subscription.organization_id).await?;
    while read < COUNTED_ROWS_MAX {
        let rows = db::replay::rows(&mut tx, &subscription.organization_id, &replay, PAGE).await?;
        read += rows.len();
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

/// The dead letters to replay; a field that is `None` admits all.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    /// The receiver of the dead letters.
    pub receiver: Option<ReceiverId>,
    /// The earliest time of routing.
    pub from: Option<Time>,
    /// The latest time of routing.
    pub to: Option<Time>,
}

/// Sends every dead letter that matches again, and returns how many there are. Dead letters whose
/// receiver was removed stay.
pub async fn dead_letters(host: &Host, caller: &Caller, request: &DeadLetters) -> Result<i64> {
    let (organization, now) = (&caller.organization_id, host.now());
    let mut tx = host.read(organization).await?;
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
        let source = ReplaySource::DeadLetters { from: request.from, to, died_since: None };
        insert(&mut tx, organization, &new(host, organization, receiver.clone(), source, now), now).await?;
    }
    idempotency::take_effect(&mut tx, now).await?;
    tx.commit().await?;
    host.bells.replays_due.notify_one();
    Ok(counts.iter().map(|(_, count)| count).sum())
}

/// Lets the replays to a receiver go on at once that waited for its endpoint to recover. Without this, or
/// when it fails, they go on by themselves later.
pub async fn hasten(host: &Host, endpoint: &Endpoint) {
    let (organization, receiver) = (&endpoint.organization_id, &endpoint.receiver);
    let hastened = async {
        let mut tx = host.db.read().await?;
        let unfinished = db::replay::unfinished(&mut tx, organization, receiver).await?;
        drop(tx);
        if unfinished > 0 {
            let mut tx = host.db.begin_unsynced().await?;
            db::replay::hasten(&mut tx, organization, receiver, host.now()).await?;
            tx.commit().await?;
            host.bells.replays_due.notify_one();
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = hastened.await {
        tracing::warn!(%receiver, error = ?error, "the replays to {receiver} go on later");
    }
}

fn new(host: &Host, organization: &OrganizationId, receiver: ReceiverId, source: ReplaySource, now: Time) -> Replay {
    Replay::new(ReplayId::new(now, host.randomness.id()), organization.clone(), receiver, source)
}

/// Stores a replay, if its receiver has not too many. Code `invalid_state`.
async fn insert(tx: &mut Tx, organization: &OrganizationId, replay: &Replay, now: Time) -> Result<()> {
    let unfinished = db::replay::unfinished(tx, organization, &replay.receiver).await?;
    if usize::try_from(unfinished).is_ok_and(|unfinished| unfinished >= REPLAYS_PER_SUBSCRIPTION_MAX) {
        return Err(too_many(&replay.receiver));
    }
    db::replay::insert(tx, organization, replay, now).await
}

fn too_many(receiver: &ReceiverId) -> Error {
    fail!(InvalidState, "{REPLAYS_PER_SUBSCRIPTION_MAX} replays of {receiver} are not finished; they come first")
}
