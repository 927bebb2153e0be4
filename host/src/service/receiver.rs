//! What differs between receivers, a subscription and an external peer: whether it can be reached, what
//! an attempt teaches of its endpoint, when that is given up, and what its owner is told of an attempt.
//! What they have in common is everywhere else.

use std::time::Duration;

use super::{
    Host, announce,
    federation::{endpoint, relay_log},
    subscription,
};
use crate::{
    db::{self, Tx},
    domain::{
        delivery::DeliveryOutcome,
        emit::Emit,
        federation::RelayLog,
        id::OrganizationId,
        receiver::ReceiverId,
        subscription::{Endpoint, HealthChange, Subscription},
    },
    error::Result,
    fail,
    pipeline::{Judgement, Then},
};

/// Checks that a receiver can be reached. Code `invalid_state` if it was removed or given up.
pub(super) async fn check(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    match receiver {
        ReceiverId::Subscription(id) => match db::subscription::find(tx, organization, id).await? {
            None => Err(fail!(InvalidState, "the subscription of this delivery was deleted")),
            Some(Subscription { disabled: Some(disabled), .. }) => {
                Err(fail!(InvalidState, "its endpoint was given up; enable the subscription: {}", disabled.reason))
            }
            Some(_) => Ok(()),
        },
        ReceiverId::Peer(id) => match db::federation::peer::endpoint(tx, organization, id).await? {
            None => Err(fail!(InvalidState, "the external peer of this delivery was removed")),
            Some(_) => Ok(()),
        },
    }
}

/// Ends all deliveries to a receiver that was removed. Removing it did that already; a delivery that
/// was being written at that moment is found later, when it is claimed.
pub async fn abandon(host: &Host, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    let now = host.now();
    let mut tx = host.db.begin().await?;
    match receiver {
        ReceiverId::Subscription(_) => {
            db::delivery::give_up(&mut tx, organization, receiver, subscription::find::REMOVED, now).await?;
        }
        ReceiverId::Peer(id) => {
            let Some(member) = db::federation::member::find(&mut tx, organization, id).await? else { return Ok(()) };
            relay_log::give_up(host, &mut tx, (organization, 0), (&member.group_id, id), now).await?;
        }
    }
    tx.commit().await
}

/// Learns from an attempt how the endpoint does, and gives it up when it is gone or has done nothing
/// but fail for `patience`; `None` is for ever. Returns whether the endpoint began to fail or recovered.
pub async fn learn(
    host: &Host,
    endpoint: &Endpoint,
    judgement: &Judgement,
    patience: Option<Duration>,
) -> Option<HealthChange> {
    // A component's own failure tells nothing of the endpoint.
    judgement.response?;
    let (given_up, change) = match judgement.then {
        Then::Delivered => return host.health.succeeded(endpoint),
        Then::NotTried | Then::Skipped => return None,
        Then::Gone => (give_up_gone(host, endpoint).await, None),
        Then::Retry(_) | Then::Never => {
            let now = host.now();
            let (since, change) = host.health.failed(endpoint, now);
            let is_over = |patience: &Duration| {
                now.millis_since(since) >= i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)
            };
            let Some(patience) = patience.filter(is_over) else { return change };
            (give_up_failing(host, endpoint, patience).await, change)
        }
    };
    // The table knows now what was found.
    host.health.forget(&endpoint.receiver);
    if let Err(error) = given_up {
        // The next attempt finds the same.
        tracing::warn!(receiver = %endpoint.receiver, error = ?error, "an endpoint could not be given up yet");
    }
    change
}

async fn give_up_gone(host: &Host, endpoint: &Endpoint) -> Result<bool> {
    let owner = &endpoint.organization_id;
    match &endpoint.receiver {
        ReceiverId::Subscription(id) => subscription::endpoint::disable_gone(host, owner, id).await,
        ReceiverId::Peer(id) => endpoint::pause_gone(host, owner, id).await,
    }
}

async fn give_up_failing(host: &Host, endpoint: &Endpoint, patience: Duration) -> Result<bool> {
    let owner = &endpoint.organization_id;
    match &endpoint.receiver {
        ReceiverId::Subscription(id) => subscription::endpoint::disable_failing(host, owner, id, patience).await,
        ReceiverId::Peer(id) => endpoint::pause_failing(host, owner, id, patience).await,
    }
}

/// What an owner is told of the outcome of a claim: a row of the log of relays for an external peer, and
/// lifecycle events for subscriptions that listen for them.
pub async fn tell(
    host: &Host,
    emit: &Emit,
    endpoint: &Endpoint,
    outcome: &DeliveryOutcome<'_>,
) -> (Option<RelayLog>, Vec<Emit>) {
    match outcome.push_id {
        None => (None, announce::of_outcome(host, emit, endpoint, outcome).await),
        Some(push) => relay_log::of_outcome(host, emit, endpoint, push, outcome).await,
    }
}
