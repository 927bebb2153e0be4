//! Explaining an event: why it reached a subscription or an external peer, or did not.

use crate::{
    db::{
        self, Part, Tx,
        delivery::{DeliveryQuery, DeliveryView},
        emit::StoredEmit,
    },
    domain::{
        delivery::{Attempt, Delivery},
        explain::{self, Explanation, Facts},
        id::{EmitId, MemberId, SubscriptionId},
        program::Program,
        receiver::ReceiverId,
        subscription::Subscription,
    },
    error::Result,
    fail,
    service::{Caller, Host, Page},
};

/// The only receiver that an explanation is for, by the id in the request.
#[derive(Clone, Copy, Debug)]
pub enum Only<'a> {
    /// A subscription.
    Subscription(&'a str),
    /// An external peer.
    Peer(&'a str),
}

/// The explanation of an event for one receiver.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The subscription, or the external peer.
    pub receiver: ReceiverId,
    /// Why the event reached the receiver, or did not.
    pub explanation: Explanation,
}

/// Explains an event for one receiver, or for a page of all subscriptions, the newest first, and of
/// the external peers to which it is pushed; says how many there are.
pub async fn explain(
    host: &Host,
    caller: &Caller,
    emit: &str,
    only: Option<Only<'_>>,
    page: &Page,
) -> Result<(Vec<Explained>, i64)> {
    let no_emit = || fail!(NotFound, "there is no such emit");
    let id = EmitId::parse(emit).ok_or_else(no_emit)?;
    let mut tx = host.db.read().await?;
    let organization = &caller.organization_id;
    let stored = db::emit::find(&mut tx, organization, &id).await?.ok_or_else(no_emit)?;
    let (ids, subscriptions) = match only {
        Some(Only::Subscription(text)) => (Vec::from_iter(SubscriptionId::parse(text)), 0),
        Some(Only::Peer(_)) => (Vec::new(), 0),
        None => db::subscription::ids(&mut tx, organization, behind(page, 0, 0)).await?,
    };
    let mut explained = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(found) = db::subscription::find(&mut tx, organization, &id).await? {
            explained.push(one(&mut tx, &stored, &found).await?);
        }
    }
    let mut peers = 0;
    if !matches!(only, Some(Only::Subscription(_))) {
        let part = behind(page, explained.len(), subscriptions);
        let some;
        (some, peers) = pushed(&mut tx, &stored, only, part).await?;
        explained.extend(some);
    }
    // A receiver that does not exist gives an empty list, as a filter that nothing matches does elsewhere.
    let total = if only.is_some() { i64::try_from(explained.len()).unwrap_or(i64::MAX) } else { subscriptions + peers };
    Ok((explained, total))
}

/// The part of a second list, for a page of two lists that has `found` rows of the first list, which has
/// `first` in all.
fn behind(page: &Page, found: usize, first: i64) -> Part<'static> {
    let found = u32::try_from(found).unwrap_or(page.limit);
    Part { limit: page.limit.saturating_sub(found), offset: (page.offset() - first).max(0), before: None }
}

/// External peers that the event is owed to, and how many there are.
async fn pushed(
    tx: &mut Tx,
    stored: &StoredEmit,
    only: Option<Only<'_>>,
    part: Part<'_>,
) -> Result<(Vec<Explained>, i64)> {
    let emit = &stored.emit;
    let mut filter = DeliveryQuery { emit: Some(emit.id.clone()), is_pushed: Some(true), ..DeliveryQuery::default() };
    if let Some(Only::Peer(text)) = only {
        let Some(id) = MemberId::parse(text) else { return Ok((Vec::new(), 0)) };
        filter.receiver = Some(id.into());
    }
    let (views, total) = db::delivery::list(tx, &emit.organization_id, &filter, part).await?;
    let mut explained = Vec::with_capacity(views.len());
    for DeliveryView { delivery, .. } in views {
        let attempts = attempts(tx, &delivery).await?;
        let program = program(tx, &delivery).await?;
        let explanation = explain::explain_push(emit, &delivery, program.as_ref(), &attempts);
        explained.push(Explained { receiver: delivery.receiver, explanation });
    }
    Ok((explained, total))
}

async fn program(tx: &mut Tx, delivery: &Delivery) -> Result<Option<Program>> {
    db::program::find(tx, &delivery.program_id).await
}

async fn attempts(tx: &mut Tx, delivery: &Delivery) -> Result<Vec<Attempt>> {
    let found = db::delivery::attempts(tx, &delivery.organization_id, &[&delivery.id]).await?;
    Ok(found.into_iter().map(|(_, attempt)| attempt).collect())
}

async fn one(tx: &mut Tx, stored: &StoredEmit, subscription: &Subscription) -> Result<Explained> {
    let organization = &subscription.organization_id;
    let filter = DeliveryQuery {
        emit: Some(stored.emit.id.clone()),
        receiver: Some(subscription.id.clone().into()),
        ..DeliveryQuery::default()
    };
    let (views, _) = db::delivery::list(tx, organization, &filter, Part { limit: 1, offset: 0, before: None }).await?;
    let delivery = views.into_iter().next().map(|view| view.delivery);
    let (program, attempts) = match &delivery {
        Some(delivery) => (program(tx, delivery).await?, attempts(tx, delivery).await?),
        None => (None, Vec::new()),
    };
    let is_catching_up = db::subscription::is_catching_up(tx, organization, &subscription.id).await?;
    let explanation = explain::explain(&Facts {
        is_catching_up,
        emit: &stored.emit,
        routed_at: stored.routed_at,
        subscription,
        delivery: delivery.as_ref(),
        attempts: &attempts,
        router: stored.router,
        program: program.as_ref(),
    });
    Ok(Explained { receiver: subscription.id.clone().into(), explanation })
}
