//! Subscriptions: `/api/v1/events/custom/subscribe` (contract 2.8) and
//! `/api/v1/event-subscriptions` (contract 5.1).

mod body;

pub(super) mod webhooks;

use serde_json::{Value, json};

use crate::http::{
    Shared,
    caller::{Manager, Reader},
    envelope::{Answer, created, ok},
    extract::{Body, Params},
    fields::Members,
    subscription::body::{self as terms, Shown, asked},
};
use crate::{
    domain::subscription::{EventType, Kind, Subscription},
    error::{Code, Result},
    service::subscription::{self, Edit, NewSubscription, SubscribeRequest},
};

pub(super) async fn subscribe(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let members = Members::of(&body, Code::InvalidRequest)?;
    terms::refuse_components(&members)?;
    let request = SubscribeRequest {
        name: members.required(&["name"], "a text")?,
        version: members.optional(&["version"], "a text")?,
        edit: Edit {
            webhook_url: Some(members.required(&["webhookUrl", "webhook_url"], "a text")?),
            name: members.optional(&["displayName", "display_name"], "a text")?,
            ..asked(&members)?
        },
        start_at: members.optional(&["startAt", "start_at"], "a text")?,
    };
    let (subscription, secret) = subscription::subscribe(&state.host, &caller, request).await?;
    created(json!({
        "subscriptionId": subscription.id,
        "canonicalName": subscription.event_types.first().map(EventType::as_str),
        "secret": secret.reveal(),
        "webhookUrl": subscription.webhook_url,
    }))
}

pub(super) async fn create(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Shown> {
    let members = Members::of(&body, Code::BadRequest)?;
    let edit = edit(&members)?;
    terms::needs(&members, &[("eventTypes", edit.event_types.is_some()), ("webhookUrl", edit.webhook_url.is_some())])?;
    let new = NewSubscription {
        kind: Kind::EventSubscription,
        edit,
        start_at: members.optional(&["startAt", "start_at"], "a text")?,
        wrong: members.wrong,
    };
    let (subscription, secret) = subscription::create(&state.host, &caller, new).await?;
    created(object(&subscription).with_secret(&secret))
}

pub(super) async fn list(state: Shared, Reader(caller): Reader) -> Answer<Value> {
    let subscriptions = subscription::list(&state.host, &caller, Kind::EventSubscription).await?;
    ok(json!({ "subscriptions": subscriptions.iter().map(object).collect::<Vec<_>>() }))
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Shown> {
    ok(object(&subscription::get(&state.host, &caller, &id).await?))
}

pub(super) async fn patch(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    let members = Members::of(&body, Code::BadRequest)?;
    terms::refuse_start(&members)?;
    let edit = edit(&members)?;
    ok(object(&subscription::change(&state.host, &caller, &id, Kind::EventSubscription, &edit).await?))
}

pub(super) async fn remove(state: Shared, Manager(caller): Manager, Params(id): Params<String>) -> Answer<Value> {
    subscription::remove(&state.host, &caller, &id).await?;
    ok(json!({ "deleted": true }))
}

pub(super) async fn rotate(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    let (subscription, secret) = terms::rotate(&state, &caller, &id, &body).await?;
    ok(object(&subscription).with_secret(&secret))
}

pub(super) async fn enable(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    Members::of(&body, Code::BadRequest)?;
    ok(object(&subscription::enable(&state.host, &caller, &id).await?))
}

pub(super) async fn test(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, Code::BadRequest)?;
    terms::test(&state, &caller, &id).await
}

/// Python forwards names as they are written there, so both spellings are read.
fn edit(members: &Members<'_>) -> Result<Edit> {
    terms::refuse_components(members)?;
    Ok(Edit {
        event_types: members.optional(&["eventTypes", "event_types"], "a list of texts")?,
        webhook_url: members.optional(&["webhookUrl", "webhook_url"], "a text")?,
        ..asked(members)?
    })
}

fn object(subscription: &Subscription) -> Shown {
    Shown::of(
        json!({
            "id": subscription.id,
            "organizationId": subscription.organization_id,
            "name": subscription.name,
            "eventTypes": subscription.event_types.iter().map(EventType::as_str).collect::<Vec<_>>(),
            "webhookUrl": subscription.webhook_url,
            "status": if subscription.is_active { "ACTIVE" } else { "PAUSED" },
            "isActive": subscription.is_active,
        }),
        subscription,
    )
}
