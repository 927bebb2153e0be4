//! Pushes: versions of an owner's events that are relayed to a group.

use serde_json::json;

use super::{GroupChange, look, no_group, required};
use crate::{
    db,
    domain::{
        federation::Push,
        id::{GroupId, PushId, RegistrationId},
        lifecycle::{CUSTOM_EVENT_FEDERATION_PUSH_DECLARED, CUSTOM_EVENT_FEDERATION_PUSH_UNDECLARED},
        registration::{Registration, Status},
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host, registry},
};

/// Pushes a version of one of the caller's events to a group of the caller. The push keeps the present
/// schema.
pub async fn declare(host: &Host, caller: &Caller, group: &str, registration: Option<&str>) -> Result<Push> {
    let mut change = GroupChange::begin(host, caller, group).await?;
    change.owner_only()?;
    let registration = required(registration, "registrationId")?;
    change.group.check_live()?;
    let registration = pushable(&mut change, registration).await?;
    let push = Push {
        id: PushId::new(change.base.now, host.randomness.id()),
        group_id: change.group.id.clone(),
        owner_id: change.group.owner_id.clone(),
        registration_id: registration.id,
        event: registration.event,
        version: registration.version,
        payload_schema: registration.payload_schema,
        pushed: change.stamp(caller),
        unpushed: None,
    };
    let revision = change.base.organization.revision;
    db::federation::push::insert(&mut change.base.tx, &push.owner_id, &push, revision).await?;
    let data = json!({
        "pushId": push.id,
        "sourceRegistrationId": push.registration_id,
        "namespace": push.event.namespace(),
        "name": push.event.name(),
        "version": push.version.to_string(),
        "pushedBy": push.pushed.by,
    });
    change.announce_to_all(CUSTOM_EVENT_FEDERATION_PUSH_DECLARED, data).await?;
    change.base.commit().await?;
    Ok(push)
}

/// A published registration of the owner that is not pushed to the group yet.
async fn pushable(change: &mut GroupChange<'_>, id: &str) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(registry::not_found)?;
    let (owner, group) = (&change.group.owner_id, &change.group.id);
    let tx = &mut change.base.tx;
    let registration = db::registration::find(tx, owner, &id).await?.ok_or_else(registry::not_found)?;
    if db::federation::push::is_active(tx, owner, group, &id).await? {
        let (event, version) = (&registration.event, registration.version);
        return Err(fail!(Duplicate, "{event}@{version} is pushed to the group already"));
    }
    if registration.status != Status::Published {
        let status = registration.status.as_str();
        return Err(fail!(InvalidState, "the registration is {status}, not published"));
    }
    Ok(registration)
}

/// The pushes to a group, as far as the caller sees them, the newest first.
pub async fn list(host: &Host, caller: &Caller, group: &str, with_inactive: bool) -> Result<Vec<Push>> {
    let id = GroupId::parse(group).ok_or_else(no_group)?;
    let view = look(host, caller, &id).await?.ok_or_else(no_group)?;
    if !view.role.sees_within() {
        return Ok(Vec::new());
    }
    let mut tx = host.read(&caller.organization_id).await?;
    db::federation::push::list(&mut tx, &view.group.owner_id, &id, with_inactive).await
}

/// Ends a push, also one to an archived group: no event accepted from now on is relayed by it.
pub async fn undeclare(host: &Host, caller: &Caller, id: &str) -> Result<Push> {
    let id = PushId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let group = db::federation::push::group_of(&mut tx, &id).await?.ok_or_else(not_found)?;
    drop(tx);
    let mut change = GroupChange::begin_in(host, caller, &group).await?.ok_or_else(not_found)?;
    change.owner_only()?;
    let (owner, revision) = (change.group.owner_id.clone(), change.base.organization.revision);
    let push = db::federation::push::find(&mut change.base.tx, &owner, &id).await?;
    let mut push = push.ok_or_else(not_found)?;
    push.undeclare(change.stamp(caller))?;
    db::federation::push::end(&mut change.base.tx, &owner, &push, revision).await?;
    let data = json!({ "pushId": push.id, "unpushedBy": caller.service() });
    change.announce_to_all(CUSTOM_EVENT_FEDERATION_PUSH_UNDECLARED, data).await?;
    change.base.commit().await?;
    Ok(push)
}

fn not_found() -> Error {
    fail!(PushNotFound, "there is no such push")
}
