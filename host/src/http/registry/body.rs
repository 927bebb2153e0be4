//! Requests for registrations.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    domain::registration::Status,
    error::{Code, Result},
    fail,
    http::extract::{Query, object, optional_object, present, required},
    service::registry::{PatchRequest, RegisterRequest},
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
pub(super) const WRONG_SHAPE: Code = Code::InvalidRequest;

/// A registration to check, or to make.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Register<'a> {
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload_schema: Option<&'a RawValue>,
    #[serde(borrow)]
    payload_example: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    compatibility: Option<Cow<'a, str>>,
}

impl Register<'_> {
    pub(super) fn request(&self) -> Result<RegisterRequest<'_>> {
        Ok(RegisterRequest {
            namespace: required(self.namespace.as_deref(), "namespace", WRONG_SHAPE)?,
            name: required(self.name.as_deref(), "name", WRONG_SHAPE)?,
            version: required(self.version.as_deref(), "version", WRONG_SHAPE)?,
            payload_schema: object(self.payload_schema, "payloadSchema", WRONG_SHAPE)?,
            payload_example: optional_object(self.payload_example, "payloadExample", WRONG_SHAPE)?,
            status: self.status.as_deref(),
            description: self.description.as_deref(),
            compatibility: self.compatibility.as_deref(),
        })
    }
}

/// A change of a registration.
#[derive(Deserialize)]
#[expect(clippy::option_option, reason = "absent, null and a text are three different wishes")]
pub(super) struct Patch<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    /// The inner `None` takes the description away; the outer one leaves it.
    #[serde(borrow, default, deserialize_with = "present")]
    description: Option<Option<Cow<'a, str>>>,
}

impl Patch<'_> {
    pub(super) fn request(&self) -> PatchRequest<'_> {
        PatchRequest { status: self.status.as_deref(), description: self.description.as_ref().map(Option::as_deref) }
    }
}

/// The status that a query narrows the list to.
pub(super) fn status(query: &Query) -> Result<Option<Status>> {
    let parse = |text| {
        Status::parse(text).ok_or_else(|| fail!(InvalidRequest, "status has to be draft, published or archived"))
    };
    query.get("status").map(parse).transpose()
}
