//! Webhooks: `/api/v1/webhooks` (contract 5.4). Another view of subscriptions, with names of its own.

use serde_json::{Value, json};

use crate::http::{
    Shared,
    caller::WebhookManager,
    delivery as deliveries,
    emit::Paged,
    envelope::{Answer, created, ok},
    extract::{Body, Params, Query},
    fields::Members,
    subscription::body::{self as terms, Shown, asked},
};
use crate::{
    domain::subscription::{EventType, Kind, Subscription},
    error::{Code, Result},
    service::{
        delivery,
        subscription::{self, Edit, NewSubscription},
    },
};

pub(in crate::http) async fn list(state: Shared, WebhookManager(caller): WebhookManager) -> Answer<Value> {
    let webhooks = subscription::list(&state.host, &caller, Kind::Webhook).await?;
    ok(json!({ "webhooks": webhooks.iter().map(object).collect::<Vec<_>>() }))
}

pub(in crate::http) async fn create(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    body: Body,
) -> Answer<Shown> {
    let members = Members::of(&body, Code::BadRequest)?;
    let edit = edit(&members)?;
    terms::needs(&members, &[("url", edit.webhook_url.is_some()), ("events", edit.event_types.is_some())])?;
    let new = NewSubscription {
        kind: Kind::Webhook,
        edit,
        start_at: members.optional(&["startAt", "start_at"], "a text")?,
        wrong: members.wrong,
    };
    let (webhook, secret) = subscription::create(&state.host, &caller, new).await?;
    created(object(&webhook).with_secret(&secret))
}

pub(in crate::http) async fn get(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
) -> Answer<Shown> {
    ok(object(&subscription::get(&state.host, &caller, &id).await?))
}

pub(in crate::http) async fn patch(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    let members = Members::of(&body, Code::BadRequest)?;
    terms::refuse_start(&members)?;
    let edit = edit(&members)?;
    ok(object(&subscription::change(&state.host, &caller, &id, Kind::Webhook, &edit).await?))
}

pub(in crate::http) async fn remove(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
) -> Answer<Value> {
    subscription::remove(&state.host, &caller, &id).await?;
    ok(json!({ "deleted": true }))
}

pub(in crate::http) async fn rotate(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    let (webhook, secret) = terms::rotate(&state, &caller, &id, &body).await?;
    ok(object(&webhook).with_secret(&secret))
}

pub(in crate::http) async fn enable(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Shown> {
    Members::of(&body, Code::BadRequest)?;
    ok(object(&subscription::enable(&state.host, &caller, &id).await?))
}

pub(in crate::http) async fn test(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    Members::of(&body, Code::BadRequest)?;
    terms::test(&state, &caller, &id).await
}

/// What the webhook is and was owed.
pub(in crate::http) async fn deliveries(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<Value>> {
    let webhook = subscription::get(&state.host, &caller, &id).await?;
    let filter = delivery::Filter {
        status: deliveries::status(&query)?,
        receiver: Some(webhook.id.into()),
        ..deliveries::filter(&query)?
    };
    deliveries::page(&state, &caller, &query, &filter).await
}

fn edit(members: &Members<'_>) -> Result<Edit> {
    terms::refuse_components(members)?;
    Ok(Edit {
        event_types: members.optional(&["events"], "a list of texts")?,
        webhook_url: members.optional(&["url"], "a text")?,
        ..asked(members)?
    })
}

/// With all names under which clients know whether it is active (contract C12).
fn object(webhook: &Subscription) -> Shown {
    Shown::of(
        json!({
            "id": webhook.id,
            "organizationId": webhook.organization_id,
            "name": webhook.name,
            "url": webhook.webhook_url,
            "events": webhook.event_types.iter().map(EventType::as_str).collect::<Vec<_>>(),
            "isActive": webhook.is_active,
            "active": webhook.is_active,
            "enabled": webhook.is_active,
            "status": if webhook.is_active { "ACTIVE" } else { "PAUSED" },
        }),
        webhook,
    )
}
