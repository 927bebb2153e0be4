//! Why an event reached a subscription or an external peer, or did not (contract 14.2).
//!
//! An explanation is derived from stored rows: the event, the subscription as it is now, and the
//! delivery with its attempts. Earlier states of a subscription are not kept, so a subscription that
//! was changed after the event was accepted counts as newer than the event.

use weir_runtime::Digest;

use super::{
    delivery::{Attempt, AttemptFailure, Delivery, ENDPOINT_DISABLED, GONE, GUARD_REFUSED, Status},
    emit::{Emit, Subject},
    program::Program,
    subscription::{EventType, Subscription},
    time::Time,
};

/// Why an event reached a receiver, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The receiver acknowledged the delivery.
    Delivered,
    /// The event is not routed yet, or its delivery is not tried yet.
    Pending,
    /// The last attempt failed, and another one follows.
    Retrying,
    /// The delivery failed for good.
    DeadLetter,
    /// None of the subscription's event types matches the event.
    NameDiffers,
    /// The subscription wants another version of this event.
    VersionDiffers,
    /// The subscription is paused.
    Inactive,
    /// The subscription is newer than the event.
    CreatedLater,
    /// The router left the subscription out, mostly because of its filter.
    NotRouted,
    /// The subscription's transformer left the event out.
    SkippedByTransformer,
    /// A component failed.
    ComponentFailed,
    /// The host may not send to the endpoint.
    GuardRefused,
    /// The host disabled the endpoint.
    EndpointDisabled,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Delivered,
        Self::Pending,
        Self::Retrying,
        Self::DeadLetter,
        Self::NameDiffers,
        Self::VersionDiffers,
        Self::Inactive,
        Self::CreatedLater,
        Self::NotRouted,
        Self::SkippedByTransformer,
        Self::ComponentFailed,
        Self::GuardRefused,
        Self::EndpointDisabled,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::DeadLetter => "dead_letter",
            Self::NameDiffers => "name_differs",
            Self::VersionDiffers => "version_differs",
            Self::Inactive => "inactive",
            Self::CreatedLater => "created_later",
            Self::NotRouted => "not_routed",
            Self::SkippedByTransformer => "skipped_by_transformer",
            Self::ComponentFailed => "component_failed",
            Self::GuardRefused => "guard_refused",
            Self::EndpointDisabled => "endpoint_disabled",
        }
    }
}

/// A stage on the way of an event to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The event's name is compared with the subscription's event types.
    Match,
    /// The router chooses among the subscriptions that match.
    Route,
    /// The transformer reshapes the event.
    Transform,
    /// The adapter describes a request for the event.
    Adapt,
    /// The host sends the request.
    Send,
}

impl Stage {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Route => "route",
            Self::Transform => "transform",
            Self::Adapt => "adapt",
            Self::Send => "send",
        }
    }
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainStep {
    pub stage: Stage,
    /// The result in one word, as it stands on the wire.
    pub outcome: &'static str,
    /// The component that ran; `None` if none did.
    pub component: Option<Digest>,
    /// Fuel that the component used; `None` if none ran.
    pub fuel: Option<u64>,
    /// Microseconds; `None` if the duration was not measured.
    pub duration_us: Option<u64>,
    pub message: Option<String>,
    pub at: Time,
}

impl ExplainStep {
    fn new(stage: Stage, outcome: &'static str, at: Time, message: Option<String>) -> Self {
        Self { stage, outcome, component: None, fuel: None, duration_us: None, message, at }
    }

    fn by(self, component: Option<Digest>) -> Self {
        Self { component, ..self }
    }
}

/// The stored rows that explain what became of an event for a subscription.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub emit: &'a Emit,
    /// When the event's deliveries were written; `None` while it waits for that.
    pub routed_at: Option<Time>,
    /// The subscription as it is now.
    pub subscription: &'a Subscription,
    /// Whether the subscription still gets events that were accepted before it was created.
    pub is_catching_up: bool,
    /// The delivery of the event to the subscription, if there is one.
    pub delivery: Option<&'a Delivery>,
    /// The attempts at the delivery, in order.
    pub attempts: &'a [Attempt],
    /// The router that chose the emit's receivers; `None` if there was nothing to choose from.
    pub router: Option<Digest>,
    /// The components of the delivery.
    pub program: Option<&'a Program>,
}

