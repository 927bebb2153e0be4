//! Asking the router which subscriptions get an event.
//!
//! One call is offered at most [`ROUTER_CANDIDATES_MAX`] candidates. A call that uses up its budget
//! all the same, because filters and payload are both large, is made again in two halves, down to a
//! single candidate.

use std::{collections::HashMap, sync::Arc};

use super::Shared;
use crate::{
    domain::{
        emit::Emit,
        event::{Candidate, Destination, Event},
        limits::ROUTER_CANDIDATES_MAX,
        subscription::Target,
    },
    error::Result,
    runtime::{Call, Failure, FaultKind, Runtime},
};

/// What a router without a configuration of its own is given.
const NO_CONFIG: &str = "{}";
/// The filter of a subscription that has none.
const NO_FILTER: &str = "null";

/// The targets that get an emit, with what the router says about each.
pub(super) async fn choose(
    shared: &Shared,
    emit: &Emit,
    targets: &[Arc<Target>],
) -> Result<Vec<(Arc<Target>, Destination)>> {
    let call = Call {
        organization: emit.organization_id.clone(),
        config: NO_CONFIG.into(),
        subscription_id: None,
        attempt: 1,
        attempted_at: emit.accepted_at,
    };
    let event = emit.as_event(Vec::new());
    let mut left: Vec<&[Arc<Target>]> = targets.chunks(ROUTER_CANDIDATES_MAX).rev().collect();
    let mut chosen = Vec::new();
    while let Some(some) = left.pop() {
        match ask(&shared.runtime, &call, &event, some) {
            Ok(destinations) => add(&mut chosen, some, destinations),
            Err(failure) if is_too_much(&failure) && some.len() > 1 => {
                let (first, second) = some.split_at(some.len() / 2);
                left.extend([second, first]);
            }
            Err(failure) => return Err(refusal(&failure, some)),
        }
        // A call takes milliseconds when there are many candidates: others have their turn.
        tokio::task::yield_now().await;
    }
    Ok(chosen)
}

fn ask(runtime: &Runtime, call: &Call, event: &Event, targets: &[Arc<Target>]) -> Result<Vec<Destination>, Failure> {
    let candidate = |target: &Arc<Target>| Candidate {
        subscription_id: target.subscription_id.to_string(),
        filter: target.terms.filter.as_deref().unwrap_or(NO_FILTER).to_owned(),
        labels: target.terms.labels.clone(),
    };
    let candidates: Vec<Candidate> = targets.iter().map(candidate).collect();
    let outcome = runtime.route(runtime.router(), call, event, &candidates);
    for line in &outcome.logs.lines {
        tracing::warn!(emit = %event.id, level = line.level.as_str(), "the router says of emit {}: {}", event.id, line.message);
    }
    outcome.result
}

/// Adds what was chosen among these targets.
fn add(chosen: &mut Vec<(Arc<Target>, Destination)>, targets: &[Arc<Target>], destinations: Vec<Destination>) {
    if destinations.is_empty() {
        return;
    }
    let by_id: HashMap<&str, &Arc<Target>> =
        targets.iter().map(|target| (target.subscription_id.as_str(), target)).collect();
    // The runtime lets nobody through who was no candidate.
    let found = |destination: Destination| {
        let target = *by_id.get(destination.subscription_id.as_str())?;
        Some((target.clone(), destination))
    };
    chosen.extend(destinations.into_iter().filter_map(found));
}

/// Whether fewer candidates may succeed where these did not.
fn is_too_much(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { kind: FaultKind::OutOfFuel | FaultKind::Deadline | FaultKind::Memory, .. })
}

fn refusal(failure: &Failure, targets: &[Arc<Target>]) -> crate::error::Error {
    let (Failure::Retry { message, .. } | Failure::Reject(message) | Failure::Fault { message, .. }) = failure;
    match targets {
        [only] => crate::fail!(InternalError, "the router failed on {}: {message}", only.subscription_id),
        _ => crate::fail!(InternalError, "the router failed: {message}"),
    }
}
