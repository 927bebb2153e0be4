//! What was sent: bodies, queries and path parameters, with every way to be malformed answered by
//! the envelope.

use std::{num::IntErrorKind, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::PathRejection},
    http::request::Parts,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{error::Category, value::RawValue};

use crate::{
    domain::{
        limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, REQUEST_BODY_BYTES_MAX},
        time::Time,
    },
    error::{Code, Error, Result},
    fail,
    service::Page,
};

/// How long a body may take to arrive: what clients wait for an answer, three times.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// The bytes of a body, at most [`REQUEST_BODY_BYTES_MAX`] of them. The content type is not
/// looked at: clients send all kinds, or none.
pub(super) struct Body(Bytes);

impl<S: Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        read(request.into_body()).await.map(Self)
    }
}

/// Reads a body to its end, within its bounds.
pub(super) async fn read(body: axum::body::Body) -> Result<Bytes> {
    let body = Limited::new(body, REQUEST_BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIME_MAX, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => {
            Err(fail!(RequestTooLarge, "a request body has at most {REQUEST_BODY_BYTES_MAX} bytes"))
        }
        Ok(Err(_)) => Err(fail!(BadRequest, "the body did not arrive whole")),
        Err(_elapsed) => Err(fail!(BadRequest, "the body did not arrive within {} s", BODY_TIME_MAX.as_secs())),
    }
}

impl Body {
    /// Reads the body; nothing sent counts as `{}`. Malformed JSON is `BAD_REQUEST` everywhere; a
    /// body of the wrong shape has the code that its family of routes uses (contract C17).
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self, wrong_shape: Code) -> Result<T> {
        let bytes: &[u8] = if self.0.trim_ascii().is_empty() { b"{}" } else { &self.0 };
        serde_json::from_slice(bytes).map_err(|cause| match cause.classify() {
            Category::Data => Error::new(wrong_shape, cause.to_string()),
            Category::Syntax | Category::Eof | Category::Io => no_json(&cause),
        })
    }
}

/// That the body is malformed.
pub(super) fn no_json(cause: &serde_json::Error) -> Error {
    fail!(BadRequest, "the body is no JSON: {cause}")
}

/// A member that has to be there.
pub(super) fn required<T>(member: Option<T>, name: &str, code: Code) -> Result<T> {
    member.ok_or_else(|| Error::new(code, format!("{name} is missing")))
}

/// A member that has to be an object, as it was sent.
pub(super) fn object<'a>(member: Option<&'a RawValue>, name: &str, code: Code) -> Result<&'a str> {
    let text = required(member, name, code)?.get();
    if text.starts_with('{') { Ok(text) } else { Err(Error::new(code, format!("{name} has to be an object"))) }
}

/// An optional member that has to be an object; `null` counts as not sent.
pub(super) fn optional_object<'a>(member: Option<&'a RawValue>, name: &str, code: Code) -> Result<Option<&'a str>> {
    match member.filter(|raw| raw.get() != "null") {
        None => Ok(None),
        some => object(some, name, code).map(Some),
    }
}

/// A text that was stored as the JSON it is, to be shown as such.
pub(super) fn raw(json: String) -> Result<Box<RawValue>> {
    RawValue::from_string(json).map_err(Error::internal)
}

/// Tells a member that is absent, the outer `None`, from one that is null, the inner one.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Path parameters.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send + AsText> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let Path(params) =
            path.map_err(|rejection: PathRejection| fail!(BadRequest, "the path is malformed: {rejection}"))?;
        // No id and no name has a NUL, and one of the databases cannot be asked for it.
        if params.texts().any(|text| text.contains('\0')) {
            return Err(fail!(BadRequest, "the path is malformed"));
        }
        Ok(Self(params))
    }
}

/// The texts of path parameters.
pub(super) trait AsText {
    /// Each of them.
    fn texts(&self) -> impl Iterator<Item = &str>;
}

impl AsText for String {
    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.as_str())
    }
}

impl AsText for (String, String) {
    fn texts(&self) -> impl Iterator<Item = &str> {
        [self.0.as_str(), self.1.as_str()].into_iter()
    }
}

/// The query. Unknown keys are ignored, an empty value counts as not sent, and of a key that
/// comes twice the first counts.
pub(super) struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if pairs.iter().any(|(_, value)| value.contains('\0')) {
            return Err(fail!(BadRequest, "the query has a NUL"));
        }
        Ok(Self(pairs))
    }
}

impl Query {
    /// A value.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Whether a flag is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    /// A time in RFC 3339.
    pub(super) fn time(&self, key: &str) -> Result<Option<Time>> {
        let parse = |text| Time::parse(text).ok_or_else(|| fail!(BadRequest, "{key} is no RFC 3339 time"));
        self.get(key).map(parse).transpose()
    }

    /// `page` from 1 and `limit` up to 100; what is out of range is moved into it.
    pub(super) fn page(&self) -> Page {
        Page { number: self.number("page", 1).max(1), limit: self.limit(PAGE_ROWS_DEFAULT) }
    }

    /// `limit` from 1 to 100; what is out of range is moved into it.
    pub(super) fn limit(&self, default: u32) -> u32 {
        self.number("limit", default).clamp(1, PAGE_ROWS_MAX)
    }

    /// A number from 0; what is out of range is moved into it, and what is no number is not there.
    pub(super) fn number(&self, key: &str, default: u32) -> u32 {
        match self.get(key).map(str::parse::<i64>) {
            Some(Ok(number)) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
            Some(Err(error)) if *error.kind() == IntErrorKind::PosOverflow => u32::MAX,
            Some(Err(error)) if *error.kind() == IntErrorKind::NegOverflow => 0,
            Some(Err(_)) | None => default,
        }
    }
}
