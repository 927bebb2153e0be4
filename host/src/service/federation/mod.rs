//! Federation: an organization's events, relayed to the members of its groups.
//!
//! A change of a group is a change of its owner, also when a member acts: it locks the owner's row and
//! raises the owner's revision, by which every event of the owner knows whether it obeys the old
//! state or the new one. No other row is locked, so two changes never wait for each other.
//!
//! Who calls is checked before the request is: an organization without a part in a group gets
//! `group_not_found` for everything.

use serde_json::{Value, json};

use super::{Caller, Change, Host};
use crate::{
    db,
    domain::{
        federation::{Group, GroupView, Member, Role, Stamp},
        id::GroupId,
        lifecycle::{Lifecycle, entity},
        plan::Plan,
    },
    error::{Error, Result},
    fail,
};

pub mod endpoint;
pub mod groups;
pub mod members;
pub mod peers;
pub mod pushes;
pub mod relay_log;

/// Checks that a plan has federation. Code `FEDERATION_NOT_AVAILABLE`, which comes before anything else
/// on every route.
pub fn check_plan(plan: Plan) -> Result<()> {
    if plan.federation() {
        return Ok(());
    }
    Err(fail!(FederationNotAvailable, "plan {} has no federation; ENTERPRISE has", plan.as_str()))
}

/// A change of a group that is under way.
struct GroupChange<'host> {
    /// The change of the group's owner.
    base: Change<'host>,
    group: Group,
    /// The caller's role in the group.
    role: Role,
}

impl<'host> GroupChange<'host> {
    /// Begins a change of a group in which the caller has a part. Code `group_not_found`.
    async fn begin(host: &'host Host, caller: &Caller, id: &str) -> Result<Self> {
        let id = GroupId::parse(id).ok_or_else(no_group)?;
        Self::begin_in(host, caller, &id).await?.ok_or_else(no_group)
    }

    /// Begins a change of a known group; `None` if the caller has no part in it.
    async fn begin_in(host: &'host Host, caller: &Caller, id: &GroupId) -> Result<Option<Self>> {
        let Some(seen) = look(host, caller, id).await? else { return Ok(None) };
        let mut base = host.change(&seen.group.owner_id).await?;
        // Read again: only now no other task can change the caller's role.
        let view = db::federation::group::find(&mut base.tx, &caller.organization_id, id).await?;
        Ok(view.map(|view| Self { base, group: view.group, role: view.role }))
    }

    /// Code `forbidden` for members.
    fn owner_only(&self) -> Result<()> {
        match self.role {
            Role::Owner => Ok(()),
            Role::Member(_) => Err(fail!(FederationForbidden, "only the owner of the group may do this")),
        }
    }

    /// Code `forbidden` for the owner.
    fn members_only(&self) -> Result<()> {
        match self.role {
            Role::Member(_) => Ok(()),
            Role::Owner => Err(fail!(FederationForbidden, "the owner of the group is no member of it")),
        }
    }

    /// The caller and the present time.
    fn stamp(&self, caller: &Caller) -> Stamp {
        Stamp { by: caller.service().to_owned(), at: self.base.now }
    }

    /// Announces an event about a member to the owner, and to the member if it is an organization.
    async fn announce_member(&mut self, member: &Member, name: &'static str, mut data: Value) -> Result<()> {
        data["memberId"] = json!(member.id);
        data["memberOrganizationId"] = json!(member.peer.organization());
        let event = about(&self.group, name, data);
        self.base.announce(event.clone());
        match member.peer.organization() {
            Some(organization) => self.base.announce_to(organization, event).await,
            None => Ok(()),
        }
    }

    /// Announces an event to the owner and to every organization that takes part in the group.
    async fn announce_to_all(&mut self, name: &'static str, data: Value) -> Result<()> {
        let event = about(&self.group, name, data);
        let (owner, group) = (&self.group.owner_id, &self.group.id);
        let audience = db::federation::member::audience(&mut self.base.tx, owner, group).await?;
        self.base.announce(event.clone());
        for (organization, revision) in audience {
            self.base.announce_at(&organization, revision, event.clone());
        }
        Ok(())
    }
}

/// The group as the caller sees it; `None` if the caller has no part in it.
async fn look(host: &Host, caller: &Caller, id: &GroupId) -> Result<Option<GroupView>> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::federation::group::find(&mut tx, &caller.organization_id, id).await
}

fn no_group() -> Error {
    fail!(GroupNotFound, "there is no such group")
}

/// An event about a group, with the fields that all of those have.
fn about(group: &Group, name: &'static str, mut data: Value) -> Lifecycle {
    data["groupId"] = json!(group.id);
    data["ownerOrganizationId"] = json!(group.owner_id);
    Lifecycle::about(entity::GROUP, group.id.as_str(), name, data)
}

/// A member of the request that has to be there. It is checked after the caller.
fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| fail!(InvalidRequest, "{name} is missing"))
}
