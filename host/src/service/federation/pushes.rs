//! Pushes: which versions of its events an owner shows to a group.

use serde_json::json;

use super::{Scene, look, needed, no_group};
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

/// Declares that a version of one of the caller's events goes to a group of the caller. The
/// schema is kept as it is now.
pub async fn declare(host: &Host, caller: &Caller, group: &str, registration: Option<&str>) -> Result<Push> {
    let mut scene = Scene::enter(host, caller, group).await?;
    scene.owner_only()?;
    let registration = needed(registration, "registrationId")?;
    scene.group.check_live()?;
    let registration = pushable(&mut scene, registration).await?;
    let push = Push {
        id: PushId::new(scene.change.now, host.randomness.id()),
        group_id: scene.group.id.clone(),
        owner_id: scene.group.owner_id.clone(),
        registration_id: registration.id,
        event: registration.event,
        version: registration.version,
        payload_schema: registration.payload_schema,
        pushed: scene.stamp(caller),
        unpushed: None,
    };
    let revision = scene.change.organization.revision;
    db::federation::push::insert(&mut scene.change.tx, &push.owner_id, &push, revision).await?;
    let data = json!({
        "pushId": push.id,
        "sourceRegistrationId": push.registration_id,
        "namespace": push.event.namespace(),
        "name": push.event.name(),
        "version": push.version.to_string(),
        "pushedBy": push.pushed.by,
    });
    scene.tell_everybody(CUSTOM_EVENT_FEDERATION_PUSH_DECLARED, data).await?;
    scene.change.commit().await?;
    Ok(push)
}

/// A published registration of the owner that is not pushed to the group yet.
async fn pushable(scene: &mut Scene<'_>, id: &str) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(registry::not_found)?;
    let (owner, group) = (&scene.group.owner_id, &scene.group.id);
    let tx = &mut scene.change.tx;
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
    let mut tx = host.db.read().await?;
    db::federation::push::list(&mut tx, &view.group.owner_id, &id, with_inactive).await
}

/// Ends a push, also to a group that was archived: nothing accepted from now on goes there.
pub async fn undeclare(host: &Host, caller: &Caller, id: &str) -> Result<Push> {
    let id = PushId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let group = db::federation::push::group_of(&mut tx, &id).await?.ok_or_else(not_found)?;
    drop(tx);
    let mut scene = Scene::at(host, caller, &group).await?.ok_or_else(not_found)?;
    scene.owner_only()?;
    let (owner, revision) = (scene.group.owner_id.clone(), scene.change.organization.revision);
    let push = db::federation::push::find(&mut scene.change.tx, &owner, &id).await?;
    let mut push = push.ok_or_else(not_found)?;
    push.undeclare(scene.stamp(caller))?;
    db::federation::push::end(&mut scene.change.tx, &owner, &push, revision).await?;
    let data = json!({ "pushId": push.id, "unpushedBy": caller.service() });
    scene.tell_everybody(CUSTOM_EVENT_FEDERATION_PUSH_UNDECLARED, data).await?;
    scene.change.commit().await?;
    Ok(push)
}

fn not_found() -> Error {
    fail!(PushNotFound, "there is no such push")
}
