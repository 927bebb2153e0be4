//! Requests for emits.

use std::{borrow::Cow, fmt};

use axum::http::HeaderMap;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::view::{QUEUED, ROUTED};
use crate::{
    db::emit::EmitQuery,
    domain::name::{EventName, Version},
    error::{Code, Result},
    fail,
    http::extract::{Query, idempotency_key, object, required, stands_twice},
    service::event::emit::EmitRequest,
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::InvalidRequest;

/// A payload to emit.
#[derive(Default)]
pub(super) struct Emit<'a> {
    name: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    payload: Option<&'a RawValue>,
    /// Takes precedence over a key in the headers.
    idempotency_key: Option<Cow<'a, str>>,
    /// The pointer of the first name that stands twice, but not in the payload, which is searched while it is
    /// read.
    repeated: Option<String>,
}

/// A text, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Emit<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Emit<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Emit<'de>, A::Error> {
                let (mut emit, mut names) = (Emit::default(), Vec::with_capacity(4));
                while let Some(Text(name)) = members.next_key()? {
                    emit.read(&name, &mut members)?;
                    if emit.repeated.is_none() && names.contains(&name) {
                        emit.repeated = Some(pointer(&name, ""));
                    }
                    names.push(name);
                }
                Ok(emit)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The pointer of what has the pointer `within` in the member of this name.
fn pointer(name: &str, within: &str) -> String {
    format!("/{}{within}", name.replace('~', "~0").replace('/', "~1"))
}

impl<'a> Emit<'a> {
    /// Reads the value of a member.
    fn read<A: MapAccess<'a>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        let mut text = || members.next_value::<Option<Text<'a>>>().map(|text| text.map(|text| text.0));
        match name {
            "name" => self.name = text()?,
            "version" => self.version = text()?,
            "idempotencyKey" => self.idempotency_key = text()?,
            "payload" => self.payload = members.next_value()?,
            _ => {
                let ignored: &RawValue = members.next_value()?;
                // One that nests too deep to be searched is not read by the host either.
                let repeated = weir_schema::repeated_name(ignored.get().as_bytes()).unwrap_or_default();
                self.repeated = self.repeated.take().or(repeated.map(|within| pointer(name, &within)));
            }
        }
        Ok(())
    }

    pub(super) fn request<'r>(&'r self, headers: &'r HeaderMap) -> Result<EmitRequest<'r>> {
        if let Some(pointer) = &self.repeated {
            return Err(stands_twice(pointer, WRONG_SHAPE));
        }
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
