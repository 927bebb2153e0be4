//! The layer for reads, which end even if the client goes away: the database goes on with a statement that is
//! under way, and until it is done the read takes its place.

use std::panic::resume_unwind;

use axum::{
    extract::Request,
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::Error;

/// Runs a read in a task of its own.
pub(super) async fn to_the_end(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return next.run(request).await;
    }
    tokio::spawn(next.run(request)).await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => Error::internal(cancelled).into_response(),
    })
}
