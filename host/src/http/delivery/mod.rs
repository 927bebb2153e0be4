//! Deliveries, `/api/v1/deliveries`, and those of them that are dead letters,
//! `/api/v1/dead-letters` (contract 14.2).

mod body;
pub(super) mod explain;
pub(super) mod replay;
pub(super) mod trial;
mod view;

use super::{
    Shared,
    caller::{Manager, Reader, WebhookManager},
    envelope::{Answer, Paged, ok},
    extract::{Body, Params, Query},
};
use crate::{
    db::delivery::Filter as DeliveryQuery,
    domain::delivery::Status,
    error::Code,
    service::{Caller, delivery, replay as service_replay, subscription},
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
    let (details, total) = delivery::list(&state.host, caller, deliveries, page).await?;
    ok(Paged::new(details.into_iter().map(Into::into).collect(), total, page))
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<view::Delivery> {
    ok(delivery::get(&state.host, &caller, &id).await?.into())
}

pub(super) async fn replay_one(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Delivery> {
    let body: body::Replay = body.json(Code::BadRequest)?;
    ok(delivery::replay(&state.host, &caller, &id, body.which()).await?.into())
}

pub(super) async fn replay_dead_letters(
    state: Shared,
    Manager(caller): Manager,
    body: Body,
) -> Answer<view::ReplayedDeadLetters> {
    let body: body::ReplayDeadLetters = body.json(Code::BadRequest)?;
    let count = service_replay::dead_letters(&state.host, &caller, &body.request()?).await?;
    ok(view::ReplayedDeadLetters::of(count))
}
