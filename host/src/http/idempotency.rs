//! Keys that make a request repeatable (contract 1.11), for every route that changes something
//! and has no rule of its own.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State as AxumState},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_TYPE, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http_body_util::BodyExt;

use super::{State, extract};
use crate::{
    domain::{emit::Idempotency, limits::IDEMPOTENCY_KEY_CHARS_MAX},
    error::{Code, Error, Result},
    service::{
        Caller,
        idempotency::{self, Asked, Begun, Claim, Outcome, Repeatable, StoredAnswer},
    },
};

/// Headers that carry a key, in their precedence.
const HEADERS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key in the headers, if there is one. `invalid` is the code for one that is no text.
pub(super) fn key(headers: &HeaderMap, invalid: Code) -> Result<Option<&str>> {
    let header = HEADERS.iter().find_map(|name| headers.get(*name));
    let text = header.map(HeaderValue::to_str).transpose();
    text.map_err(|_| Error::new(invalid, "an idempotency key has to be printable ASCII in a header"))
}

/// Runs a request with a key once, and gives its first answer to those that repeat it.
pub(super) async fn once(AxumState(state): AxumState<Arc<State>>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return next.run(request).await;
    }
    let invalid = invalid_in(request.uri().path());
    match key(request.headers(), invalid).and_then(|key| key.map(|key| checked(key, invalid)).transpose()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => repeatable(&state, &key, request, next).await.unwrap_or_else(Error::into_response),
        Err(error) => error.into_response(),
    }
}

/// Contract C17.
fn invalid_in(path: &str) -> Code {
    if path.starts_with("/api/v1/events/custom") { Code::InvalidRequest } else { Code::BadRequest }
}

fn checked(key: &str, invalid: Code) -> Result<String> {
    if Idempotency::is_key(key) {
        return Ok(key.to_owned());
    }
    Err(Error::new(
        invalid,
        format!("an idempotency key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters and no control characters"),
    ))
}

async fn repeatable(state: &Arc<State>, key: &str, request: Request, next: Next) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let body = extract::read(body).await?;
    let asked = Asked { route: &route(&parts)?, target: target(&parts), body: &body };
    let caller = parts.extensions.get::<Caller>();
    let caller = caller.ok_or_else(|| Error::internal("a route without a layer that finds its caller"))?;
    let repeatable = Repeatable::new(caller, key, asked);
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: a client that goes away is the very one that comes again, and what it
    // asked for has to be finished and its answer kept.
    let task = tokio::spawn(answer(state.clone(), repeatable, request, next));
    task.await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => Err(Error::internal(cancelled)),
    })
}

async fn answer(state: Arc<State>, repeatable: Repeatable, request: Request, next: Next) -> Result<Response> {
    match idempotency::begin(&state.host, &repeatable).await? {
        Begun::Answered(answer) => Ok(replayed(answer)),
        Begun::Claimed(claim) => run(&state, claim, request, next).await,
    }
}

fn route(parts: &Parts) -> Result<String> {
    let path = parts.extensions.get::<MatchedPath>();
    let path = path.ok_or_else(|| Error::internal("a route without its path"))?;
    Ok(format!("{} {}", parts.method, path.as_str()))
}

fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |target| target.as_str())
}

async fn run(state: &State, claim: Claim, request: Request, next: Next) -> Result<Response> {
    let response = match AssertUnwindSafe(claim.run(next.run(request))).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            settle(state, claim, Outcome::Failed).await;
            resume_unwind(panic)
        }
    };
    let status = response.status();
    if !status.is_success() {
        settle(state, claim, if status.is_client_error() { Outcome::Refused } else { Outcome::Failed }).await;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    settle(state, claim, Outcome::Done(StoredAnswer { status: status.as_u16(), body: body.to_vec() })).await;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whatever becomes of the key, the caller gets the answer.
async fn settle(state: &State, claim: Claim, outcome: Outcome) {
    if let Err(error) = idempotency::finish(&state.host, claim, outcome).await {
        tracing::warn!(?error, "what became of a repeatable request could not be kept");
    }
}

fn replayed(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static("application/json")), (REPLAYED, HeaderValue::from_static("true"))];
    (status, headers, answer.body).into_response()
}
