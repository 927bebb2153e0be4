//! Federation: `/api/v1/events/custom/federation…` (contract 4, 14.5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    caller::{Manager, Reader},
    emits::Paged,
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query},
    members::Members,
};
use crate::{
    db::federation::relay_log::Filter,
    domain::{
        federation::{GroupView, Member, Peer, Push, RelayLog, RelayStatus, Stamp},
        id::{EmitId, MemberId},
    },
    error::{Code, Result},
    fail,
    service::federation::{
        groups, members,
        peers::{self, NewPeer},
        pushes, relay_log,
    },
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
const WRONG_SHAPE: Code = Code::InvalidRequest;

#[derive(Deserialize)]
struct GroupBody {
    name: Option<String>,
    description: Option<String>,
}

pub(super) async fn create_group(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: GroupBody = body.json(WRONG_SHAPE)?;
    let view = groups::create(&state.host, &caller, body.name.as_deref(), body.description.as_deref()).await?;
    created(group_object(&view))
}

pub(super) async fn list_groups(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Value> {
    let groups = groups::list(&state.host, &caller, query.flag("includeArchived")).await?;
    ok(json!({ "groups": groups.iter().map(group_object).collect::<Vec<_>>() }))
}

pub(super) async fn get_group(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Value> {
    let (view, members, pushes) = groups::get(&state.host, &caller, &id).await?;
    let mut data = group_object(&view);
    data["members"] = members.iter().map(member_object).collect();
    data["pushes"] = pushes.iter().map(push_object).collect();
    ok(data)
}

pub(super) async fn archive_group(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<Value> {
    ok(group_object(&groups::archive(&state.host, &caller, &id).await?))
}

fn group_object(view: &GroupView) -> Value {
    let group = &view.group;
    json!({
        "id": group.id,
        "ownerOrganizationId": group.owner_id,
        "name": group.name,
        "description": group.description,
        "createdBy": group.created_by,
        "createdAt": group.created_at,
        "updatedAt": group.updated_at,
        "archivedAt": group.archived_at,
        "callerRole": view.role.as_str(),
        "memberCount": view.member_count,
        "pushCount": view.push_count,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InviteBody {
    member_organization_id: Option<String>,
}

pub(super) async fn invite(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let body: InviteBody = body.json(WRONG_SHAPE)?;
    let member = members::invite(&state.host, &caller, &id, body.member_organization_id.as_deref()).await?;
    created(member_object(&member))
}

pub(super) async fn accept(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, WRONG_SHAPE)?;
    ok(member_object(&members::accept(&state.host, &caller, &id).await?))
}

pub(super) async fn leave(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, WRONG_SHAPE)?;
    ok(member_object(&members::leave(&state.host, &caller, &id).await?))
}

pub(super) async fn remove_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
) -> Answer<Value> {
    ok(member_object(&members::remove(&state.host, &caller, &group, &id).await?))
}

pub(super) async fn pause_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, WRONG_SHAPE)?;
    ok(member_object(&members::pause(&state.host, &caller, &group, &id).await?))
}

pub(super) async fn resume_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, WRONG_SHAPE)?;
    ok(member_object(&members::resume(&state.host, &caller, &group, &id).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeerBody {
    label: Option<String>,
    webhook_url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
}

pub(super) async fn add_external_peer(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let body: PeerBody = body.json(WRONG_SHAPE)?;
    let new = NewPeer {
        label: body.label.as_deref(),
        webhook_url: body.webhook_url.as_deref(),
        headers: body.headers.unwrap_or_default().into_iter().collect(),
    };
    let (member, secret) = peers::add(&state.host, &caller, &id, new).await?;
    created(json!({ "peer": member_object(&member), "secret": secret.reveal() }))
}

pub(super) async fn remove_external_peer(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<Value> {
    ok(member_object(&peers::remove(&state.host, &caller, &id).await?))
}

fn member_object(member: &Member) -> Value {
    let (url, label, header_names) = match &member.peer {
        Peer::Organization(_) => (None, None, None),
        Peer::External { url, label, header_names } => (Some(url), Some(label), Some(header_names)),
    };
    let (accepted_by, accepted_at) = halves(member.accepted.as_ref());
    let (paused_by, paused_at) = halves(member.paused.as_ref());
    let (removed_by, removed_at) = halves(member.removed.as_ref());
    json!({
        "id": member.id,
        "groupId": member.group_id,
        "peerType": member.peer.kind(),
        "memberOrganizationId": member.peer.organization(),
        "externalWebhookUrl": url,
        "externalWebhookLabel": label,
        "externalWebhookHeaderNames": header_names,
        "status": member.status.as_str(),
        "invitedBy": member.invited.by,
        "invitedAt": member.invited.at,
        "acceptedBy": accepted_by,
        "acceptedAt": accepted_at,
        "pausedBy": paused_by,
        "pausedAt": paused_at,
        "removedBy": removed_by,
        "removedAt": removed_at,
    })
}

/// Who and when, which are both there or both null.
fn halves(stamp: Option<&Stamp>) -> (Option<&str>, Option<String>) {
    (stamp.map(|stamp| stamp.by.as_str()), stamp.map(|stamp| stamp.at.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushBody {
    registration_id: Option<String>,
}

pub(super) async fn declare_push(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let body: PushBody = body.json(WRONG_SHAPE)?;
    created(push_object(&pushes::declare(&state.host, &caller, &id, body.registration_id.as_deref()).await?))
}

pub(super) async fn list_pushes(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Value> {
    let pushes = pushes::list(&state.host, &caller, &id, query.flag("includeInactive")).await?;
    ok(json!({ "pushes": pushes.iter().map(push_object).collect::<Vec<_>>() }))
}

pub(super) async fn undeclare_push(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<Value> {
    ok(push_object(&pushes::undeclare(&state.host, &caller, &id).await?))
}

fn push_object(push: &Push) -> Value {
    let (unpushed_by, unpushed_at) = halves(push.unpushed.as_ref());
    json!({
        "id": push.id,
        "groupId": push.group_id,
        "sourceRegistrationId": push.registration_id,
        "sourceOrganizationId": push.owner_id,
        "namespace": push.event.namespace(),
        "name": push.event.name(),
        "version": push.version.to_string(),
        "sourceCanonicalName": push.source_canonical_name(),
        "pushedBy": push.pushed.by,
        "pushedAt": push.pushed.at,
        "unpushedBy": unpushed_by,
        "unpushedAt": unpushed_at,
        "isActive": push.unpushed.is_none(),
    })
}

pub(super) async fn list_relays(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<Value>> {
    let filter = relay_filter(&query)?;
    let page = query.page();
    let (relays, total) = relay_log::list(&state.host, &caller, &id, filter, page).await?;
    ok(Paged { items: relays.iter().map(relay_object).collect(), total, page: page.number, limit: page.limit })
}

fn relay_filter(query: &Query) -> Result<Filter> {
    let refused = |name: &str| fail!(InvalidRequest, "{name} is none");
    Ok(Filter {
        status: query
            .get("status")
            .map(|text| {
                RelayStatus::parse(text)
                    .ok_or_else(|| fail!(InvalidRequest, "status has to be queued, relayed or failed"))
            })
            .transpose()?,
        emit: query.get("emitId").map(|text| EmitId::parse(text).ok_or_else(|| refused("emitId"))).transpose()?,
        member: query
            .get("memberId")
            .map(|text| MemberId::parse(text).ok_or_else(|| refused("memberId")))
            .transpose()?,
        organization: None,
    })
}

fn relay_object(relay: &RelayLog) -> Value {
    json!({
        "id": relay.id,
        "groupId": relay.group_id,
        "pushId": relay.push_id,
        "memberId": relay.member_id,
        "peerType": if relay.peer_organization_id.is_some() { "tenant_org" } else { "external_webhook" },
        "peerOrganizationId": relay.peer_organization_id,
        "peerCanonicalName": relay.peer_canonical_name,
        "emitId": relay.emit_id,
        "attempt": relay.attempt,
        "status": relay.status.as_str(),
        "responseStatus": relay.response_status,
        "errorMessage": relay.error_message,
        "createdAt": relay.created_at,
    })
}
