//! The layer for idempotency keys (contract 1.11): it runs a request with a key once, and gives its
//! answer again to repetitions. It stands before every route of organizations but the emit, whose
//! key the ledger keeps.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_TYPE, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http_body_util::BodyExt;

use super::{caller::authenticated, extract, state::ApiState};
use crate::{
    domain::{emit::Idempotency, limits::IDEMPOTENCY_KEY_CHARS_MAX},
    error::{Code, Error, Result},
    service::idempotency::{self, Asked, Begun, Claim, Repeatable, RequestOutcome, StoredAnswer},
};

/// Header of an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Runs a request with a key once, and answers repetitions as the first time.
pub(super) async fn once(State(state): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return next.run(request).await;
    }
    match key(&request) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => run_once(&state, &key, request, next).await.unwrap_or_else(Error::into_response),
        Err(error) => error.into_response(),
    }
}

fn key(request: &Request) -> Result<Option<String>> {
    let invalid = invalid_in(request.uri().path());
    let key = extract::idempotency_key(request.headers(), invalid)?;
    key.map(|key| checked(key, invalid)).transpose()
}

/// The code for an invalid key, which differs by family of routes (contract C17).
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

async fn run_once(state: &Arc<ApiState>, key: &str, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let received = extract::Body::receive(state, &parts, body).await?;
    let asked = Asked { route: &route(&parts)?, target: target(&parts), body: received.bytes() };
    let repeatable = Repeatable::new(authenticated(&parts.extensions)?, key, asked);
    parts.extensions.insert(received);
    let request = Request::from_parts(parts, Body::empty());
    // A task of its own, which ends even if the client goes away: that client is the one that
    // repeats the request, and it needs the stored answer.
    let task = tokio::spawn(answer(state.clone(), repeatable, request, next));
    task.await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => Err(Error::internal(cancelled)),
    })
}

async fn answer(state: Arc<ApiState>, repeatable: Repeatable, request: Request, next: Next) -> Result<Response> {
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

/// Runs the request, and keeps its answer or gives the key back.
async fn run(state: &ApiState, claim: Claim, request: Request, next: Next) -> Result<Response> {
    let response = match AssertUnwindSafe(claim.run(next.run(request))).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            settle(state, claim, RequestOutcome::Failed).await;
            resume_unwind(panic)
        }
    };
    let status = response.status();
    if !status.is_success() {
        settle(state, claim, if status.is_client_error() { RequestOutcome::Refused } else { RequestOutcome::Failed })
            .await;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    settle(state, claim, RequestOutcome::Done(StoredAnswer { status: status.as_u16(), body: body.to_vec() })).await;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Stores the outcome under the key. A failure is only logged: the caller gets its answer anyway.
async fn settle(state: &ApiState, claim: Claim, outcome: RequestOutcome) {
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
