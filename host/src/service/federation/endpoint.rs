//! Giving up endpoints of external peers: pausing those that say that they are gone, or that failed for
//! days.
//!
//! The pause ends like any other, by the group's owner. Deliveries that the peer is owed keep their
//! schedule.

use std::time::Duration;

use crate::{
    db,
    domain::{
        federation::{Member, Stamp, Status},
        id::{MemberId, OrganizationId},
        receiver::ReceiverId,
        registration::PLATFORM,
    },
    error::Result,
    service::{Change, Host},
};

/// Pauses a peer whose endpoint answered that it is gone. False if the peer is not accepted any more.
pub async fn pause_gone(host: &Host, owner: &OrganizationId, id: &MemberId) -> Result<bool> {
    let Some((change, member)) = accepted(host, owner, id).await? else { return Ok(false) };
    pause(change, member, "its endpoint answered 410: it is gone").await
}

/// Pauses a peer whose endpoint did nothing but fail for `patience`. False if it is not accepted any
/// more, or failed for a shorter time.
pub async fn pause_failing(host: &Host, owner: &OrganizationId, id: &MemberId, patience: Duration) -> Result<bool> {
    let Some((mut change, member)) = accepted(host, owner, id).await? else { return Ok(false) };
    let Some(peer) = db::federation::peer::endpoint(&mut change.tx, owner, id).await? else { return Ok(false) };
    let receiver = ReceiverId::Peer(id.clone());
    let since = match peer.failing_since {
        // Another host has delivered since, or the owner resumed the peer.
        Some(since) if db::subscription::has_succeeded_since(&mut change.tx, owner, &receiver, since).await? => None,
        since => since,
    };
    let patience_ms = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    if since.is_some_and(|since| change.now.millis_since(since) >= patience_ms) {
        return pause(change, member, "its endpoint did nothing but fail").await;
    }
    // This attempt failed, so it has failed since now at least.
    let since = since.unwrap_or(change.now);
    db::federation::peer::set_failing_since(&mut change.tx, owner, id, Some(since)).await?;
    change.commit().await?;
    Ok(false)
}

/// A change of the owner, with the peer if it is accepted. The peer is read without a lock first, because
/// many attempts at an endpoint may be under way when it is given up.
async fn accepted<'host>(
    host: &'host Host,
    owner: &OrganizationId,
    id: &MemberId,
) -> Result<Option<(Change<'host>, Member)>> {
    let is_accepted = |member: &Member| member.status == Status::Accepted;
    let mut tx = host.db.read().await?;
    let seen = db::federation::member::find(&mut tx, owner, id).await?;
    drop(tx);
    if !seen.as_ref().is_some_and(is_accepted) {
        return Ok(None);
    }
    let mut change = host.change(owner).await?;
    let member = db::federation::member::find(&mut change.tx, owner, id).await?;
    Ok(member.filter(is_accepted).map(|member| (change, member)))
}

async fn pause(mut change: Change<'_>, mut member: Member, why: &str) -> Result<bool> {
    let (owner, revision) = (change.organization.id.clone(), change.organization.revision);
    member.pause(Stamp { by: PLATFORM.to_owned(), at: change.now })?;
    db::federation::member::update(&mut change.tx, &owner, &member).await?;
    db::federation::member::close(&mut change.tx, &owner, &member.id, revision).await?;
    change.commit().await?;
    tracing::info!(member = %member.id, "{} is paused: {why}", member.id);
    Ok(true)
}
