//! Explaining an event: why it reached a subscription or an external peer, or did not.

use std::collections::{HashMap, HashSet};

use crate::{
    db::{self, Part, Tx, delivery::DeliveryQuery, emit::StoredEmit},
    domain::{
        delivery::{Attempt, Delivery},
        explain::{self, Explanation, Facts},
        id::{DeliveryId, EmitId, MemberId, OrganizationId, ProgramId, SubscriptionId},
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
    let organization = &caller.organization_id;
    let mut tx = host.read(organization).await?;
    let stored = db::emit::find(&mut tx, organization, &id).await?.ok_or_else(no_emit)?;
    let (ids, subscriptions) = match only {
        Some(Only::Subscription(text)) => (Vec::from_iter(SubscriptionId::parse(text)), 0),
        Some(Only::Peer(_)) => (Vec::new(), 0),
        None => db::subscription::ids(&mut tx, organization, behind(page, 0, 0)).await?,
    };
    let mut explained = of_subscriptions(&mut tx, organization, &stored, &ids).await?;
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
    let deliveries: Vec<Delivery> = views.into_iter().map(|view| view.delivery).collect();
    let record = Record::of(tx, &emit.organization_id, &deliveries).await?;
    let one = |delivery: Delivery| {
        let (program, attempts) = record.about(&delivery);
        let explanation = explain::explain_push(emit, &delivery, program, attempts);
        Explained { receiver: delivery.receiver, explanation }
    };
    Ok((deliveries.into_iter().map(one).collect(), total))
}

/// The explanations for some subscriptions, in a number of statements that does not depend on theirs.
async fn of_subscriptions(
    tx: &mut Tx,
    organization: &OrganizationId,
    stored: &StoredEmit,
    ids: &[SubscriptionId],
) -> Result<Vec<Explained>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let subscriptions = db::subscription::some(tx, organization, ids).await?;
    let catching_up = db::subscription::catching_up(tx, organization, ids).await?;
    let receivers: Vec<ReceiverId> = ids.iter().cloned().map(ReceiverId::from).collect();
    let deliveries = db::delivery::of_emit(tx, organization, &stored.emit.id, &receivers).await?;
    let record = Record::of(tx, organization, &deliveries).await?;
    let one = |subscription: Subscription| {
        let receiver = ReceiverId::from(subscription.id.clone());
        let delivery = deliveries.iter().rfind(|delivery| delivery.receiver == receiver);
        let (program, attempts) = delivery.map_or((None, &[][..]), |delivery| record.about(delivery));
        let explanation = explain::explain(&Facts {
            is_catching_up: catching_up.contains(&subscription.id),
            emit: &stored.emit,
            routed_at: stored.routed_at,
            subscription: &subscription,
            delivery,
            attempts,
            router: stored.router,
            program,
        });
        Explained { receiver, explanation }
    };
    Ok(subscriptions.into_iter().map(one).collect())
}

/// What is stored about some deliveries: the programs that served them, and the attempts, in order.
struct Record {
    programs: Vec<Program>,
    attempts: HashMap<DeliveryId, Vec<Attempt>>,
}

impl Record {
    async fn of(tx: &mut Tx, organization: &OrganizationId, deliveries: &[Delivery]) -> Result<Self> {
        if deliveries.is_empty() {
            return Ok(Self { programs: Vec::new(), attempts: HashMap::new() });
        }
        let ids: Vec<&DeliveryId> = deliveries.iter().map(|delivery| &delivery.id).collect();
        let programs: HashSet<&ProgramId> = deliveries.iter().map(|delivery| &delivery.program_id).collect();
        let mut attempts: HashMap<DeliveryId, Vec<Attempt>> = HashMap::new();
        for (id, attempt) in db::delivery::attempts(tx, organization, &ids).await? {
            attempts.entry(id).or_default().push(attempt);
        }
        let programs = db::program::some(tx, organization, &Vec::from_iter(programs)).await?;
        Ok(Self { programs, attempts })
    }

    /// The program and the attempts of a delivery.
    fn about(&self, delivery: &Delivery) -> (Option<&Program>, &[Attempt]) {
        let program = self.programs.iter().find(|program| program.id == delivery.program_id);
        (program, self.attempts.get(&delivery.id).map_or(&[], Vec::as_slice))
    }
}
