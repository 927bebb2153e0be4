//! Giving up endpoints of subscriptions: those that say that they are gone, or that failed for days.
//!
//! The host disables the subscription, so that nothing new is routed to it. Deliveries that it is
//! owed become dead letters as they come due, and activating it replays those.

use std::time::Duration;

use serde_json::json;

use crate::{
    db,
    domain::{
        id::{OrganizationId, ReplayId, SubscriptionId},
        lifecycle::{Lifecycle, SUBSCRIPTION_DISABLED, entity},
        receiver::ReceiverId,
        replay::{Replay, ReplaySource},
        subscription::Subscription,
        time::Time,
    },
    error::Result,
    service::{Change, Host},
};

/// Disables a subscription whose endpoint answered that it is gone. False if it is disabled already,
/// or was removed.
pub async fn disable_gone(host: &Host, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    if !is_enabled(host, organization, id).await? {
        return Ok(false);
    }
    let mut change = host.change_beside_rules(organization).await?;
    let Some(subscription) = find_enabled(&mut change, organization, id).await? else { return Ok(false) };
    disable(change, subscription, "the endpoint answered 410: it is gone").await
}

/// Disables a subscription whose endpoint did nothing but fail for `patience`. False if it is disabled
/// already, was removed, or failed for a shorter time.
pub async fn disable_failing(
    host: &Host,
    organization: &OrganizationId,
    id: &SubscriptionId,
    patience: Duration,
) -> Result<bool> {
    if !is_enabled(host, organization, id).await? {
        return Ok(false);
    }
    let mut change = host.change_beside_rules(organization).await?;
    let Some(subscription) = find_enabled(&mut change, organization, id).await? else { return Ok(false) };
    let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let receiver = ReceiverId::from(id.clone());
    let failing_since = match subscription.failing_since {
        // Another host has delivered since, or the caller activated the subscription.
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

/// Whether a subscription is not disabled. This reads without a lock, because many attempts at an
/// endpoint may be under way when it is given up.
async fn is_enabled(host: &Host, organization: &OrganizationId, id: &SubscriptionId) -> Result<bool> {
    let mut tx = host.db.read().await?;
    let found = db::subscription::find(&mut tx, organization, id).await?;
    Ok(found.is_some_and(|subscription| subscription.disabled.is_none()))
}

/// The subscription within a change; `None` if it is disabled or was removed.
async fn find_enabled(
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
    change.announce(Lifecycle::about(entity::SUBSCRIPTION, subscription.id.as_str(), SUBSCRIPTION_DISABLED, data));
    change.commit().await?;
    tracing::info!(subscription = %subscription.id, "{} is disabled: {reason}", subscription.id);
    Ok(true)
}

fn in_words(time: Duration) -> String {
    const DAY: u64 = 86_400;
    match time.as_secs() {
        seconds if seconds >= DAY && seconds.is_multiple_of(DAY) => format!("{} days", seconds / DAY),
        seconds => format!("{seconds} seconds"),
    }
}

/// Replays, with the change that activates a subscription, the dead letters since it was disabled, and
/// lets replays that waited for that go on.
pub(super) async fn replay_dead_letters(
    host: &Host,
    change: &mut Change<'_>,
    subscription: &SubscriptionId,
    since: Time,
) -> Result<()> {
    let (organization, now) = (&change.organization.id, change.now);
    let source = ReplaySource::DeadLetters { from: None, to: now, died_since: Some(since) };
    let id = ReplayId::new(now, host.randomness.id());
    let replay = Replay::new(id, organization.clone(), subscription.clone().into(), source);
    db::replay::insert(&mut change.tx, organization, &replay, now).await?;
    db::replay::hasten(&mut change.tx, organization, &replay.receiver, now).await
}
