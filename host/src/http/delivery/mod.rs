//! Deliveries, `/api/v1/deliveries`, and those of them that are dead letters,
//! `/api/v1/dead-letters` (contract 14.2).

mod body;
pub(super) mod explain;
pub(super) mod replay;
pub(super) mod trial;
mod view;

use super::{
    caller::{Reader, WebhookManager},
    envelope::{Answer, Paged, ok},
    extract::{Params, Query},
    state::Shared,
};
use crate::{
    db::delivery::DeliveryQuery,
    domain::delivery::Status,
    service::{Caller, delivery, subscription},
};

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<view::Delivery>> {
    let deliveries = DeliveryQuery { status: body::status(&query)?, ..body::delivery_query(&query)? };
    page(&state, &caller, &query, &deliveries).await
}

pub(super) async fn list_dead_letters(
    state: Shared,
    Reader(caller): Reader,
    query: Query,
) -> Answer<Paged<view::Delivery>> {
    let deliveries = DeliveryQuery { status: Some(Status::Failed), ..body::delivery_query(&query)? };
    page(&state, &caller, &query, &deliveries).await
}

/// Lists the deliveries of one webhook, for callers that manage webhooks only.
pub(super) async fn list_of_webhook(
    state: Shared,
    WebhookManager(caller): WebhookManager,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<view::Delivery>> {
    let webhook = subscription::get(&state.host, &caller, &id).await?;
    let deliveries = DeliveryQuery {
        status: body::status(&query)?,
        receiver: Some(webhook.id.into()),
        ..body::delivery_query(&query)?
    };
    page(&state, &caller, &query, &deliveries).await
}

async fn page(
    state: &Shared,
    caller: &Caller,
    query: &Query,
    deliveries: &DeliveryQuery,
) -> Answer<Paged<view::Delivery>> {
    let page = query.page();
    let (details, total) = delivery::list(&state.host, caller, deliveries, &page).await?;
    let key = |detail: &delivery::Detail| detail.view.delivery.id.to_string();
    ok(Paged::of(details, total, &page, key, |detail| Ok(detail.into()))?)
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<view::Delivery> {
    ok(delivery::get(&state.host, &caller, &id).await?.into())
}
