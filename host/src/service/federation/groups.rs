//! Groups: creating, reading and archiving them.

use serde_json::json;

use super::{GroupChange, about, check_plan, no_group, required};
use crate::{
    db,
    domain::{
        federation::{Group, GroupView, Member, Push, Role, Status, check_group_name},
        id::{GroupId, OrganizationId},
        lifecycle::{CUSTOM_EVENT_FEDERATION_GROUP_ARCHIVED, CUSTOM_EVENT_FEDERATION_GROUP_CREATED},
    },
    error::Result,
    fail,
    service::{Caller, Host, registry},
};

/// Creates a group of the caller.
pub async fn create(host: &Host, caller: &Caller, name: Option<&str>, description: Option<&str>) -> Result<GroupView> {
    let name = required(name, "name")?;
    check_group_name(name)?;
    let description = registry::check_description(description)?;
    let mut change = host.change(&caller.organization_id).await?;
    check_plan(change.organization.plan)?;
    if db::federation::group::is_name_taken(&mut change.tx, &caller.organization_id, name).await? {
        return Err(fail!(Duplicate, "this organization has a group of that name"));
    }
    let group = Group {
        id: GroupId::new(change.now, host.randomness.id()),
        owner_id: caller.organization_id.clone(),
        name: name.to_owned(),
        description,
        created_by: caller.service().to_owned(),
        created_at: change.now,
        updated_at: change.now,
        archived_at: None,
    };
    db::federation::group::insert(&mut change.tx, &caller.organization_id, &group).await?;
    let data = json!({ "name": group.name, "createdBy": group.created_by });
    change.announce(about(&group, CUSTOM_EVENT_FEDERATION_GROUP_CREATED, data));
    change.commit().await?;
    Ok(GroupView { group, role: Role::Owner, member_count: 0, push_count: 0 })
}

/// The groups that the caller owns or has a part in, the newest first.
pub async fn list(host: &Host, caller: &Caller, with_archived: bool) -> Result<Vec<GroupView>> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::federation::group::list(&mut tx, &caller.organization_id, with_archived).await
}

/// A group with its members and active pushes, as far as the caller sees them.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<(GroupView, Vec<Member>, Vec<Push>)> {
    let id = GroupId::parse(id).ok_or_else(no_group)?;
    let mut tx = host.read(&caller.organization_id).await?;
    let view = db::federation::group::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(no_group)?;
    let mut members = db::federation::member::list(&mut tx, &view.group.owner_id, &id).await?;
    members.retain(|member| is_seen(view.role, &caller.organization_id, member));
    let pushes = if view.role.sees_within() {
        db::federation::push::list(&mut tx, &view.group.owner_id, &id, false).await?
    } else {
        Vec::new()
    };
    Ok((view, members, pushes))
}

/// Whether a viewer sees a member: only the owner sees external peers, and a removed member sees itself
/// alone.
fn is_seen(role: Role, viewer: &OrganizationId, member: &Member) -> bool {
    match (role, member.peer.organization()) {
        (Role::Owner, _) => true,
        (Role::Member(Status::Removed), organization) => organization == Some(viewer),
        (Role::Member(_), organization) => organization.is_some(),
    }
}

/// Archives a group of the caller: no event accepted from now on is relayed to its members.
pub async fn archive(host: &Host, caller: &Caller, id: &str) -> Result<GroupView> {
    let mut change = GroupChange::begin(host, caller, id).await?;
    change.owner_only()?;
    change.group.archive(change.base.now)?;
    let (owner, revision) = (&change.group.owner_id, change.base.organization.revision);
    db::federation::group::archive(&mut change.base.tx, owner, &change.group, revision).await?;
    let data = json!({ "archivedBy": caller.service() });
    change.announce_to_all(CUSTOM_EVENT_FEDERATION_GROUP_ARCHIVED, data).await?;
    let view = db::federation::group::find(&mut change.base.tx, &caller.organization_id, &change.group.id).await?;
    change.base.commit().await?;
    view.ok_or_else(no_group)
}
