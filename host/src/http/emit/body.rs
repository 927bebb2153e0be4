//! Requests for emits.

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::view::{QUEUED, ROUTED};
use crate::{
    db::emit::EmitQuery,
    domain::name::{EventName, Version},
    error::{Code, Result},
    fail,
    http::extract::{Query, idempotency_key, object, required},
    service::event::emit::EmitRequest,
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::InvalidRequest;

/// A payload to emit.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Emit<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    /// Takes precedence over a key in the headers.
    #[serde(borrow)]
    idempotency_key: Option<Cow<'a, str>>,
}

impl Emit<'_> {
    pub(super) fn request<'a>(&'a self, headers: &'a HeaderMap) -> Result<EmitRequest<'a>> {
        let header = idempotency_key(headers, WRONG_SHAPE)?;
        Ok(EmitRequest {
            name: required(self.name.as_deref(), "name", WRONG_SHAPE)?,
            version: self.version.as_deref(),
            payload: object(self.payload, "payload", WRONG_SHAPE)?,
            idempotency_key: self.idempotency_key.as_deref().or(header),
        })
    }
}

pub(super) fn emit_query(query: &Query) -> Result<EmitQuery> {
    let routed = match query.get("status") {
        None => None,
        Some(QUEUED) => Some(false),
        Some(ROUTED) => Some(true),
        Some(_) => return Err(fail!(BadRequest, "status has to be {QUEUED} or {ROUTED}")),
    };
    Ok(EmitQuery {
        event: query.get("name").map(EventName::parse).transpose()?,
        version: query.get("version").map(str::parse::<Version>).transpose()?,
        routed,
        from: query.time("from")?,
        to: query.time("to")?,
    })
}