/// Why an event reached a receiver or did not, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the event's name is one that the subscription wants.
    pub matched: bool,
    pub reason: Reason,
    /// In the order in which they happened.
    pub steps: Vec<ExplainStep>,
}

/// Explains what became of an event for a subscription.
pub fn explain(facts: &Facts<'_>) -> Explanation {
    match facts.delivery {
        Some(delivery) => {
            let chosen = ExplainStep::new(Stage::Route, "chosen", delivery.created_at, None).by(facts.router);
            of_delivery(facts.emit, chosen, delivery, facts.program, facts.attempts)
        }
        None => of_nothing(facts),
    }
}

/// Explains what became of an event for an external peer to which a push sends it.
pub fn explain_push(emit: &Emit, delivery: &Delivery, program: Option<&Program>, attempts: &[Attempt]) -> Explanation {
    let because = delivery.push_id.as_ref().map(|push| format!("the event is pushed by {push}"));
    let pushed = ExplainStep::new(Stage::Route, "pushed", delivery.created_at, because);
    of_delivery(emit, pushed, delivery, program, attempts)
}

fn of_delivery(
    emit: &Emit,
    chosen: ExplainStep,
    delivery: &Delivery,
    program: Option<&Program>,
    attempts: &[Attempt],
) -> Explanation {
    let mut steps = vec![ExplainStep::new(Stage::Match, "matched", emit.accepted_at, None), chosen];
    for (at, attempt) in attempts.iter().enumerate() {
        let is_skip = delivery.status == Status::Skipped && at + 1 == attempts.len();
        steps.extend(of_attempt(attempt, program, is_skip));
    }
    let is_refused = !matches!(delivery.status, Status::Success | Status::Skipped) && says(delivery, GUARD_REFUSED);
    let failure = attempts.last().and_then(|attempt| attempt.failure);
    let reason = match delivery.status {
        Status::Success => Reason::Delivered,
        _ if is_refused => Reason::GuardRefused,
        Status::Pending => Reason::Pending,
        Status::Retrying => Reason::Retrying,
        Status::Skipped => Reason::SkippedByTransformer,
        Status::Failed if is_given_up(delivery, attempts) => Reason::EndpointDisabled,
        Status::Failed => match failure {
            Some(AttemptFailure::Transformer | AttemptFailure::Component) => Reason::ComponentFailed,
            _ => Reason::DeadLetter,
        },
    };
    if is_refused && failure != Some(AttemptFailure::Guard) {
        steps.push(ExplainStep::new(Stage::Send, "refused", delivery.updated_at, delivery.error_message.clone()));
    }
    Explanation { matched: true, reason, steps }
}

fn says(delivery: &Delivery, word: &str) -> bool {
    delivery.error_message.as_ref().is_some_and(|why| why.starts_with(word))
}

/// Whether the host disabled the endpoint before this delivery was tried, or because of its answer.
fn is_given_up(delivery: &Delivery, attempts: &[Attempt]) -> bool {
    let is_gone = attempts.last().is_some_and(|attempt| attempt.response_status == Some(GONE));
    is_gone || says(delivery, ENDPOINT_DISABLED)
}

/// The steps of an attempt. Its fuel is that of all components, so the last one that ran shows it.
fn of_attempt(attempt: &Attempt, program: Option<&Program>, is_skip: bool) -> Vec<ExplainStep> {
    let at = attempt.started_at;
    let mut steps = Vec::new();
    let mut transform = |outcome, message| {
        let transformer = program.and_then(|program| program.transformer.as_ref())?;
        steps.push(ExplainStep::new(Stage::Transform, outcome, at, message).by(Some(transformer.digest)));
        Some(())
    };
    if attempt.failure == Some(AttemptFailure::Transformer) {
        transform("failed", attempt.error_message.clone());
        return with_fuel(steps, attempt);
    }
    if is_skip {
        transform("skipped", None);
        return with_fuel(steps, attempt);
    }
    transform("transformed", None);
    let is_component = attempt.failure == Some(AttemptFailure::Component);
    let message = attempt.error_message.clone().filter(|_| is_component);
    let adapter = program.map(|program| program.handler.digest);
    steps.push(
        ExplainStep::new(Stage::Adapt, if is_component { "failed" } else { "prepared" }, at, message).by(adapter),
    );
    let mut steps = with_fuel(steps, attempt);
    if is_component {
        return steps;
    }
    let outcome = match attempt.failure {
        None if attempt.error_message.is_none() => "acknowledged",
        Some(AttemptFailure::Guard) => "refused",
        _ => "failed",
    };
    let message = attempt
        .error_message
        .clone()
        .or_else(|| attempt.response_status.map(|status| format!("the endpoint answered {status}")));
    let mut send = ExplainStep::new(Stage::Send, outcome, at, message);
    send.duration_us = Some(u64::from(attempt.duration_ms) * 1_000);
    steps.push(send);
    steps
}

