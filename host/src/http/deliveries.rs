//! Deliveries and dead letters: `/api/v1/deliveries`, `/api/v1/dead-letters` (contract 14.2).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    caller::{Manager, Reader},
    emits::Paged,
    envelope::{Answer, ok},
    extract::{Body, Params, Query},
};
use crate::{
    db::delivery::Filter,
    domain::{
        delivery::{Attempt, Status},
        id::{EmitId, MemberId, SubscriptionId},
        receiver::ReceiverId,
        time::Time,
    },
    error::{Code, Result},
    fail,
    service::{
        Caller,
        delivery::{
            self, Detail,
            replay::{self, DeadLetters, Replayable},
        },
    },
};

pub(super) async fn list(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<Value>> {
    let filter = Filter { status: status(&query)?, ..filter(&query)? };
    page(&state, &caller, &query, &filter).await
}

pub(super) async fn dead_letters(state: Shared, Reader(caller): Reader, query: Query) -> Answer<Paged<Value>> {
    let filter = Filter { status: Some(Status::Failed), ..filter(&query)? };
    page(&state, &caller, &query, &filter).await
}

/// The state that a query asks for.
pub(super) fn status(query: &Query) -> Result<Option<Status>> {
    let parse = |text| {
        Status::parse(text)
            .ok_or_else(|| fail!(BadRequest, "status has to be PENDING, RETRYING, SUCCESS, FAILED or SKIPPED"))
    };
    query.get("status").map(parse).transpose()
}

/// What else a query narrows a list of deliveries by.
pub(super) fn filter(query: &Query) -> Result<Filter> {
    let emit = |id| EmitId::parse(id).ok_or_else(|| fail!(BadRequest, "emitId is no emit id"));
    Ok(Filter {
        status: None,
        receiver: receiver(query)?,
        is_pushed: None,
        emit: query.get("emitId").map(emit).transpose()?,
        from: query.time("from")?,
        to: query.time("to")?,
    })
}

/// A page of the caller's deliveries.
pub(super) async fn page(state: &Shared, caller: &Caller, query: &Query, filter: &Filter) -> Answer<Paged<Value>> {
    let page = query.page();
    let (details, total) = delivery::list(&state.host, caller, filter, page).await?;
    ok(Paged { items: details.iter().map(object).collect(), total, page: page.number, limit: page.limit })
}

/// The receiver that a query narrows a list by.
fn receiver(query: &Query) -> Result<Option<ReceiverId>> {
    either(query.get("subscriptionId"), query.get("memberId"))
}

/// A receiver by the one or the other id.
fn either(subscription: Option<&str>, member: Option<&str>) -> Result<Option<ReceiverId>> {
    match (subscription, member) {
        (Some(_), Some(_)) => {
            Err(fail!(BadRequest, "a delivery goes to a subscriptionId or to a memberId, not to both"))
        }
        (Some(id), None) => Ok(Some(subscription_id(id)?.into())),
        (None, Some(id)) => Ok(Some(member_id(id)?.into())),
        (None, None) => Ok(None),
    }
}

fn member_id(text: &str) -> Result<MemberId> {
    MemberId::parse(text).ok_or_else(|| fail!(BadRequest, "memberId is no id of a member"))
}

fn subscription_id(text: &str) -> Result<SubscriptionId> {
    SubscriptionId::parse(text).ok_or_else(|| fail!(BadRequest, "subscriptionId is no subscription id"))
}

pub(super) async fn get(state: Shared, Reader(caller): Reader, Params(id): Params<String>) -> Answer<Value> {
    ok(object(&delivery::get(&state.host, &caller, &id).await?))
}

#[derive(Deserialize)]
struct ReplayBody {
    force: Option<bool>,
}

pub(super) async fn replay(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let body: ReplayBody = body.json(Code::BadRequest)?;
    let which = if body.force == Some(true) { Replayable::Finished } else { Replayable::DeadLetters };
    ok(object(&replay::delivery(&state.host, &caller, &id, which).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplayDeadLettersBody {
    subscription_id: Option<String>,
    member_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

pub(super) async fn replay_dead_letters(state: Shared, Manager(caller): Manager, body: Body) -> Answer<Value> {
    let body: ReplayDeadLettersBody = body.json(Code::BadRequest)?;
    let time =
        |name: &str, text: &str| Time::parse(text).ok_or_else(|| fail!(BadRequest, "{name} is no RFC 3339 time"));
    let request = DeadLetters {
        receiver: either(body.subscription_id.as_deref(), body.member_id.as_deref())?,
        from: body.from.as_deref().map(|text| time("from", text)).transpose()?,
        to: body.to.as_deref().map(|text| time("to", text)).transpose()?,
    };
    let count = replay::dead_letters(&state.host, &caller, &request).await?;
    ok(json!({ "replayedCount": count }))
}

fn object(detail: &Detail) -> Value {
    let (view, delivery) = (&detail.view, &detail.view.delivery);
    let kind = match delivery.receiver {
        ReceiverId::Subscription(_) => "endpoint",
        ReceiverId::Peer(_) => "external_peer",
    };
    json!({
        "id": delivery.id,
        "emitId": delivery.emit_id.shown(),
        "subscriptionId": delivery.receiver.subscription(),
        "memberId": delivery.receiver.peer(),
        "pushId": delivery.push_id,
        "canonicalName": view.canonical_name,
        "target": { "kind": kind, "url": view.webhook_url, "component": null },
        "status": delivery.status.as_str(),
        "errorMessage": delivery.error_message,
        "attempts": detail.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "nextAttemptAt": delivery.next_attempt_at,
        "createdAt": delivery.created_at,
        "updatedAt": delivery.updated_at,
    })
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "startedAt": attempt.started_at,
        "durationMs": attempt.duration_ms,
        "responseStatus": attempt.response_status,
        "errorMessage": attempt.error_message,
        "responseSnippet": attempt.response_snippet,
        "fuel": attempt.fuel,
    })
}
