//! External peers: endpoints outside of the platform that get what is pushed to a group.

use serde_json::json;

use super::{
    Scene,
    members::{not_found, remove_external},
    needed,
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
        vault::Purpose,
    },
    error::Result,
    fail,
    service::{Caller, Host, access},
};

/// An external peer to be.
#[derive(Clone, Debug)]
pub struct NewPeer<'a> {
    /// What the owner calls it.
    pub label: Option<&'a str>,
    /// Where to.
    pub webhook_url: Option<&'a str>,
    /// Headers that every request carries, as names and values.
    pub headers: Vec<(String, String)>,
}

/// Adds an external peer to a group of the caller. There is nobody who could accept, so it is a
/// member at once. Its secret is shown here and never again.
pub async fn add(host: &Host, caller: &Caller, group: &str, new: NewPeer<'_>) -> Result<(Member, Secret)> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.owner_only()?;
    let (label, url) = (needed(new.label, "label")?, needed(new.webhook_url, "webhookUrl")?);
    check_label(label)?;
    address::check_url(url, &host.address_policy).map_err(|why| fail!(InvalidRequest, "webhookUrl: {why}"))?;
    let headers = StaticHeaders::parse(new.headers).map_err(|why| fail!(InvalidRequest, "headers: {why}"))?;
    scene.group.check_live()?;
    let peer = Peer::External { url: url.to_owned(), label: label.to_owned(), header_names: headers.names() };
    let stamp = scene.stamp(caller);
    let id = MemberId::new(scene.change.now, host.randomness.id());
    let mut member = Member::invite(id, scene.group.id.clone(), peer, stamp.clone());
    member.accept(stamp)?;
    let secret = Secret::generate(|bytes| host.randomness.fill(bytes));
    let sealed = seal(host, &mut scene, &secret, &headers).await?;
    let (owner, revision) = (scene.group.owner_id.clone(), scene.change.organization.revision);
    db::federation::member::insert(&mut scene.change.tx, &owner, &member, Some(&sealed)).await?;
    db::federation::member::open(&mut scene.change.tx, &owner, &member.id, revision).await?;
    let (invited, accepted) = (json!({ "invitedBy": caller.service() }), json!({ "acceptedBy": caller.service() }));
    scene.tell_of(&member, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED, invited).await?;
    scene.tell_of(&member, CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, accepted).await?;
    scene.change.commit().await?;
    Ok((member, secret))
}

/// Encrypts what nobody reads back, with the owner's data key.
async fn seal(host: &Host, scene: &mut Scene<'_>, secret: &Secret, headers: &StaticHeaders) -> Result<Sealed> {
    let owner = &scene.group.owner_id;
    let key = access::data_key(host, &mut scene.change.tx, owner).await?;
    let seal_headers = || key.seal(owner, Purpose::Headers, &headers.reveal(), host.randomness.bytes());
    Ok(Sealed {
        secret: access::seal_secret(host, &key, owner, secret),
        headers: (!headers.is_empty()).then(seal_headers),
    })
}

/// Removes an external peer, and wipes its secret and its headers.
pub async fn remove(host: &Host, caller: &Caller, id: &str) -> Result<Member> {
    let id = MemberId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let group = db::federation::member::group_of(&mut tx, &id).await?.ok_or_else(not_found)?;
    drop(tx);
    let mut scene = Scene::at(host, caller, &group).await?.ok_or_else(not_found)?;
    scene.owner_only()?;
    let member = db::federation::member::find(&mut scene.change.tx, &scene.group.owner_id, &id).await?;
    let is_external = |member: &Member| member.peer.organization().is_none();
    let member = member.filter(is_external).ok_or_else(not_found)?;
    remove_external(scene, caller, member).await
}
