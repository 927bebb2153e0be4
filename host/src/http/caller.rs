//! Who calls: the key of an organization, or the operator's token.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State as AxumState},
    http::{Extensions, HeaderMap, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use super::{State, rate_limit::Kind};
use crate::{
    domain::organization::{SCOPE_EVENTS_MANAGE, SCOPE_EVENTS_READ, SCOPE_WEBHOOKS_MANAGE},
    error::{Error, Result},
    fail,
    service::{Caller, access, federation::check_plan},
};

/// Lets emitters in, by their remembered key if possible.
pub(super) async fn emitter(AxumState(state): AxumState<Arc<State>>, request: Request, next: Next) -> Response {
    let caller = match key(request.headers()) {
        Ok(key) => access::emitter(&state.host, key).await,
        Err(error) => Err(error),
    };
    admit(&state, caller, Kind::Emit, request, next).await
}

/// Lets keys of organizations in, as the table has them now.
pub(super) async fn organization(AxumState(state): AxumState<Arc<State>>, request: Request, next: Next) -> Response {
    let caller = match key(request.headers()) {
        Ok(key) => access::caller(&state.host, key).await,
        Err(error) => Err(error),
    };
    admit(&state, caller, Kind::Ordinary, request, next).await
}

/// Lets callers on whose plan there is federation pass.
pub(super) async fn federated(request: Request, next: Next) -> Response {
    let checked = caller_of(request.extensions()).and_then(|caller| check_plan(caller.plan));
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn admit(state: &State, caller: Result<Caller>, kind: Kind, mut request: Request, next: Next) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let (standing, counted) = state.rate_limits.count(&caller.key.id, kind, state.host.now());
    let mut response = match counted {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    standing.write(response.headers_mut());
    response
}

/// Lets the operator in. Without a configured token there is no operator, and no such route.
pub(super) async fn operator(AxumState(state): AxumState<Arc<State>>, request: Request, next: Next) -> Response {
    let Some(expected) = &state.admin_token else {
        return super::envelope::no_such_route().await.into_response();
    };
    let is_operator = bearer(request.headers()).is_some_and(|token| token.as_bytes().ct_eq(expected.as_bytes()).into());
    if is_operator {
        next.run(request).await
    } else {
        fail!(Unauthorized, "send the operator's token as Authorization: Bearer").into_response()
    }
}

/// The key of a request: `x-api-key`, which all clients send, or `Authorization: Bearer`.
fn key(headers: &HeaderMap) -> Result<&str> {
    let header = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    header
        .or_else(|| bearer(headers))
        .ok_or_else(|| fail!(Unauthorized, "send a key as x-api-key, or as Authorization: Bearer"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A caller who may change events, subscriptions and emits.
pub(super) struct Manager(pub(super) Caller);

/// A caller who may read them.
pub(super) struct Reader(pub(super) Caller);

impl<S: Sync> FromRequestParts<S> for Manager {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        caller_with(parts, &[SCOPE_EVENTS_MANAGE]).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        caller_with(parts, &[SCOPE_EVENTS_READ, SCOPE_EVENTS_MANAGE]).map(Self)
    }
}

/// A caller who may read and change webhooks.
pub(super) struct WebhookManager(pub(super) Caller);

impl<S: Sync> FromRequestParts<S> for WebhookManager {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        caller_with(parts, &[SCOPE_WEBHOOKS_MANAGE]).map(Self)
    }
}

fn caller_with(parts: &Parts, any_of: &[&str]) -> Result<Caller> {
    let caller = caller_of(&parts.extensions)?;
    if caller.key.allows(any_of) {
        return Ok(caller.clone());
    }
    Err(fail!(Forbidden, "this key lacks the scope {}", any_of.join(" or ")))
}

fn caller_of(extensions: &Extensions) -> Result<&Caller> {
    extensions.get::<Caller>().ok_or_else(|| Error::internal("a route without a layer that finds its caller"))
}
