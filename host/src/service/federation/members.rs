//! Members: inviting organizations into a group, accepting, pausing and removing them.

use serde_json::json;

use super::{GroupChange, relay_log, required};
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

/// Reasons of a removal in its event.
const OWNER_REMOVED: &str = "owner_removed";
const MEMBER_LEFT: &str = "member_left";

/// Invites an organization into a group of the caller. A removed member may be invited again.
pub async fn invite(host: &Host, caller: &Caller, group: &str, organization: Option<&str>) -> Result<Member> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.owner_only()?;
    let organization = required(organization, "memberOrganizationId")?;
    change.group.check_live()?;
    let organization = invitable(&mut change, organization).await?;
    let (owner, stamp) = (change.group.owner_id.clone(), change.stamp(caller));
    let known =
        db::federation::member::find_organization(&mut change.base.tx, &owner, &change.group.id, &organization).await?;
    let member = if let Some(mut member) = known {
        member.invite_again(stamp)?;
        db::federation::member::update(&mut change.base.tx, &owner, &member).await?;
        member
    } else {
        let id = MemberId::new(change.base.now, host.randomness.id());
        let member = Member::invite(id, change.group.id.clone(), Peer::Organization(organization), stamp);
        db::federation::member::insert(&mut change.base.tx, &owner, &member, None).await?;
        member
    };
    let data = json!({ "invitedBy": member.invited.by });
    change.announce_member(&member, CUSTOM_EVENT_FEDERATION_MEMBER_INVITED, data).await?;
    change.base.commit().await?;
    Ok(member)
}

/// Finds an organization other than the owner. Its plan is checked when it accepts.
async fn invitable(change: &mut GroupChange<'_>, id: &str) -> Result<OrganizationId> {
    let unknown = || fail!(InvalidRequest, "memberOrganizationId: there is no such organization");
    let id = OrganizationId::parse(id).ok_or_else(unknown)?;
    if id == change.group.owner_id {
        return Err(fail!(InvalidRequest, "memberOrganizationId: the owner of a group cannot be its member"));
    }
    db::organization::find(&mut change.base.tx, &id).await?.ok_or_else(unknown)?;
    Ok(id)
}

/// Accepts the invitation into a group.
pub async fn accept(host: &Host, caller: &Caller, group: &str) -> Result<Member> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.members_only()?;
    change.group.check_live()?;
    let mut member = own_membership(&mut change, caller).await?;
    member.accept(change.stamp(caller))?;
    store(&mut change, &member, Status::Pending).await?;
    let data = json!({ "acceptedBy": caller.service() });
    change.announce_member(&member, CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED, data).await?;
    change.base.commit().await?;
    Ok(member)
}

/// Leaves a group, or declines the invitation into it.
pub async fn leave(host: &Host, caller: &Caller, group: &str) -> Result<Member> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.members_only()?;
    change.group.check_live()?;
    let member = own_membership(&mut change, caller).await?;
    end(change, caller, member, MEMBER_LEFT).await
}

/// The caller's own membership. Code `member_not_found`.
async fn own_membership(change: &mut GroupChange<'_>, caller: &Caller) -> Result<Member> {
    let (owner, group) = (&change.group.owner_id, &change.group.id);
    let member =
        db::federation::member::find_organization(&mut change.base.tx, owner, group, &caller.organization_id).await?;
    member.ok_or_else(not_found)
}

/// Removes a member, of either kind, from a group of the caller.
pub async fn remove(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.owner_only()?;
    let member = find(&mut change, id).await?;
    change.group.check_live()?;
    end(change, caller, member, OWNER_REMOVED).await
}

/// Pauses a member: nothing is relayed to it until it is resumed. The owner may, and the member itself.
pub async fn pause(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let (mut change, mut member) = find_own(host, caller, group, id).await?;
    member.pause(change.stamp(caller))?;
    store(&mut change, &member, Status::Accepted).await?;
    change.base.commit().await?;
    Ok(member)
}

/// Ends a pause. The owner may, and the member itself.
pub async fn resume(host: &Host, caller: &Caller, group: &str, id: &str) -> Result<Member> {
    let (mut change, mut member) = find_own(host, caller, group, id).await?;
    member.resume()?;
    store(&mut change, &member, Status::Paused).await?;
    change.base.commit().await?;
    Ok(member)
}

/// Finds a member of a live group that the caller may pause: any for the owner, itself for a member.
async fn find_own<'host>(
    host: &'host Host,
    caller: &Caller,
    group: &str,
    id: &str,
) -> Result<(GroupChange<'host>, Member)> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    let member = find(&mut change, id).await?;
    if change.role != Role::Owner {
        match member.peer.organization() {
            Some(organization) if *organization == caller.organization_id => {}
            Some(_) => return Err(fail!(FederationForbidden, "only the owner and the member itself may do this")),
            // Members do not see external peers.
            None => return Err(not_found()),
        }
    }
    change.group.check_live()?;
    Ok((change, member))
}

/// A member of the group; code `member_not_found`.
async fn find(change: &mut GroupChange<'_>, id: &str) -> Result<Member> {
    let id = MemberId::parse(id).ok_or_else(not_found)?;
    let member = db::federation::member::find(&mut change.base.tx, &change.group.owner_id, &id).await?;
    member.filter(|member| member.group_id == change.group.id).ok_or_else(not_found)
}

pub(super) fn not_found() -> Error {
    fail!(MemberNotFound, "the group has no such member")
}

/// Ends a membership, for the owner or the member.
async fn end(mut change: GroupChange<'_>, caller: &Caller, mut member: Member, reason: &str) -> Result<Member> {
    let was = member.status;
    member.remove(change.stamp(caller))?;
    store(&mut change, &member, was).await?;
    let data = json!({ "removedBy": caller.service(), "reason": reason });
    change.announce_member(&member, CUSTOM_EVENT_FEDERATION_MEMBER_REMOVED, data).await?;
    change.base.commit().await?;
    Ok(member)
}

/// Removes an external peer, also from a group that was archived.
pub(super) async fn remove_external(change: GroupChange<'_>, caller: &Caller, member: Member) -> Result<Member> {
    end(change, caller, member, OWNER_REMOVED).await
}

/// Stores a member, and the revision from which it gets pushed events, or gets them no more. Deliveries
/// that a removed external peer is still owed are given up: its secret is wiped.
async fn store(change: &mut GroupChange<'_>, member: &Member, was: Status) -> Result<()> {
    let (owner, revision) = (&change.group.owner_id, change.base.organization.revision);
    db::federation::member::update(&mut change.base.tx, owner, member).await?;
    if member.status == Status::Removed && member.peer.organization().is_none() {
        let (tx, now) = (&mut change.base.tx, change.base.now);
        relay_log::give_up(change.base.host, tx, (owner, revision), (&member.group_id, &member.id), now).await?;
    }
    match (was, member.status) {
        (Status::Accepted, Status::Accepted) => Ok(()),
        (Status::Accepted, _) => db::federation::member::close(&mut change.base.tx, owner, &member.id, revision).await,
        (_, Status::Accepted) => db::federation::member::open(&mut change.base.tx, owner, &member.id, revision).await,
        _ => Ok(()),
    }
}
