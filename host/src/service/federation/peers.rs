//! External peers: endpoints outside of the platform that are members of a group.

use serde_json::json;

use super::{
    GroupChange,
    members::{not_found, remove_external},
    required,
};
use crate::{
    db::{self, federation::member::Sealed},
    domain::{
        address,
        federation::{Member, Peer, check_label},
        headers::StaticHeaders,
        id::MemberId,
        lifecycle::{CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED},
        signature::Secret,
    },
    error::Result,
    fail,
    service::{Caller, Host},
};

/// An external peer to be.
#[derive(Clone, Debug)]
pub struct NewPeer<'a> {
    /// The owner's name for it.
    pub label: Option<&'a str>,
    /// The URL of its endpoint.
    pub webhook_url: Option<&'a str>,
    /// Names and values of headers that every request to it carries.
    pub headers: Vec<(String, String)>,
}

/// Adds an external peer to a group of the caller. It is a member at once, because it cannot accept an
/// invitation. Its secret is shown here and never again.
pub async fn add(host: &Host, caller: &Caller, group: &str, new: NewPeer<'_>) -> Result<(Member, Secret)> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.owner_only()?;
    let (label, url) = (required(new.label, "label")?, required(new.webhook_url, "webhookUrl")?);
    check_label(label)?;
    address::check_url(url, &host.address_policy).map_err(|why| fail!(InvalidRequest, "webhookUrl: {why}"))?;
    let headers = StaticHeaders::parse(new.headers).map_err(|why| fail!(InvalidRequest, "headers: {why}"))?;
    change.group.check_live()?;
    let peer = Peer::External { url: url.to_owned(), label: label.to_owned(), header_names: headers.names() };
    let stamp = change.stamp(caller);
    let id = MemberId::new(change.base.now, host.randomness.id());
    let mut member = Member::invite(id, change.group.id.clone(), peer, stamp.clone());
    member.accept(stamp)?;
    let secret = Secret::generate(|bytes| host.randomness.fill(bytes));
    let key = host.keyring.open(&mut change.base.tx, &change.group.owner_id).await?;
    let sealed = Sealed { secret: key.seal_secret(&secret), headers: key.seal_headers(&headers) };
    let (owner, revision) = (change.group.owner_id.clone(), change.base.organization.revision);
    db::federation::member::insert(&mut change.base.tx, &owner, &member, Some(&sealed)).await?;
    db::federation::member::open(&mut change.base.tx, &owner, &member.id, revision).await?;
    let (invited, accepted) = (json!({ "invitedBy": caller.service() }), json!({ "acceptedBy": caller.service() }));
    change.announce_member(&member, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED, invited).await?;
    change.announce_member(&member, CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, accepted).await?;
    change.base.commit().await?;
    Ok((member, secret))
}

/// Removes an external peer, and wipes its secret and its headers.
pub async fn remove(host: &Host, caller: &Caller, id: &str) -> Result<Member> {
    let id = MemberId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let group = db::federation::member::group_of(&mut tx, &id).await?.ok_or_else(not_found)?;
    drop(tx);
    let mut change = GroupChange::begin_in(host, caller, &group).await?.ok_or_else(not_found)?;
    change.owner_only()?;
    let member = db::federation::member::find(&mut change.base.tx, &change.group.owner_id, &id).await?;
    let is_external = |member: &Member| member.peer.organization().is_none();
    let member = member.filter(is_external).ok_or_else(not_found)?;
    remove_external(change, caller, member).await
}