fn with_fuel(mut steps: Vec<ExplainStep>, attempt: &Attempt) -> Vec<ExplainStep> {
    if let Some(last) = steps.last_mut() {
        last.fuel = attempt.fuel;
    }
    steps
}

/// Explains why there is no delivery. The reasons are tried in the order in which routing meets them.
fn of_nothing(facts: &Facts<'_>) -> Explanation {
    let (emit, subscription) = (facts.emit, facts.subscription);
    let matched = subscription.wants(&emit.subject.event_type(&subscription.organization_id));
    let said = |reason: Reason, message: &str| {
        let step = ExplainStep::new(Stage::Match, reason.as_str(), emit.accepted_at, Some(message.to_owned()));
        Explanation { matched, reason, steps: vec![step] }
    };
    if !matched {
        return if wants_another_version(subscription, emit) {
            said(Reason::VersionDiffers, "the subscription wants another version of this event")
        } else {
            said(Reason::NameDiffers, "none of the subscription's event types is the event's name")
        };
    }
    let is_in_time = |start: Time| start <= emit.accepted_at;
    if subscription.created_at > emit.accepted_at && subscription.start_at.is_some_and(is_in_time) {
        return if facts.is_catching_up { waiting(emit) } else { left_out(facts, subscription.created_at) };
    }
    if subscription.created_at > emit.accepted_at {
        return said(Reason::CreatedLater, "the subscription was created after the event was accepted");
    }
    if let Some(disabled) = &subscription.disabled {
        return said(Reason::EndpointDisabled, &disabled.reason);
    }
    if !subscription.is_active {
        return said(Reason::Inactive, "the subscription is paused");
    }
    let Some(routed_at) = facts.routed_at else { return waiting(emit) };
    if subscription.updated_at > emit.accepted_at {
        return said(
            Reason::CreatedLater,
            "the subscription was changed after the event was accepted; as it was then it did not get the event",
        );
    }
    left_out(facts, routed_at)
}

fn waiting(emit: &Emit) -> Explanation {
    let matched = ExplainStep::new(Stage::Match, "matched", emit.accepted_at, None);
    let waiting = ExplainStep::new(Stage::Route, "waiting", emit.accepted_at, None);
    Explanation { matched: true, reason: Reason::Pending, steps: vec![matched, waiting] }
}

fn left_out(facts: &Facts<'_>, at: Time) -> Explanation {
    let (emit, subscription) = (facts.emit, facts.subscription);
    let message = match subscription.terms.filter {
        Some(_) => "the router left the subscription out: its filter does not match the payload",
        None => "the router left the subscription out",
    };
    let steps = vec![
        ExplainStep::new(Stage::Match, "matched", emit.accepted_at, None),
        ExplainStep::new(Stage::Route, "left_out", at, Some(message.to_owned())).by(facts.router),
    ];
    Explanation { matched: true, reason: Reason::NotRouted, steps }
}

/// Whether one of the subscription's event types names the event, in another version.
fn wants_another_version(subscription: &Subscription, emit: &Emit) -> bool {
    let Subject::Custom { event, .. } = &emit.subject else { return false };
    let all = EventType::of_event(&subscription.organization_id, event, None);
    let stem = all.as_str().trim_end_matches('*');
    subscription.event_types.iter().any(|wanted| wanted.as_str().starts_with(stem))
}
