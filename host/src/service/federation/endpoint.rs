//! Endpoints of external peers: what it takes to reach them, and pausing those that are gone or did
//! nothing but fail for days.
//!
//! A pause ends like any other, by its owner. What the peer is owed keeps its schedule.

use std::time::Duration;

use crate::{
    db,
    domain::{
        federation::{Member, Stamp, Status},
        id::{MemberId, OrganizationId},
        receiver::ReceiverId,
        registration::PLATFORM,
        signature::Secrets,
        subscription::{Target, Terms},
    },
    error::Result,
    service::{Change, Host, access, directory},
};

/// An external peer as a target; `None` when it was removed.
pub async fn target(host: &Host, owner: &OrganizationId, id: &MemberId) -> Result<Option<Target>> {
    let mut tx = host.db.read().await?;
    let Some(peer) = db::federation::peer::target(&mut tx, owner, id).await? else { return Ok(None) };
    drop(tx);
    let key = directory::data_key_of(host, owner).await?;
    Ok(Some(Target {
        receiver: ReceiverId::Peer(id.clone()),
        organization_id: owner.clone(),
        group_id: Some(peer.group_id),
        url: peer.webhook_url,
        is_active: true,
        disabled: None,
        failing_since: peer.failing_since,
        terms: Terms::default(),
        secrets: Secrets::new(access::open_secret(&key, owner, &peer.secret_encrypted)?, None),
        headers: access::open_headers(&key, owner, peer.headers_encrypted.as_deref())?,
        since_revision: 0,
    }))
}

/// Pauses a peer whose endpoint said that it is gone. False when it is not accepted any more.
pub async fn pause_gone(host: &Host, owner: &OrganizationId, id: &MemberId) -> Result<bool> {
    let Some((change, member)) = accepted(host, owner, id).await? else { return Ok(false) };
    pause(change, member, "its endpoint answered 410: it is gone").await
}

/// Pauses a peer if all that its endpoint did for `patience` was to fail. False when that is not so.
pub async fn pause_failing(host: &Host, owner: &OrganizationId, id: &MemberId, patience: Duration) -> Result<bool> {
    let Some((mut change, member)) = accepted(host, owner, id).await? else { return Ok(false) };
    let Some(peer) = db::federation::peer::target(&mut change.tx, owner, id).await? else { return Ok(false) };
    let receiver = ReceiverId::Peer(id.clone());
    let since = match peer.failing_since {
        // Another host, or whoever resumed the peer, knows of something better.
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

/// The peer while it is accepted, and a change of its owner. Looked at without a lock first: when an
/// endpoint is given up, many attempts at it may be under way.
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
