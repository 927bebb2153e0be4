//! Why an event reached a subscription, or did not: `/api/v1/emits/{id}/explain` (contract 14.2).

use serde_json::{Value, json};

use super::{
    Shared,
    caller::Reader,
    emits::Paged,
    envelope::{Answer, ok},
    extract::{Params, Query},
};
use crate::{
    domain::{explain::Step, receiver::ReceiverId},
    service::delivery::explain::{self, Digests, Explained, Only},
};

pub(super) async fn explain(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<Value>> {
    let page = query.page();
    let only = query.get("subscriptionId").map(Only::Subscription).or(query.get("memberId").map(Only::Peer));
    let (explained, total, digests) = explain::explain(&state.host, &caller, &id, only, page).await?;
    let items = explained.iter().map(|explained| shown(explained, &digests)).collect();
    ok(Paged { items, total, page: page.number, limit: page.limit })
}

fn shown(explained: &Explained, digests: &Digests) -> Value {
    let explanation = &explained.explanation;
    json!({
        "subscriptionId": explained.receiver.subscription(),
        "memberId": explained.receiver.peer(),
        "matched": explanation.matched,
        "reason": explanation.reason.as_str(),
        "steps": explanation.steps.iter().map(|step| shown_step(&explained.receiver, step, digests)).collect::<Vec<_>>(),
    })
}

fn shown_step(receiver: &ReceiverId, step: &Step, digests: &Digests) -> Value {
    json!({
        "stage": step.stage.as_str(),
        "outcome": step.outcome,
        "componentDigest": digests.at(receiver, step.stage, step.at),
        "fuel": step.fuel,
        "durationUs": step.duration_us,
        "message": step.message,
        "at": step.at,
    })
}
