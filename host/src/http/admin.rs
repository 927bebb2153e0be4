//! The operator's API: `/api/admin/v1` (contract 14.6).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    emits::Paged,
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query, required},
};
use crate::{
    domain::{
        organization::{ApiKey, Environment, Organization},
        plan::Plan,
        time::Time,
    },
    error::{Code, Result},
    fail,
    service::{
        health,
        organization::{
            self, NewOrganization, PatchOrganization,
            keys::{self, NewKey},
        },
    },
};

/// The code for a body of the wrong shape outside of custom events (contract C17).
const WRONG_SHAPE: Code = Code::BadRequest;
/// The longest overlap of a rotated key: a week, as for signing secrets.
const GRACE_SECONDS_MAX: u32 = 604_800;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    name: Option<String>,
    slug: Option<String>,
    plan: Option<String>,
    region: Option<String>,
    billing_email: Option<String>,
}

pub(super) async fn create(state: Shared, body: Body) -> Answer<Value> {
    let body: CreateBody = body.json(WRONG_SHAPE)?;
    let new = NewOrganization {
        name: &required(body.name, "name", WRONG_SHAPE)?,
        slug: body.slug.as_deref(),
        plan: body.plan.as_deref().map(plan).transpose()?.unwrap_or(Plan::Free),
        region: body.region.as_deref(),
        billing_email: body.billing_email.as_deref(),
        environment: Environment::Live,
    };
    let (organization, key) = organization::create(&state.host, new).await?;
    created(json!({ "organization": object(&organization), "apiKey": key }))
}

fn plan(text: &str) -> Result<Plan> {
    Plan::parse(text).ok_or_else(|| fail!(BadRequest, "plan has to be FREE, BASIC, PRO or ENTERPRISE"))
}

pub(super) async fn list(state: Shared, query: Query) -> Answer<Paged<Value>> {
    let page = query.page();
    let (organizations, total) = organization::list(&state.host, page).await?;
    ok(Paged { items: organizations.iter().map(object).collect(), total, page: page.number, limit: page.limit })
}

pub(super) async fn get(state: Shared, Params(id): Params<String>) -> Answer<Value> {
    ok(object(&organization::get(&state.host, &id).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PatchBody {
    name: Option<String>,
    plan: Option<String>,
    is_active: Option<bool>,
}

pub(super) async fn patch(state: Shared, Params(id): Params<String>, body: Body) -> Answer<Value> {
    let body: PatchBody = body.json(WRONG_SHAPE)?;
    let patch = PatchOrganization {
        name: body.name.as_deref(),
        plan: body.plan.as_deref().map(plan).transpose()?,
        is_active: body.is_active,
    };
    ok(object(&organization::patch(&state.host, &id, patch).await?))
}

pub(super) async fn namespaces(state: Shared, Params(id): Params<String>) -> Answer<Value> {
    let namespaces = organization::namespaces(&state.host, &id).await?;
    let object = |(namespace, at): &(String, Time)| json!({ "namespace": namespace, "createdAt": at });
    ok(json!({ "namespaces": namespaces.iter().map(object).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct NamespaceBody {
    namespace: Option<String>,
}

pub(super) async fn grant_namespace(state: Shared, Params(id): Params<String>, body: Body) -> Answer<Value> {
    let body: NamespaceBody = body.json(WRONG_SHAPE)?;
    let namespace = required(body.namespace, "namespace", WRONG_SHAPE)?;
    organization::grant_namespace(&state.host, &id, &namespace).await?;
    created(json!({ "namespace": namespace }))
}

pub(super) async fn revoke_namespace(
    state: Shared,
    Params((id, namespace)): Params<(String, String)>,
) -> Answer<Value> {
    organization::revoke_namespace(&state.host, &id, &namespace).await?;
    ok(json!({ "deleted": true }))
}

pub(super) async fn keys(state: Shared, Params(id): Params<String>) -> Answer<Value> {
    let keys = keys::list(&state.host, &id).await?;
    ok(json!({ "keys": keys.iter().map(key_object).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyBody {
    caller_service: Option<String>,
    label: Option<String>,
    scopes: Option<Vec<String>>,
    environment: Option<String>,
    expires_at: Option<String>,
}

pub(super) async fn create_key(state: Shared, Params(id): Params<String>, body: Body) -> Answer<Value> {
    let body: KeyBody = body.json(WRONG_SHAPE)?;
    let environment = |text: &str| {
        Environment::parse(text).ok_or_else(|| fail!(BadRequest, "environment has to be live, test or dev"))
    };
    let time = |text: &str| Time::parse(text).ok_or_else(|| fail!(BadRequest, "expiresAt is no RFC 3339 time"));
    let new = NewKey {
        caller_service: &required(body.caller_service, "callerService", WRONG_SHAPE)?,
        label: body.label.as_deref(),
        scopes: body.scopes.as_deref(),
        environment: body.environment.as_deref().map(environment).transpose()?.unwrap_or(Environment::Live),
        expires_at: body.expires_at.as_deref().map(time).transpose()?,
    };
    let (key, text) = keys::create(&state.host, &id, new).await?;
    created(with_text(&key, text))
}

pub(super) async fn revoke_key(state: Shared, Params((id, key)): Params<(String, String)>) -> Answer<Value> {
    keys::revoke(&state.host, &id, &key).await?;
    ok(json!({ "deleted": true }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RotateBody {
    grace_seconds: Option<u32>,
}

pub(super) async fn rotate_key(
    state: Shared,
    Params((id, key)): Params<(String, String)>,
    body: Body,
) -> Answer<Value> {
    let body: RotateBody = body.json(WRONG_SHAPE)?;
    let grace_seconds = body.grace_seconds.unwrap_or(0);
    if grace_seconds > GRACE_SECONDS_MAX {
        return Err(fail!(BadRequest, "graceSeconds is at most {GRACE_SECONDS_MAX}"));
    }
    let (key, text) = keys::rotate(&state.host, &id, &key, grace_seconds).await?;
    created(with_text(&key, text))
}

pub(super) async fn status(state: Shared) -> Answer<Value> {
    let status = health::status(&state.host).await?;
    let usage = (state.usage)();
    ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": status.database,
        "migrationLevel": status.migration_level,
        "routing": { "waiting": status.routing.0, "oldestAt": status.routing.1 },
        "deliveries": { "owed": status.deliveries.0, "oldestAt": status.deliveries.1 },
        "components": { "calls": usage.calls, "busyMs": u64::try_from(usage.busy.as_millis()).unwrap_or(u64::MAX) },
    }))
}

/// The shape of the tenant's own view (contract 5.8).
fn object(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "plan": organization.plan.as_str(),
        "billingEmail": organization.billing_email,
        "region": organization.region,
        "isActive": organization.is_active,
        "createdAt": organization.created_at,
        "updatedAt": organization.updated_at,
    })
}

fn key_object(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "callerService": key.caller_service,
        "label": key.label,
        "scopes": key.scopes,
        "environment": key.environment.as_str(),
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
    })
}

/// A new key with its text, the only time that it is shown.
fn with_text(key: &ApiKey, text: String) -> Value {
    let mut object = key_object(key);
    object["apiKey"] = Value::from(text);
    object
}
