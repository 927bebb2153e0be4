//! Readers of requests: bodies, queries, path parameters and idempotency keys. A malformed one is
//! answered in the envelope.

use std::{num::IntErrorKind, sync::Arc};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, request::Parts},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{error::Category, json, value::RawValue};

use super::{bodies::Received, state::ApiState};
use crate::{
    domain::{
        limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX},
        time::Time,
    },
    error::{Code, Error, Result},
    fail,
    service::{Caller, Page},
};

/// Headers that carry an idempotency key, in their precedence.
const IDEMPOTENCY_HEADERS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The bytes of a body. The content type is ignored: clients send all kinds, or none.
#[derive(Clone)]
pub(super) struct Body(Arc<Received>);

impl FromRequest<Arc<ApiState>> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, state: &Arc<ApiState>) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        match parts.extensions.remove::<Self>() {
            Some(received) => Ok(received),
            None => Self::receive(state, &parts, body).await,
        }
    }
}

impl Body {
    /// Receives the body of a request whose caller a layer has found. A layer that needs it puts it among the
    /// request's extensions, where the handler finds it.
    pub(super) async fn receive(state: &ApiState, parts: &Parts, body: axum::body::Body) -> Result<Self> {
        let organization = parts.extensions.get::<Caller>().map(|caller| caller.organization_id.clone());
        Ok(Self(Arc::new(state.bodies.receive(organization, body).await?)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Parses the body as JSON; an empty body counts as `{}`. Malformed JSON is `BAD_REQUEST`
    /// everywhere. `wrong_shape` is the code for JSON of another shape, which differs by family of
    /// routes (contract C17), and for a name that stands twice in one object, unless the field has a code of
    /// its own.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self, wrong_shape: Code) -> Result<T> {
        let parsed = self.json_with_repeated_names(wrong_shape)?;
        // A text that nests too deep to be searched is read by its handler, which says so, or not at all.
        match weir_schema::repeated_name(self.text()) {
            Ok(Some(pointer)) => Err(stands_twice(&pointer, wrong_shape)),
            Ok(None) | Err(_) => Ok(parsed),
        }
    }

    /// The same for a `T` that looks for names that stand twice itself.
    pub(super) fn json_with_repeated_names<'a, T: Deserialize<'a>>(&'a self, wrong_shape: Code) -> Result<T> {
        serde_json::from_slice(self.text()).map_err(|cause| match cause.classify() {
            Category::Data => Error::new(wrong_shape, cause.to_string()),
            Category::Syntax | Category::Eof | Category::Io => not_json(&cause),
        })
    }

    fn text(&self) -> &[u8] {
        if self.bytes().trim_ascii().is_empty() { b"{}" } else { self.bytes() }
    }
}

/// The fields in which a name that stands twice has a code of their own.
const CODES_OF_FIELDS: [(&str, Code); 4] = [
    ("/payload", Code::PayloadInvalid),
    ("/payloadSchema", Code::InvalidJsonSchema),
    ("/payloadExample", Code::PayloadExampleDoesNotMatchSchema),
    ("/filter", Code::FilterInvalid),
];

/// The refusal of a body in which the member at `pointer` stands twice: readers may take the first one or the
/// last one, so that what is checked and what is passed on would be two things.
pub(super) fn stands_twice(pointer: &str, wrong_shape: Code) -> Error {
    let field = pointer.match_indices('/').nth(1).map(|(at, _)| &pointer[..at]);
    let code = CODES_OF_FIELDS.iter().find(|(name, _)| Some(*name) == field).map_or(wrong_shape, |(_, code)| *code);
    let reason = "the name stands twice in one object";
    let details = json!({ "pointer": pointer, "path": pointer, "reason": reason });
    Error::new(code, format!("at {pointer}: {reason}")).with_details(details)
}

/// The error for a body that is not JSON.
pub(super) fn not_json(cause: &serde_json::Error) -> Error {
    fail!(BadRequest, "the body is no JSON: {cause}")
}

/// Unwraps a field that has to be there.
pub(super) fn required<T>(field: Option<T>, name: &str, code: Code) -> Result<T> {
    field.ok_or_else(|| Error::new(code, format!("{name} is missing")))
}

/// The text, as it was sent, of a field that has to be an object.
pub(super) fn object<'a>(field: Option<&'a RawValue>, name: &str, code: Code) -> Result<&'a str> {
    let text = required(field, name, code)?.get();
    if text.starts_with('{') { Ok(text) } else { Err(Error::new(code, format!("{name} has to be an object"))) }
}

