//! Federation: groups of organizations that push events to each other,
//! `/api/v1/events/custom/federation` (contract 4, 14.5).

mod body;
mod view;

use super::{
    caller::{Manager, Reader},
    envelope::{Answer, Paged, created, ok},
    extract::{Body, Params, Query},
    fields::Fields,
    state::Shared,
};
use crate::service::federation::{groups, members, peers, pushes, relay_log};
use body::WRONG_SHAPE;

pub(super) async fn create_group(state: Shared, Manager(caller): Manager, body: Body) -> Answer<view::Group> {
    let body: body::Group = body.json(WRONG_SHAPE)?;
    let group = groups::create(&state.host, &caller, body.name.as_deref(), body.description.as_deref()).await?;
    created(group.into())
}

pub(super) async fn list_groups(state: Shared, Reader(caller): Reader, query: Query) -> Answer<view::GroupList> {
    ok(groups::list(&state.host, &caller, query.flag("includeArchived")).await?.into())
}

pub(super) async fn get_group(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
) -> Answer<view::GroupWithMembers> {
    let (group, members, pushes) = groups::get(&state.host, &caller, &id).await?;
    ok(view::GroupWithMembers::of(group, members, pushes))
}

pub(super) async fn archive_group(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<view::Group> {
    ok(groups::archive(&state.host, &caller, &id).await?.into())
}

pub(super) async fn invite(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Member> {
    let body: body::Invitation = body.json(WRONG_SHAPE)?;
    created(members::invite(&state.host, &caller, &id, body.member_organization_id.as_deref()).await?.into())
}

pub(super) async fn accept(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Member> {
    Fields::of(&body, WRONG_SHAPE)?;
    ok(members::accept(&state.host, &caller, &id).await?.into())
}

pub(super) async fn leave(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Member> {
    Fields::of(&body, WRONG_SHAPE)?;
    ok(members::leave(&state.host, &caller, &id).await?.into())
}

pub(super) async fn remove_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
) -> Answer<view::Member> {
    ok(members::remove(&state.host, &caller, &group, &id).await?.into())
}

pub(super) async fn pause_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
    body: Body,
) -> Answer<view::Member> {
    Fields::of(&body, WRONG_SHAPE)?;
    ok(members::pause(&state.host, &caller, &group, &id).await?.into())
}

pub(super) async fn resume_member(
    state: Shared,
    Manager(caller): Manager,
    Params((group, id)): Params<(String, String)>,
    body: Body,
) -> Answer<view::Member> {
    Fields::of(&body, WRONG_SHAPE)?;
    ok(members::resume(&state.host, &caller, &group, &id).await?.into())
}

pub(super) async fn add_external_peer(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::AddedPeer> {
    let body: body::ExternalPeer = body.json(WRONG_SHAPE)?;
    let (peer, secret) = peers::add(&state.host, &caller, &id, body.request()).await?;
    created(view::AddedPeer::of(peer, &secret))
}

pub(super) async fn remove_external_peer(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<view::Member> {
    ok(peers::remove(&state.host, &caller, &id).await?.into())
}

pub(super) async fn declare_push(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Push> {
    let body: body::Push = body.json(WRONG_SHAPE)?;
    created(pushes::declare(&state.host, &caller, &id, body.registration_id.as_deref()).await?.into())
}

pub(super) async fn list_pushes(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<view::PushList> {
    ok(pushes::list(&state.host, &caller, &id, query.flag("includeInactive")).await?.into())
}

pub(super) async fn undeclare_push(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<view::Push> {
    ok(pushes::undeclare(&state.host, &caller, &id).await?.into())
}

pub(super) async fn list_relays(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<view::Relay>> {
    let (page, relays) = (query.page(), body::relay_query(&query)?);
    let (relays, total) = relay_log::list(&state.host, &caller, &id, relays, &page).await?;
    ok(Paged::of(relays, total, &page, |relay| relay.id.to_string(), |relay| Ok(relay.into()))?)
}
