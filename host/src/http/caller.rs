//! Authentication: the layers that check the API key of an organization or the operator's token,
//! and extractors that check the scopes of the key.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Extensions, HeaderMap, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use super::{envelope::no_such_route, rate_limit::Kind, state::ApiState};
use crate::{
    domain::organization::{SCOPE_EVENTS_MANAGE, SCOPE_EVENTS_READ, SCOPE_WEBHOOKS_MANAGE},
    error::{Error, Result},
    fail,
    service::{Caller, access, federation::check_plan},
};

/// Layer for the routes of organizations. Authenticates the API key against the database, never
/// the cache.
pub(super) async fn require_key(State(state): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let caller = match api_key(request.headers()) {
        Ok(key) => access::caller(&state.host, key).await,
        Err(error) => Err(error),
    };
    run_counted(&state, caller, Kind::Ordinary, request, next).await
}

/// Layer for emits. Authenticates the API key from the cache if possible: the ledger notices when
/// the organization was changed since, and for a refusal the key is looked up again.
pub(super) async fn require_key_to_emit(State(state): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let key = match api_key(request.headers()) {
        Ok(key) => key.to_owned(),
        Err(error) => return error.into_response(),
    };
    let caller = access::emitter(&state.host, &key).await;
    let was_admitted = caller.is_ok();
    let response = run_counted(&state, caller, Kind::Emit, request, next).await;
    // The ledger sees accepted emits only. A refusal is for those that may call at present, not for a key
    // that was revoked on another host.
    if was_admitted && response.status().is_client_error() {
        return access::caller(&state.host, &key).await.map_or_else(Error::into_response, |_| response);
    }
    response
}

/// Layer inside of [`require_key`]. Refuses callers whose plan has no federation.
pub(super) async fn require_federation(request: Request, next: Next) -> Response {
    let checked = authenticated(request.extensions()).and_then(|caller| check_plan(caller.plan));
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Layer for the operator's routes, which do not exist unless a token is configured.
pub(super) async fn require_operator(State(state): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let Some(expected) = &state.admin_token else {
        return no_such_route().await.into_response();
    };
    let is_operator = bearer(request.headers()).is_some_and(|token| token.as_bytes().ct_eq(expected.as_bytes()).into());
    if is_operator {
        next.run(request).await
    } else {
        fail!(Unauthorized, "send the operator's token as Authorization: Bearer").into_response()
    }
}

/// The caller that a layer found.
pub(super) fn authenticated(extensions: &Extensions) -> Result<&Caller> {
    extensions.get::<Caller>().ok_or_else(|| Error::internal("a route without a layer that finds its caller"))
}

/// Counts a request toward the rate limit of its key, and runs it unless the limit is reached.
/// Either answer has the headers of the limit.
async fn run_counted(
    state: &ApiState,
    caller: Result<Caller>,
    kind: Kind,
    mut request: Request,
    next: Next,
) -> Response {
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

/// The API key of a request: `x-api-key`, which all clients send, or `Authorization: Bearer`.
fn api_key(headers: &HeaderMap) -> Result<&str> {
    let header = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    header
        .or_else(|| bearer(headers))
        .ok_or_else(|| fail!(Unauthorized, "send a key as x-api-key, or as Authorization: Bearer"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

macro_rules! callers {
    ($($(#[doc = $doc:literal])+ $name:ident: $scopes:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(super) struct $name(pub(super) Caller);

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
                with_scope(parts, &$scopes).map(Self)
            }
        }

        impl From<$name> for Caller {
            fn from(allowed: $name) -> Self {
                allowed.0
            }
        }
    )+};
}

callers! {
    /// A caller that may change events, subscriptions and emits.
    Manager: [SCOPE_EVENTS_MANAGE];
    /// A caller that may read them.
    Reader: [SCOPE_EVENTS_READ, SCOPE_EVENTS_MANAGE];
    /// A caller that may read and change webhooks.
    WebhookManager: [SCOPE_WEBHOOKS_MANAGE];
}

/// The caller, if its key has one of these scopes. Code `FORBIDDEN`.
fn with_scope(parts: &Parts, any_of: &[&str]) -> Result<Caller> {
    let caller = authenticated(&parts.extensions)?;
    if caller.key.allows(any_of) {
        return Ok(caller.clone());
    }
    Err(fail!(Forbidden, "this key lacks the scope {}", any_of.join(" or ")))
}
