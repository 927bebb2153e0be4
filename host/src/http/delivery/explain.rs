//! Explanations of why an event reached a receiver, or did not: `/api/v1/emits/{id}/explain`
//! (contract 14.2).

use serde::Serialize;

use crate::{
    domain::{
        explain::ExplainStep as DomainStep,
        id::{MemberId, SubscriptionId},
        time::Time,
    },
    http::{
        caller::Reader,
        envelope::{Answer, Paged, ok},
        extract::{Params, Query},
        state::Shared,
    },
    service::delivery::explain::{self, Explained, Only},
};

/// The fate of an event at one receiver: a subscription or an external peer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Explanation {
    subscription_id: Option<SubscriptionId>,
    member_id: Option<MemberId>,
    /// Whether the event's name is one that the receiver wants.
    matched: bool,
    reason: &'static str,
    steps: Vec<StepView>,
}

/// A step of an event on its way to a receiver.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepView {
    stage: &'static str,
    outcome: &'static str,
    /// `None` for stages without a component.
    component_digest: Option<String>,
    fuel: Option<u64>,
    duration_us: Option<u64>,
    message: Option<String>,
    at: Time,
}

impl Explanation {
    fn of(explained: Explained) -> Self {
        let Explained { receiver, explanation } = explained;
        let steps = explanation.steps.into_iter().map(StepView::of);
        Self {
            subscription_id: receiver.subscription().cloned(),
            member_id: receiver.peer().cloned(),
            matched: explanation.matched,
            reason: explanation.reason.as_str(),
            steps: steps.collect(),
        }
    }
}

impl StepView {
    fn of(step: DomainStep) -> Self {
        Self {
            stage: step.stage.as_str(),
            outcome: step.outcome,
            component_digest: step.component.map(|digest| digest.to_string()),
            fuel: step.fuel,
            duration_us: step.duration_us,
            message: step.message,
            at: step.at,
        }
    }
}

pub(in crate::http) async fn explain(
    state: Shared,
    Reader(caller): Reader,
    Params(id): Params<String>,
    query: Query,
) -> Answer<Paged<Explanation>> {
    let page = query.page();
    let only = query.get("subscriptionId").map(Only::Subscription).or(query.get("memberId").map(Only::Peer));
    let (explained, total) = explain::explain(&state.host, &caller, &id, only, &page).await?;
    let items = explained.into_iter().map(Explanation::of).collect();
    ok(Paged::new(items, total, &page))
}
