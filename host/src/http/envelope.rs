//! The one shape of every answer (contract 1.4): `{ success, data }` or `{ success, error }`.

use std::any::Any;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    error::{Code, Error, Result},
    fail,
};

/// A success with its data, which is always an object.
pub(super) struct Reply<T>(pub(super) StatusCode, pub(super) T);

/// What a handler gives.
pub(super) type Answer<T> = Result<Reply<T>>;

/// 200 with this data.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn ok<T>(data: T) -> Answer<T> {
    Ok(Reply(StatusCode::OK, data))
}

/// 201 with this data.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn created<T>(data: T) -> Answer<T> {
    Ok(Reply(StatusCode::CREATED, data))
}

/// 202 with this data.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn accepted<T>(data: T) -> Answer<T> {
    Ok(Reply(StatusCode::ACCEPTED, data))
}

#[derive(Serialize)]
struct Success<T> {
    success: bool,
    data: T,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: Fault<'a>,
}

#[derive(Serialize)]
struct Fault<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        (self.0, Json(Success { success: true, data: self.1 })).into_response()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        log(&self);
        let status = StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(failure(&self))).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn failure(error: &Error) -> Failure<'_> {
    let fault = Fault { code: error.code().as_str(), message: error.message(), details: error.details() };
    Failure { success: false, error: fault }
}

/// The same answer as text, for a connection that is not served.
pub(super) fn text(error: &Error) -> String {
    serde_json::to_string(&failure(error)).unwrap_or_default()
}

/// Logs a fault of the host, once, where it is answered. A caller's mistake is no news.
fn log(error: &Error) {
    match error.code() {
        Code::InternalError => tracing::error!(error = ?error, "a request failed"),
        Code::Unavailable => tracing::warn!(error = ?error, "a request was turned away"),
        _ => {}
    }
}

/// The answer to a path that is no route.
pub(super) async fn no_such_route() -> Error {
    fail!(NotFound, "there is no such route")
}

/// The answer to a method that a route does not have.
pub(super) async fn no_such_method() -> Error {
    fail!(MethodNotAllowed, "this route does not have that method")
}

/// The answer to a request whose handler panicked: a bug, and still an envelope.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(format!("a handler panicked: {}", text.unwrap_or("no message"))).into_response()
}
