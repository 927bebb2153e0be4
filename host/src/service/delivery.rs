//! Deliveries and dead letters: looking at them, and sending them again.

use super::{Caller, Host, Page, federation::outcome, idempotency, subscription};
pub use crate::db::delivery::DeliveryQuery;
use crate::{
    db::{self, Tx, delivery::DeliveryView},
    domain::{
        delivery::{Attempt, Status},
        id::{DeliveryId, OrganizationId},
        receiver::ReceiverId,
        subscription::Subscription,
    },
    error::{Error, Result},
    fail,
};

/// A delivery with its attempts.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The delivery.
    pub view: DeliveryView,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// One of the caller's deliveries.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Detail> {
    let id = DeliveryId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let view = db::delivery::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let attempts = db::delivery::attempts(&mut tx, &caller.organization_id, &[&id]).await?;
    Ok(Detail { view, attempts: attempts.into_iter().map(|(_, attempt)| attempt).collect() })
}

/// A page of the caller's deliveries, the newest first, and how many match.
pub async fn list(host: &Host, caller: &Caller, filter: &DeliveryQuery, page: Page) -> Result<(Vec<Detail>, i64)> {
    let mut tx = host.db.read().await?;
    let organization = &caller.organization_id;
    let (views, total) = db::delivery::list(&mut tx, organization, filter, page.limit, page.offset()).await?;
    let ids: Vec<&DeliveryId> = views.iter().map(|view| &view.delivery.id).collect();
    let attempts = db::delivery::attempts(&mut tx, organization, &ids).await?;
    let detail = |view: DeliveryView| {
        let own = attempts.iter().filter(|(id, _)| *id == view.delivery.id);
        Detail { attempts: own.map(|(_, attempt)| attempt.clone()).collect(), view }
    };
    Ok((views.into_iter().map(detail).collect(), total))
}

/// Which deliveries a replay takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Dead letters.
    DeadLetters,
    /// Anything that is finished, delivered or not.
    Finished,
}

/// Makes a delivery pending again with a fresh budget of attempts. Code `invalid_state` when it
/// is in none of the states that `which` takes, or when its receiver is gone or its endpoint was
/// given up.
pub async fn replay(host: &Host, caller: &Caller, id: &str, which: Replay) -> Result<Detail> {
    let id = DeliveryId::parse(id).ok_or_else(not_found)?;
    let states: &[Status] = match which {
        Replay::DeadLetters => &[Status::Failed],
        Replay::Finished => &[Status::Failed, Status::Success, Status::Skipped],
    };
    let mut tx = host.db.begin().await?;
    let view = db::delivery::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    check_receiver(&mut tx, &caller.organization_id, &view.delivery.receiver).await?;
    if !db::delivery::replay(&mut tx, &caller.organization_id, &id, states, host.now()).await? {
        let status = view.delivery.status.as_str();
        return Err(fail!(InvalidState, "the delivery is {status}, not a dead letter; force replays any finished one"));
    }
    idempotency::take_effect(&mut tx, host.now()).await?;
    tx.commit().await?;
    host.deliveries_due.notify_one();
    get(host, caller, id.as_str()).await
}

/// Code `invalid_state` when nothing can reach a receiver.
async fn check_receiver(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    match receiver {
        ReceiverId::Subscription(id) => match db::subscription::find(tx, organization, id).await? {
            None => Err(fail!(InvalidState, "the subscription of this delivery was deleted")),
            Some(Subscription { disabled: Some(disabled), .. }) => {
                Err(fail!(InvalidState, "its endpoint was given up; enable the subscription: {}", disabled.reason))
            }
            Some(_) => Ok(()),
        },
        ReceiverId::Peer(id) => match db::federation::peer::target(tx, organization, id).await? {
            None => Err(fail!(InvalidState, "the external peer of this delivery was removed")),
            Some(_) => Ok(()),
        },
    }
}

/// Ends what is owed to a receiver that is gone. Whoever removes one does that; what was about to be
/// written at that moment is met later, by whoever claims it.
pub async fn give_up(host: &Host, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    let now = host.now();
    let mut tx = host.db.begin().await?;
    match receiver {
        ReceiverId::Subscription(_) => {
            db::delivery::give_up(&mut tx, organization, receiver, subscription::REMOVED, now).await?;
        }
        ReceiverId::Peer(id) => {
            let Some(member) = db::federation::member::find(&mut tx, organization, id).await? else { return Ok(()) };
            outcome::give_up(host, &mut tx, (organization, 0), (&member.group_id, id), now).await?;
        }
    }
    tx.commit().await
}

fn not_found() -> Error {
    fail!(NotFound, "there is no such delivery")
}
