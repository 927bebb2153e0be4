//! Giving endpoints up, by the host: one that says that it is gone, or that failed for days.
//!
//! The subscription is switched off, so that nothing new is routed to it. What it is owed becomes
//! dead letters as it comes due, and activating it brings those back.

use std::time::Duration;

use serde_json::json;

use crate::{
    db,
    domain::{
        id::{OrganizationId, SubscriptionId},
        lifecycle::{Lifecycle, SUBSCRIPTION_DISABLED, entity},
        receiver::ReceiverId,
        subscription::Subscription,
        time::Time,
    },
    error::Result,
    service::{Change, Host},
};

/// Gives an endpoint up that said that it is gone. False when somebody did so before, or when there
/// is no such subscription any more.
pub async fn disable_gone(host: &Host, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    if !is_open(host, organization, id).await? {
        return Ok(false);
    }
    let mut change = host.change(organization).await?;
    let Some(subscription) = open(&mut change, organization, id).await? else { return Ok(false) };
    disable(change, subscription, "the endpoint answered 410: it is gone").await
}

/// Gives an endpoint up if all that it did for `patience` was to fail. False when that is not so.
pub async fn disable_failing(
    host: &Host,
    organization: &OrganizationId,
    id: &SubscriptionId,
    patience: Duration,
) -> Result<bool> {
    if !is_open(host, organization, id).await? {
        return Ok(false);
    }
    let mut change = host.change(organization).await?;
    let Some(subscription) = open(&mut change, organization, id).await? else { return Ok(false) };
    let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let receiver = ReceiverId::from(id.clone());
    let failing_since = match subscription.failing_since {
        // Another host, or whoever activated the subscription, knows of something better.
        Some(since)
            if db::subscription::has_succeeded_since(&mut change.tx, organization, &receiver, since).await? =>
        {
            None
        }
        since => since,
    };
    let is_long = failing_since.is_some_and(|since| change.now.millis_since(since) >= patience_ms);
    if is_long {
        return disable(change, subscription, &format!("nothing but failures for {}", in_words(patience))).await;
    }
    // This attempt failed, so it has failed since now at least.
    let since: Time = failing_since.unwrap_or(change.now);
    db::subscription::set_failing_since(&mut change.tx, organization, id, Some(since)).await?;
    change.commit().await?;
    Ok(false)
}

/// A look that locks nothing: when an endpoint is given up, many attempts at it may be under way.
async fn is_open(host: &Host, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    let mut tx = host.db.read().await?;
    let found = db::subscription::find(&mut tx, organization, id).await?;
    Ok(found.is_some_and(|subscription| subscription.disabled.is_none()))
}

async fn open(
    change: &mut Change<'_>,
    organization: &OrganizationId,
    id: &SubscriptionId,
) -> Result<Option<Subscription>> {
    let found = db::subscription::find(&mut change.tx, organization, id).await?;
    Ok(found.filter(|subscription| subscription.disabled.is_none()))
}

async fn disable(mut change: Change<'_>, subscription: Subscription, reason: &str) -> Result<bool> {
    let organization = &subscription.organization_id;
    db::subscription::disable(&mut change.tx, organization, &subscription.id, reason, change.now).await?;
    let data = json!({
        "organizationId": organization,
        "subscriptionId": subscription.id,
        "name": subscription.name,
        "webhookUrl": subscription.webhook_url,
        "reason": reason,
        "disabledAt": change.now,
        "failingSince": subscription.failing_since,
    });
    change.record(Lifecycle::about(entity::SUBSCRIPTION, subscription.id.as_str(), SUBSCRIPTION_DISABLED, data));
    change.commit().await?;
    tracing::info!(subscription = %subscription.id, "{} is disabled: {reason}", subscription.id);
    Ok(true)
}

pub(in crate::service) fn in_words(time: Duration) -> String {
    const DAY: u64 = 86_400;
    match time.as_secs() {
        seconds if seconds >= DAY && seconds.is_multiple_of(DAY) => format!("{} days", seconds / DAY),
        seconds => format!("{seconds} seconds"),
    }
}
