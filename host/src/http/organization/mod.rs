//! The operator's API, `/api/admin/v1` (contract 14.6): organizations, their namespaces and API
//! keys, and the host's status.

mod body;
pub(super) mod root_keys;
mod view;

use super::{
    envelope::{Answer, DELETED, Deleted, Paged, created, ok},
    extract::{Body, Params, Query},
    state::Shared,
};
use crate::{
    domain::organization::Organization,
    service::{
        health,
        organization::{self, keys},
    },
};
use body::WRONG_SHAPE;

pub(super) async fn create(state: Shared, body: Body) -> Answer<view::CreatedOrganization> {
    let body: body::Create = body.json(WRONG_SHAPE)?;
    let (organization, key) = organization::create(&state.host, body.request()?).await?;
    created(view::CreatedOrganization::of(organization, key))
}

pub(super) async fn list(state: Shared, query: Query) -> Answer<Paged<view::Organization>> {
    let page = query.page();
    let (organizations, total) = organization::list(&state.host, &page).await?;
    let key = |organization: &Organization| organization.id.to_string();
    ok(Paged::of(organizations, total, &page, key, |organization| Ok(organization.into()))?)
}

pub(super) async fn get(state: Shared, Params(id): Params<String>) -> Answer<view::Organization> {
    ok(organization::get(&state.host, &id).await?.into())
}

pub(super) async fn patch(state: Shared, Params(id): Params<String>, body: Body) -> Answer<view::Organization> {
    let body: body::Patch = body.json(WRONG_SHAPE)?;
    ok(organization::patch(&state.host, &id, body.request()?).await?.into())
}

pub(super) async fn list_namespaces(state: Shared, Params(id): Params<String>) -> Answer<view::NamespaceList> {
    ok(organization::namespaces(&state.host, &id).await?.into())
}

pub(super) async fn grant_namespace(
    state: Shared,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::GrantedNamespace> {
    let body: body::Namespace = body.json(WRONG_SHAPE)?;
    let namespace = body.required()?;
    organization::grant_namespace(&state.host, &id, &namespace).await?;
    created(view::GrantedNamespace { namespace })
}

pub(super) async fn revoke_namespace(
    state: Shared,
    Params((id, namespace)): Params<(String, String)>,
) -> Answer<Deleted> {
    organization::revoke_namespace(&state.host, &id, &namespace).await?;
    ok(DELETED)
}

pub(super) async fn list_keys(state: Shared, Params(id): Params<String>) -> Answer<view::KeyList> {
    ok(keys::list(&state.host, &id).await?.into())
}

pub(super) async fn create_key(state: Shared, Params(id): Params<String>, body: Body) -> Answer<view::CreatedKey> {
    let body: body::Key = body.json(WRONG_SHAPE)?;
    let (key, text) = keys::create(&state.host, &id, body.request()?).await?;
    created(view::CreatedKey::of(key, text))
}

pub(super) async fn revoke_key(state: Shared, Params((id, key)): Params<(String, String)>) -> Answer<Deleted> {
    keys::revoke(&state.host, &id, &key).await?;
    ok(DELETED)
}

/// Creates a successor of a key. The old key works on until its grace ends.
pub(super) async fn rotate_key(
    state: Shared,
    Params((id, key)): Params<(String, String)>,
    body: Body,
) -> Answer<view::CreatedKey> {
    let body: body::RotateKey = body.json(WRONG_SHAPE)?;
    let (key, text) = keys::rotate(&state.host, &id, &key, body.grace_seconds()?).await?;
    created(view::CreatedKey::of(key, text))
}

pub(super) async fn status(state: Shared) -> Answer<view::HostStatus> {
    ok(view::HostStatus::of(&health::status(&state.host).await?))
}
