//! The envelope around every answer (contract 1.4): `{ success, data }` or `{ success, error }`.

use std::any::Any;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{
    error::{Code, Error, Result},
    fail,
    service::Page,
};

/// A status and the data of a successful answer. The data is always an object.
pub(super) struct Success<T> {
    status: StatusCode,
    data: T,
}

/// What handlers return: a view in a [`Success`], or an error.
pub(super) type Answer<T> = Result<Success<T>>;

/// Answers 200.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn ok<T>(data: T) -> Answer<T> {
    Ok(Success { status: StatusCode::OK, data })
}

/// Answers 201.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn created<T>(data: T) -> Answer<T> {
    Ok(Success { status: StatusCode::CREATED, data })
}

/// Answers 202.
#[expect(clippy::unnecessary_wraps, reason = "it ends a handler, whose other ends are errors")]
pub(super) fn accepted<T>(data: T) -> Answer<T> {
    Ok(Success { status: StatusCode::ACCEPTED, data })
}

/// One page of a list. `total` counts the rows of all pages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paged<T> {
    items: Vec<T>,
    total: i64,
    page: u32,
    limit: u32,
    /// `None` in a list without cursors.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<NextCursor>,
}

/// The cursor of the next page of a list.
#[derive(Serialize)]
#[serde(untagged)]
enum NextCursor {
    Behind(String),
    /// Shown as null: there is no next page.
    End(()),
}

impl<T> Paged<T> {
    pub(super) fn new(items: Vec<T>, total: i64, page: &Page) -> Self {
        Self { items, total, page: page.number, limit: page.limit, next_cursor: None }
    }

    /// The same with the cursor of the next page, which `key` reads from the last of these rows. A page that is not
    /// full is the last one.
    pub(super) fn of<Row>(
        rows: Vec<Row>,
        total: i64,
        page: &Page,
        key: impl Fn(&Row) -> String,
        item: impl FnMut(Row) -> Result<T>,
    ) -> Result<Self> {
        let is_full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= page.limit);
        let next_cursor =
            rows.last().filter(|_| is_full).map_or(NextCursor::End(()), |row| NextCursor::Behind(key(row)));
        let items = rows.into_iter().map(item).collect::<Result<_>>()?;
        Ok(Self { next_cursor: Some(next_cursor), ..Self::new(items, total, page) })
    }
}

/// The answer to a deletion.
#[derive(Serialize)]
pub(super) struct Deleted {
    deleted: bool,
}

/// The only value of [`Deleted`]: a deletion that fails answers an error.
pub(super) const DELETED: Deleted = Deleted { deleted: true };

/// Embeds JSON text that the database keeps, byte for byte, into an answer.
pub(super) fn stored_json(text: impl Into<String>) -> Result<Box<RawValue>> {
    RawValue::from_string(text.into()).map_err(Error::internal)
}

#[derive(Serialize)]
struct SuccessEnvelope<T> {
    success: bool,
    data: T,
}

#[derive(Serialize)]
struct ErrorEnvelope<'a> {
    success: bool,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

impl<'a> From<&'a Error> for ErrorEnvelope<'a> {
    fn from(error: &'a Error) -> Self {
        let object = ErrorObject { code: error.code().as_str(), message: error.message(), details: error.details() };
        Self { success: false, error: object }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        (self.status, Json(SuccessEnvelope { success: true, data: self.data })).into_response()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        log(&self);
        let status = StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(ErrorEnvelope::from(&self))).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Writes the envelope of an error as text, for the listener, which answers without axum.
pub(super) fn error_text(error: &Error) -> String {
    serde_json::to_string(&ErrorEnvelope::from(error)).unwrap_or_default()
}

/// Logs a fault of the host, once, where it is answered. Mistakes of callers are not logged.
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

/// The answer to a request whose handler panicked: an internal error in the envelope.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(format!("a handler panicked: {}", text.unwrap_or("no message"))).into_response()
}
