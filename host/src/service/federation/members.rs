//! Members: how organizations come into a group, pause, and go.

use serde_json::json;

use super::{Scene, needed, outcome};
use crate::{
    db,
    domain::{
        federation::{Member, Peer, Role, Status},
        id::{MemberId, OrganizationId},
        lifecycle::{
            CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED,
            CUSTOM_EVENT_FEDERATION_MEMBER_REMOVED,
        },
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host},
};

/// Why a member is gone, as its event says.
const OWNER_REMOVED: &str = "owner_removed";
const MEMBER_LEFT: &str = "member_left";

/// Invites an organization into a group of the caller; who was removed may be invited again.
pub async fn invite(host: &Host, caller: &Caller, group: &str, organization: Option<&str>) -> Result<Member> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.owner_only()?;
    let organization = needed(organization, "memberOrganizationId")?;
    scene.group.check_live()?;
    let organization = invitable(&mut scene, organization).await?;
    let (owner, stamp) = (scene.group.owner_id.clone(), scene.stamp(caller));
    let known =
        db::federation::member::find_organization(&mut scene.change.tx, &owner, &scene.group.id, &organization).await?;
    let member = if let Some(mut member) = known {
        member.invite_again(stamp)?;
        db::federation::member::update(&mut scene.change.tx, &owner, &member).await?;
        member
    } else {
        let id = MemberId::new(scene.change.now, host.randomness.id());
        let member = Member::invite(id, scene.group.id.clone(), Peer::Organization(organization), stamp);
        db::federation::member::insert(&mut scene.change.tx, &owner, &member, None).await?;
        member
    };
    let data = json!({ "invitedBy": member.invited.by });
    scene.tell_of(&member, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED, data).await?;
    scene.change.commit().await?;
    Ok(member)
}

/// An organization of this host other than the owner. Whether its plan has federation shows when
/// it accepts.
async fn invitable(scene: &mut Scene<'_>, id: &str) -> Result<OrganizationId> {
    let unknown = || fail!(InvalidRequest, "memberOrganizationId: there is no such organization");
    let id = OrganizationId::parse(id).ok_or_else(unknown)?;
    if id == scene.group.owner_id {
        return Err(fail!(InvalidRequest, "memberOrganizationId: the owner of a group cannot be its member"));
    }
    db::organization::find(&mut scene.change.tx, &id).await?.ok_or_else(unknown)?;
    Ok(id)
}

/// Takes the invitation into a group.
pub async fn accept(host: &Host, caller: &Caller, group: &str) -> Result<Member> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.members_only()?;
    scene.group.check_live()?;
    let mut member = own_membership(&mut scene, caller).await?;
    member.accept(scene.stamp(caller))?;
    store(&mut scene, &member, Status::Pending).await?;
    let data = json!({ "acceptedBy": caller.service() });
    scene.tell_of(&member, CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, data).await?;
    scene.change.commit().await?;
    Ok(member)
}

/// Leaves a group, or declines the invitation into it.
pub async fn leave(host: &Host, caller: &Caller, group: &str) -> Result<Member> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.members_only()?;
    scene.group.check_live()?;
    let member = own_membership(&mut scene, caller).await?;
    end(scene, caller, member, MEMBER_LEFT).await
}

/// The caller's own row in a group in which it has one.
async fn own_membership(scene: &mut Scene<'_>, caller: &Caller) -> Result<Member> {
    let (owner, group) = (&scene.group.owner_id, &scene.group.id);
    let member =
        db::federation::member::find_organization(&mut scene.change.tx, owner, group, &caller.organization_id).await?;
    member.ok_or_else(not_found)
}

/// Removes a member, of either kind, from a group of the caller.
pub async fn remove(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.owner_only()?;
    let member = find(&mut scene, id).await?;
    scene.group.check_live()?;
    end(scene, caller, member, OWNER_REMOVED).await
}

/// Stops what is pushed to a member for a while. The owner may, and the member itself.
pub async fn pause(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let (mut scene, mut member) = find_own(host, caller, group, id).await?;
    member.pause(scene.stamp(caller))?;
    store(&mut scene, &member, Status::Accepted).await?;
    scene.change.commit().await?;
    Ok(member)
}

/// Ends a pause. The owner may, and the member itself.
pub async fn resume(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let (mut scene, mut member) = find_own(host, caller, group, id).await?;
    member.resume()?;
    store(&mut scene, &member, Status::Paused).await?;
    scene.change.commit().await?;
    Ok(member)
}

/// A member of a live group that the caller may pause: any one for the owner, itself for a member.
async fn find_own<'host>(host: &'host Host, caller: &Caller, group: &str, id: &str) -> Result<(Scene<'host>, Member)> {
    let mut scene = Scene::enter(host, caller, group).await?;
    let member = find(&mut scene, id).await?;
    if scene.role != Role::Owner {
        match member.peer.organization() {
            Some(organization) if *organization == caller.organization_id => {}
            Some(_) => return Err(fail!(FederationForbidden, "only the owner and the member itself may do this")),
            // Of external peers members know nothing.
            None => return Err(not_found()),
        }
    }
    scene.group.check_live()?;
    Ok((scene, member))
}

/// A member of the group; code `member_not_found`.
async fn find(scene: &mut Scene<'_>, id: &str) -> Result<Member> {
    let id = MemberId::parse(id).ok_or_else(not_found)?;
    let member = db::federation::member::find(&mut scene.change.tx, &scene.group.owner_id, &id).await?;
    member.filter(|member| member.group_id == scene.group.id).ok_or_else(not_found)
}

pub(super) fn not_found() -> Error {
    fail!(MemberNotFound, "the group has no such member")
}

/// Ends a membership, whoever wants it.
async fn end(mut scene: Scene<'_>, caller: &Caller, mut member: Member, reason: &str) -> Result<Member> {
    let was = member.status;
    member.remove(scene.stamp(caller))?;
    store(&mut scene, &member, was).await?;
    let data = json!({ "removedBy": caller.service(), "reason": reason });
    scene.tell_of(&member, CUSTOM_EVENT_FEDERATION_MEMBER_REMOVED, data).await?;
    scene.change.commit().await?;
    Ok(member)
}

/// Removes an external peer, also from a group that was archived.
pub(super) async fn remove_external(scene: Scene<'_>, caller: &Caller, member: Member) -> Result<Member> {
    end(scene, caller, member, OWNER_REMOVED).await
}

/// Stores a member, and from which revision on it gets what is pushed, or does not any more. An
/// external peer that is removed is owed nothing from then on: its secret is gone.
async fn store(scene: &mut Scene<'_>, member: &Member, was: Status) -> Result<()> {
    let (owner, revision) = (&scene.group.owner_id, scene.change.organization.revision);
    db::federation::member::update(&mut scene.change.tx, owner, member).await?;
    if member.status == Status::Removed && member.peer.organization().is_none() {
        let (tx, now) = (&mut scene.change.tx, scene.change.now);
        outcome::give_up(scene.host, tx, (owner, revision), (&member.group_id, &member.id), now).await?;
    }
    match (was, member.status) {
        (Status::Accepted, Status::Accepted) => Ok(()),
        (Status::Accepted, _) => db::federation::member::close(&mut scene.change.tx, owner, &member.id, revision).await,
        (_, Status::Accepted) => db::federation::member::open(&mut scene.change.tx, owner, &member.id, revision).await,
        _ => Ok(()),
    }
}
