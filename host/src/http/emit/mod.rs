//! Emits: `/api/v1/events/custom/emit` (contract 2.5) accepts them, `/api/v1/emits` shows them
//! (contract 14.2).

mod body;
pub(super) mod event_log;
mod view;

use axum::http::HeaderMap;

use super::{
    caller::{Manager, Reader},
    envelope::{Answer, Paged, accepted, ok},
    extract::{Body, Params, Query},
    state::Shared,
};
use crate::service::event::{emit, emits};
use body::WRONG_SHAPE;

pub(super) async fn emit(
    state: Shared,
    Manager(caller): Manager,
    headers: HeaderMap,
    body: Body,
) -> Answer<view::Emitted> {
    let body: body::Emit<'_> = body.json_with_repeated_names(WRONG_SHAPE)?;
    let emitted = emit::emit(&state.host, &caller, body.request(&headers)?).await?;
    accepted(emitted.into())
}

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<view::Emit>> {
    let (page, query) = (query.page(), body::emit_query(&query)?);
    let (emits, total) = emits::list(&state.host, &caller, &query, &page).await?;
    let key = |emit: &emits::EmitView| emit.stored.emit.id.to_string();
    ok(Paged::of(emits, total, &page, key, |emit| view::Emit::of(&emit))?)
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<view::Emit> {
    ok(view::Emit::of(&emits::get(&state.host, &caller, &id).await?)?)
}
