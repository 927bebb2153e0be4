//! Answers that the listener gives without a request: in the envelope, as all others.

use axum::http::StatusCode;

use crate::{domain::limits::REQUEST_HEAD_BYTES_MAX, error::Error, fail, http::envelope};

/// An error as a whole answer, after which the connection ends.
pub(super) fn answer(error: &Error) -> Vec<u8> {
    let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = error.retry_after_s().map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let body = envelope::error_text(error);
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{retry_after}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answer to give instead of what hyper writes to a head that it cannot read, which is a status without a
/// body; `None` for all other bytes. The answers of routes have a body.
pub(super) fn instead_of(written: &[u8]) -> Option<Vec<u8>> {
    let status = written.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let error = match status {
        b"400" => fail!(BadRequest, "the request is no HTTP"),
        b"431" => {
            let bytes = REQUEST_HEAD_BYTES_MAX;
            fail!(RequestHeadTooLarge, "the head of the request has more than {bytes} bytes, or more than 100 headers")
        }
        _ => return None,
    };
    let is_without_body =
        written.ends_with(b"\r\n\r\n") && written.windows(EMPTY.len()).any(|bytes| bytes.eq_ignore_ascii_case(EMPTY));
    is_without_body.then(|| answer(&error))
}

const EMPTY: &[u8] = b"\r\ncontent-length: 0\r\n";
