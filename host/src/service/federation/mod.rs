//! Federation: what an organization emits, shown to members of its groups.
//!
//! Whoever acts, a change of a group is a change of its owner: it locks the owner's row and
//! raises the owner's revision, by which every event of the owner knows whether it obeys the old
//! state or the new one. No other row is locked, so two changes never wait for each other.
//!
//! Who asks comes first. Whoever has no part in a group learns nothing, not even that it exists.

use serde_json::{Value, json};

use super::{Caller, Change, Host, lifecycle::Record};
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
pub mod outcome;
pub mod peers;
pub mod pushes;
pub mod relays;

/// Code `FEDERATION_NOT_AVAILABLE`, which comes before anything else on every route.
pub fn check_plan(plan: Plan) -> Result<()> {
    if plan.federation() {
        return Ok(());
    }
    Err(fail!(FederationNotAvailable, "plan {} has no federation; ENTERPRISE has", plan.as_str()))
}

/// A change of a group that is under way.
struct Scene<'host> {
    host: &'host Host,
    change: Change<'host>,
    group: Group,
    role: Role,
}

impl<'host> Scene<'host> {
    /// Begins a change of a group in which the caller has a part. Code `group_not_found`.
    async fn enter(host: &'host Host, caller: &Caller, id: &str) -> Result<Self> {
        let id = GroupId::parse(id).ok_or_else(no_group)?;
        Self::at(host, caller, &id).await?.ok_or_else(no_group)
    }

    /// The same for an id that is known; `None` when the caller has no part in the group.
    async fn at(host: &'host Host, caller: &Caller, id: &GroupId) -> Result<Option<Self>> {
        let Some(seen) = look(host, caller, id).await? else { return Ok(None) };
        let mut change = host.change(&seen.group.owner_id).await?;
        // Only now nobody else can change what the caller is to the group.
        let view = db::federation::group::find(&mut change.tx, &caller.organization_id, id).await?;
        Ok(view.map(|view| Self { host, change, group: view.group, role: view.role }))
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

    /// Who does this, and when.
    fn stamp(&self, caller: &Caller) -> Stamp {
        Stamp { by: caller.service().to_owned(), at: self.change.now }
    }

    /// Says something of a member to the owner and to the member, if it is an organization.
    async fn tell_of(&mut self, member: &Member, name: &'static str, mut data: Value) -> Result<()> {
        data["memberId"] = json!(member.id);
        data["memberOrganizationId"] = json!(member.peer.organization());
        let event = about(&self.group, name, data);
        self.change.record(event.clone());
        match member.peer.organization() {
            Some(organization) => self.change.record_for(organization, event).await,
            None => Ok(()),
        }
    }

    /// Says something to the owner and to every organization that takes part in the group.
    async fn tell_everybody(&mut self, name: &'static str, data: Value) -> Result<()> {
        let event = about(&self.group, name, data);
        let (owner, group) = (&self.group.owner_id, &self.group.id);
        let audience = db::federation::member::audience(&mut self.change.tx, owner, group).await?;
        self.change.record(event.clone());
        for (organization, revision) in audience {
            let Change { host, now, record, .. } = &mut self.change;
            Record::add(record, host, &organization, revision, *now, event.clone());
        }
        Ok(())
    }
}

/// A group as the caller sees it; `None` when the caller has no part in it.
async fn look(host: &Host, caller: &Caller, id: &GroupId) -> Result<Option<GroupView>> {
    let mut tx = host.db.read().await?;
    db::federation::group::find(&mut tx, &caller.organization_id, id).await
}

fn no_group() -> Error {
    fail!(GroupNotFound, "there is no such group")
}

/// An event about a group, with what all of them say.
fn about(group: &Group, name: &'static str, mut data: Value) -> Lifecycle {
    data["groupId"] = json!(group.id);
    data["ownerOrganizationId"] = json!(group.owner_id);
    Lifecycle::about(entity::GROUP, group.id.as_str(), name, data)
}

/// A member of the request that has to be there. It is asked for after who asks is known.
fn needed<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| fail!(InvalidRequest, "{name} is missing"))
}
