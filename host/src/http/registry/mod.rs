//! Registrations of custom events: `/api/v1/events/custom` (contract 2).

mod body;
mod view;

use super::{
    caller::{Manager, Reader},
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query},
    state::Shared,
};
use crate::service::{marketplace, registry};
use body::WRONG_SHAPE;

pub(super) async fn register(state: Shared, Manager(caller): Manager, body: Body) -> Answer<view::NewRegistration> {
    let body: body::Register<'_> = body.json(WRONG_SHAPE)?;
    let registration = registry::register(&state.host, &caller, body.request()?).await?;
    created(view::NewRegistration::of(registration)?)
}

pub(super) async fn dry_run(state: Shared, Reader(caller): Reader, body: Body) -> Answer<view::DryRun> {
    let body: body::Register<'_> = body.json(WRONG_SHAPE)?;
    let verdict = registry::dry_run(&state.host, &caller, body.request()?).await?;
    ok(view::DryRun::of(verdict)?)
}

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<view::RegistrationList> {
    let status = body::status(&query)?;
    let registrations = registry::list(&state.host, &caller, query.get("namespace"), status).await?;
    ok(registrations.into())
}

pub(super) async fn get(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
) -> Answer<view::Registration> {
    let registration = registry::get(&state.host, &caller, &id).await?;
    let origin = marketplace::origin(&state.host, &caller, &registration.id).await?;
    ok(view::Registration::of(registration, origin)?)
}

pub(super) async fn patch(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Registration> {
    let body: body::Patch<'_> = body.json(WRONG_SHAPE)?;
    let registration = registry::patch(&state.host, &caller, &id, body.request()).await?;
    let origin = marketplace::origin(&state.host, &caller, &registration.id).await?;
    ok(view::Registration::of(registration, origin)?)
}

pub(super) async fn remove(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
) -> Answer<view::ArchivedRegistration> {
    ok(registry::remove(&state.host, &caller, &id).await?.into())
}
