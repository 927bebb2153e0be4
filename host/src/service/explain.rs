//! Why an event reached the subscriptions of an organization, or did not.

use super::{Caller, Host, Page};
use crate::{
    db::{self, Tx, builtin::Builtin, delivery::Filter, emit::StoredEmit},
    domain::{
        explain::{self, Explanation, Facts, Stage},
        id::{EmitId, SubscriptionId},
        subscription::Subscription,
        time::Time,
    },
    error::Result,
    fail,
};

/// What became of an event for one subscription.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Why, and how.
    pub explanation: Explanation,
}

/// The digests of the built-in components through time.
#[derive(Clone, Debug)]
pub struct Digests(Vec<Builtin>);

impl Digests {
    /// The digest of the component that served a stage at a time; `None` for stages without one.
    pub fn at(&self, stage: Stage, time: Time) -> Option<&str> {
        let name = match stage {
            Stage::Route => db::builtin::ROUTER,
            Stage::Adapt => db::builtin::WEBHOOK,
            Stage::Match | Stage::Send => return None,
        };
        let of_name = self.0.iter().filter(|builtin| builtin.name == name && builtin.since <= time);
        of_name.max_by_key(|builtin| builtin.since).map(|builtin| builtin.digest.as_str())
    }
}

/// Explains an event for one subscription, or for a page of all of them, the newest first; says
/// how many there are.
pub async fn explain(
    host: &Host,
    caller: &Caller,
    emit: &str,
    subscription: Option<&str>,
    page: Page,
) -> Result<(Vec<Explained>, i64, Digests)> {
    let no_emit = || fail!(NotFound, "there is no such emit");
    let id = EmitId::parse(emit).ok_or_else(no_emit)?;
    let mut tx = host.db.read().await?;
    let organization = &caller.organization_id;
    let stored = db::emit::find(&mut tx, organization, &id).await?.ok_or_else(no_emit)?;
    let (ids, total) = match subscription {
        Some(text) => (Vec::from_iter(SubscriptionId::parse(text)), 1),
        None => db::subscription::ids(&mut tx, organization, page.limit, page.offset()).await?,
    };
    let mut explained = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(found) = db::subscription::find(&mut tx, organization, &id).await? {
            explained.push(one(&mut tx, &stored, &found).await?);
        }
    }
    // As other lists do with a filter that nothing matches.
    let total = if subscription.is_some() { i64::from(!explained.is_empty()) } else { total };
    let digests = Digests(db::builtin::list(&mut tx).await?);
    Ok((explained, total, digests))
}

async fn one(tx: &mut Tx, stored: &StoredEmit, subscription: &Subscription) -> Result<Explained> {
    let organization = &subscription.organization_id;
    let filter =
        Filter { emit: Some(stored.emit.id.clone()), subscription: Some(subscription.id.clone()), ..Filter::default() };
    let (views, _) = db::delivery::list(tx, organization, &filter, 1, 0).await?;
    let delivery = views.into_iter().next().map(|view| view.delivery);
    let attempts = match &delivery {
        Some(delivery) => db::delivery::attempts(tx, organization, &[&delivery.id]).await?,
        None => Vec::new(),
    };
    let attempts: Vec<_> = attempts.into_iter().map(|(_, attempt)| attempt).collect();
    let is_catching_up = db::subscription::is_catching_up(tx, organization, &subscription.id).await?;
    let explanation = explain::explain(&Facts {
        is_catching_up,
        emit: &stored.emit,
        routed_at: stored.routed_at,
        subscription,
        delivery: delivery.as_ref(),
        attempts: &attempts,
    });
    Ok(Explained { subscription_id: subscription.id.clone(), explanation })
}
