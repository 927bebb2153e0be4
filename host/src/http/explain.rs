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
    domain::explain::Step,
    service::explain::{self, Digests, Explained},
};

pub(super) async fn explain(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<Value>> {
    let page = query.page();
    let (explained, total, digests) =
        explain::explain(&state.host, &caller, &id, query.get("subscriptionId"), page).await?;
    let items = explained.iter().map(|explained| shown(explained, &digests)).collect();
    ok(Paged { items, total, page: page.number, limit: page.limit })
}

fn shown(explained: &Explained, digests: &Digests) -> Value {
    let explanation = &explained.explanation;
    json!({
        "subscriptionId": explained.subscription_id,
        "matched": explanation.matched,
        "reason": explanation.reason.as_str(),
        "steps": explanation.steps.iter().map(|step| shown_step(step, digests)).collect::<Vec<_>>(),
    })
}

fn shown_step(step: &Step, digests: &Digests) -> Value {
    json!({
        "stage": step.stage.as_str(),
        "outcome": step.outcome,
        "componentDigest": digests.at(step.stage, step.at),
        "fuel": step.fuel,
        "durationUs": step.duration_us,
        "message": step.message,
        "at": step.at,
    })
}
