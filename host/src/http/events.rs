//! Custom events: `/api/v1/events/custom…` (contract 2).

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{
    Shared, State,
    caller::{Manager, Reader},
    envelope::{Answer, accepted, created, ok},
    extract::{Body, Params, Query, object, optional_object, present, raw, required},
    idempotency,
};
use crate::{
    domain::{
        listing::Fork,
        registration::{Registration, Status},
    },
    error::{Code, Result},
    fail,
    service::{
        Caller,
        event::emit::{self as service_emit, EmitRequest},
        marketplace,
        registry::{self, PatchRequest, RegisterRequest},
    },
};

/// The code for a body of the wrong shape in this family of routes (contract C17).
const WRONG_SHAPE: Code = Code::InvalidRequest;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterBody<'a> {
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

impl RegisterBody<'_> {
    fn request(&self) -> Result<RegisterRequest<'_>> {
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

pub(super) async fn register(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: RegisterBody<'_> = body.json(WRONG_SHAPE)?;
    let registration = registry::register(&state.host, &caller, body.request()?).await?;
    created(json!({
        "id": registration.id,
        "organizationId": registration.organization_id,
        "canonicalName": registration.canonical_name(),
        "namespace": registration.event.namespace(),
        "name": registration.event.name(),
        "version": registration.version.to_string(),
        "status": registration.status.as_str(),
        "description": registration.description,
        "registeredBy": registration.registered_by,
        "schemaHash": registration.schema_hash,
        "schemaFlavour": registration.schema_flavour,
        "semverBump": registration.semver_bump.as_str(),
        "compatibility": registration.compatibility.as_str(),
        "createdAt": registration.created_at,
        "updatedAt": registration.updated_at,
    }))
}

pub(super) async fn dry_run(state: Shared, Reader(caller): Reader, body: Body) -> Answer<Value> {
    let body: RegisterBody<'_> = body.json(WRONG_SHAPE)?;
    let verdict = registry::dry_run(&state.host, &caller, body.request()?).await?;
    ok(json!({
        "valid": true,
        "schemaHash": verdict.schema_hash,
        "schemaFlavour": verdict.schema_flavour.as_str(),
        "semverBump": verdict.semver_bump.as_str(),
        "schemaDepth": verdict.schema_depth,
        "schemaPropertyCount": verdict.schema_property_count,
    }))
}

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Value> {
    let parse = |text| {
        Status::parse(text).ok_or_else(|| fail!(InvalidRequest, "status has to be draft, published or archived"))
    };
    let status = query.get("status").map(parse).transpose()?;
    let registrations = registry::list(&state.host, &caller, query.get("namespace"), status).await?;
    let summary = |registration: &Registration| {
        json!({
            "id": registration.id,
            "namespace": registration.event.namespace(),
            "name": registration.event.name(),
            "version": registration.version.to_string(),
            "status": registration.status.as_str(),
            "description": registration.description,
            "canonicalName": registration.canonical_name(),
            "compatibility": registration.compatibility.as_str(),
            "createdAt": registration.created_at,
            "updatedAt": registration.updated_at,
        })
    };
    ok(json!({ "events": registrations.iter().map(summary).collect::<Vec<_>>() }))
}

/// A registration with its texts, which are shown as they were sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    id: String,
    organization_id: String,
    canonical_name: String,
    namespace: String,
    name: String,
    version: String,
    status: &'static str,
    description: Option<String>,
    payload_schema: Box<RawValue>,
    payload_example: Option<Box<RawValue>>,
    registered_by: String,
    schema_hash: String,
    schema_flavour: String,
    compatibility: &'static str,
    created_at: String,
    updated_at: String,
    archived_at: Option<String>,
    forked_from: Option<Value>,
}

impl Detail {
    /// With where it came from, if it is a fork.
    async fn of(state: &State, caller: &Caller, registration: Registration) -> Result<Self> {
        let origin = marketplace::origin(&state.host, caller, &registration.id).await?;
        Ok(Self {
            canonical_name: registration.canonical_name(),
            id: registration.id.to_string(),
            organization_id: registration.organization_id.to_string(),
            namespace: registration.event.namespace().to_owned(),
            name: registration.event.name().to_owned(),
            version: registration.version.to_string(),
            status: registration.status.as_str(),
            description: registration.description,
            payload_schema: raw(registration.payload_schema)?,
            payload_example: registration.payload_example.map(raw).transpose()?,
            registered_by: registration.registered_by,
            schema_hash: registration.schema_hash,
            schema_flavour: registration.schema_flavour,
            compatibility: registration.compatibility.as_str(),
            created_at: registration.created_at.to_string(),
            updated_at: registration.updated_at.to_string(),
            archived_at: registration.archived_at.map(|time| time.to_string()),
            forked_from: origin.as_ref().map(forked_from),
        })
    }
}

fn forked_from(fork: &Fork) -> Value {
    json!({
        "forkId": fork.id,
        "listingId": fork.listing_id,
        "publisherOrganizationId": fork.publisher_id,
        "sourceCanonicalName": fork.source_canonical_name,
        "forkedBy": fork.forked_by,
        "forkedAt": fork.created_at,
    })
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Detail> {
    let registration = registry::get(&state.host, &caller, &id).await?;
    ok(Detail::of(&state, &caller, registration).await?)
}

/// The description may be taken away, which is another thing than not naming it.
#[derive(Deserialize)]
#[expect(clippy::option_option, reason = "absent, null and a text are three different wishes")]
struct PatchBody<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    description: Option<Option<Cow<'a, str>>>,
}

pub(super) async fn patch(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Detail> {
    let body: PatchBody<'_> = body.json(WRONG_SHAPE)?;
    let request =
        PatchRequest { status: body.status.as_deref(), description: body.description.as_ref().map(Option::as_deref) };
    let registration = registry::patch(&state.host, &caller, &id, request).await?;
    ok(Detail::of(&state, &caller, registration).await?)
}

pub(super) async fn remove(state: Shared, Manager(caller): Manager, Params(id): Params<String>) -> Answer<Value> {
    let registration = registry::remove(&state.host, &caller, &id).await?;
    ok(json!({
        "id": registration.id,
        "status": registration.status.as_str(),
        "archivedAt": registration.archived_at,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmitBody<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    idempotency_key: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Emitted {
    emit_id: String,
    canonical_name: String,
    status: &'static str,
}

pub(super) async fn emit(state: Shared, Manager(caller): Manager, headers: HeaderMap, body: Body) -> Answer<Emitted> {
    let body: EmitBody<'_> = body.json(WRONG_SHAPE)?;
    let header = idempotency::key(&headers, WRONG_SHAPE)?;
    let request = EmitRequest {
        name: &required(body.name, "name", WRONG_SHAPE)?,
        version: body.version.as_deref(),
        payload: object(body.payload, "payload", WRONG_SHAPE)?,
        idempotency_key: body.idempotency_key.as_deref().or(header),
    };
    let answer = service_emit::emit(&state.host, &caller, request).await?;
    accepted(Emitted { emit_id: answer.id.to_string(), canonical_name: answer.event_type, status: "queued" })
}
