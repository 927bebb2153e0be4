//! Subscriptions: `/api/v1/events/custom/subscribe` (contract 2.8) and
//! `/api/v1/event-subscriptions` (contract 5.1).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Shared,
    caller::{Manager, Reader},
    envelope::{Answer, created, ok},
    extract::{Body, Params, required},
};
use crate::{
    domain::subscription::{EventType, Subscription},
    error::{Code, Error, Result},
    fail,
    service::subscription::{self, NewSubscription, SubscribeRequest},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscribeBody<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    webhook_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

pub(super) async fn subscribe(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: SubscribeBody<'_> = body.json(Code::InvalidRequest)?;
    refuse_extras(&body.others, Code::InvalidRequest)?;
    let request = SubscribeRequest {
        name: &required(body.name, "name", Code::InvalidRequest)?,
        version: body.version.as_deref(),
        webhook_url: &required(body.webhook_url, "webhookUrl", Code::InvalidRequest)?,
        display_name: body.display_name.as_deref(),
    };
    let (subscription, secret) = subscription::subscribe(&state.host, &caller, request).await?;
    created(json!({
        "subscriptionId": subscription.id,
        "canonicalName": subscription.event_types.first().map(EventType::as_str),
        "secret": secret.reveal(),
        "webhookUrl": subscription.webhook_url,
    }))
}

/// Python forwards names as they are written there, so both spellings are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    #[serde(alias = "event_types")]
    event_types: Option<Vec<String>>,
    #[serde(alias = "webhook_url")]
    webhook_url: Option<String>,
    #[serde(alias = "is_active")]
    is_active: Option<bool>,
    name: Option<String>,
    secret: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

pub(super) async fn create(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: CreateBody = body.json(Code::BadRequest)?;
    refuse_extras(&body.others, Code::BadRequest)?;
    let new = NewSubscription {
        event_types: &required(body.event_types, "eventTypes", Code::BadRequest)?,
        webhook_url: &required(body.webhook_url, "webhookUrl", Code::BadRequest)?,
        name: body.name.as_deref(),
        is_active: body.is_active.unwrap_or(true),
        secret: body.secret.as_deref(),
        invalid: Code::BadRequest,
    };
    let (subscription, secret) = subscription::create(&state.host, &caller, new).await?;
    let mut data = object(&subscription);
    data["secret"] = Value::from(secret.reveal());
    created(data)
}

/// No component can be uploaded yet, so naming one names none. And a filter that was silently left
/// out would let everything through.
fn refuse_extras(others: &Map<String, Value>, wrong: Code) -> Result<()> {
    let is_there = |member: &&str| others.get(*member).is_some_and(|value| !value.is_null());
    if let Some(member) = ["component", "componentId", "transformer", "adapter"].iter().find(|member| is_there(member))
    {
        return Err(fail!(ComponentNotFound, "{member}: there is no such component"));
    }
    if is_there(&"filter") {
        return Err(Error::new(wrong, "filter: this host cannot filter by content yet"));
    }
    Ok(())
}

pub(super) async fn list(state: Shared, Reader(caller): Reader) -> Answer<Value> {
    let subscriptions = subscription::list(&state.host, &caller).await?;
    ok(json!({ "subscriptions": subscriptions.iter().map(object).collect::<Vec<_>>() }))
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Value> {
    ok(object(&subscription::get(&state.host, &caller, &id).await?))
}

pub(super) async fn remove(state: Shared, Manager(caller): Manager, Params(id): Params<String>) -> Answer<Value> {
    subscription::remove(&state.host, &caller, &id).await?;
    ok(json!({ "deleted": true }))
}

fn object(subscription: &Subscription) -> Value {
    json!({
        "id": subscription.id,
        "organizationId": subscription.organization_id,
        "name": subscription.name,
        "eventTypes": subscription.event_types.iter().map(EventType::as_str).collect::<Vec<_>>(),
        "webhookUrl": subscription.webhook_url,
        "status": if subscription.is_active { "ACTIVE" } else { "PAUSED" },
        "isActive": subscription.is_active,
        "createdAt": subscription.created_at,
        "updatedAt": subscription.updated_at,
    })
}
