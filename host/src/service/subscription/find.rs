//! Finding the caller's subscriptions.

use crate::{
    db,
    domain::{
        id::SubscriptionId,
        subscription::{Kind, Subscription},
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host},
};

/// Why a delivery to a removed subscription is a dead letter.
pub(in crate::service) const REMOVED: &str = "the subscription was deleted";

/// The caller's subscriptions of a kind, the newest first.
pub async fn list(host: &Host, caller: &Caller, kind: Kind) -> Result<Vec<Subscription>> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::subscription::list(&mut tx, &caller.organization_id, kind).await
}

/// One of the caller's subscriptions. Code `NOT_FOUND`.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Subscription> {
    let id = SubscriptionId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.read(&caller.organization_id).await?;
    db::subscription::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)
}

/// Code `NOT_FOUND`.
pub(in crate::service) fn not_found() -> Error {
    fail!(NotFound, "there is no such subscription")
}