/// The same for an optional field, for which `null` counts as not sent.
pub(super) fn optional_object<'a>(field: Option<&'a RawValue>, name: &str, code: Code) -> Result<Option<&'a str>> {
    match field.filter(|raw| raw.get() != "null") {
        None => Ok(None),
        some => object(some, name, code).map(Some),
    }
}

/// Parses the time in a field or a query. Code `BAD_REQUEST`.
pub(super) fn time(name: &str, text: &str) -> Result<Time> {
    // In a query a plus stands for a space.
    let hint = if text.contains(' ') { "; the + of an offset is written %2B in a URL" } else { "" };
    Time::parse(text).ok_or_else(|| fail!(BadRequest, "{name} is no RFC 3339 time{hint}"))
}

/// Deserializes a field that is there, null or not, for serde's `deserialize_with`. With
/// `default`, an absent field is the outer `None` and null the inner one.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The idempotency key in the headers, if there is one. `invalid` is the code for a key that is no
/// text.
pub(super) fn idempotency_key(headers: &HeaderMap, invalid: Code) -> Result<Option<&str>> {
    let header = IDEMPOTENCY_HEADERS.iter().find_map(|name| headers.get(*name));
    let text = header.map(HeaderValue::to_str).transpose();
    text.map_err(|_| Error::new(invalid, "an idempotency key has to be printable ASCII in a header"))
}

/// Path parameters.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send + AsText> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let Path(params) =
            path.map_err(|rejection: PathRejection| fail!(BadRequest, "the path is malformed: {rejection}"))?;
        // No id and no name has a NUL, and PostgreSQL refuses texts with one.
        if params.texts().any(|text| text.contains('\0')) {
            return Err(fail!(BadRequest, "the path is malformed"));
        }
        Ok(Self(params))
    }
}

/// Path parameters as texts, to check each of them.
pub(super) trait AsText {
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

/// The query of a URL. Unknown keys are ignored, an empty value counts as not sent, and of a key
/// that comes twice the first counts.
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
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// True if the value is `true`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    /// The value as a time in RFC 3339. Code `BAD_REQUEST`.
    pub(super) fn time(&self, key: &str) -> Result<Option<Time>> {
        self.get(key).map(|text| time(key, text)).transpose()
    }

    /// The values of `page`, from 1, `limit`, up to 100, and `cursor`; numbers out of range are clamped.
    pub(super) fn page(&self) -> Page {
        let before = self.get("cursor").map(str::to_owned);
        Page { number: self.number("page", 1).max(1), limit: self.limit(PAGE_ROWS_DEFAULT), before }
    }

    /// The value of `limit`, clamped to 1 to 100.
    pub(super) fn limit(&self, default: u32) -> u32 {
        self.number("limit", default).clamp(1, PAGE_ROWS_MAX)
    }

    /// The value as a number, clamped to what `u32` holds. Text that is no number counts as not sent.
    pub(super) fn number(&self, key: &str, default: u32) -> u32 {
        match self.get(key).map(str::parse::<i64>) {
            Some(Ok(number)) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
            Some(Err(error)) if *error.kind() == IntErrorKind::PosOverflow => u32::MAX,
            Some(Err(error)) if *error.kind() == IntErrorKind::NegOverflow => 0,
            Some(Err(_)) | None => default,
        }
    }
}
