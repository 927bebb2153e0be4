//! Asking the router which subscriptions get an event.
//!
//! One call is offered at most [`ROUTER_CANDIDATES_MAX`] candidates. When filters and payload are both
//! so large that they use up its budget all the same, it is made again with a few at a time, which
//! may take seconds.

use std::{collections::HashMap, sync::Arc};

use weir_runtime::{BuiltIn, Candidate, Destination, Event, Failure, FaultKind, RouterCall, Runtime};

use crate::{
    domain::{limits::ROUTER_CANDIDATES_MAX, subscription::Target},
    error::{Error, Result},
};

/// The filter of a subscription that has none.
const NO_FILTER: &str = "null";

/// Candidates of a call where a thousand were too many: as many with the slowest filters fit a call
/// with the slowest payload.
const CAREFUL: usize = 8;

/// How much may be done to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// A call for each thousand candidates.
    OneCallEach,
    /// Many calls where one is not enough, which takes seconds.
    AsManyAsItTakes,
}

/// The targets that get an emit, with what the router says about each; `None` when that takes more
/// effort.
pub(super) async fn choose(
    runtime: &Runtime,
    call: &RouterCall,
    event: &Event<'_>,
    targets: &[Arc<Target>],
    effort: Effort,
) -> Result<Option<Vec<(Arc<Target>, Destination)>>> {
    let mut left: Vec<&[Arc<Target>]> = targets.chunks(ROUTER_CANDIDATES_MAX).rev().collect();
    let mut chosen = Vec::new();
    while let Some(some) = left.pop() {
        match ask(runtime, call, event, some) {
            Ok(destinations) => add(&mut chosen, some, destinations),
            Err(failure) if is_too_much(&failure) && some.len() > CAREFUL => {
                if effort == Effort::OneCallEach {
                    return Ok(None);
                }
                left.extend(some.chunks(CAREFUL).rev());
            }
            Err(failure) => return Err(refusal(&failure)),
        }
        // A call takes milliseconds when there are many candidates: others have their turn.
        tokio::task::yield_now().await;
    }
    Ok(Some(chosen))
}

fn ask(
    runtime: &Runtime,
    call: &RouterCall,
    event: &Event<'_>,
    targets: &[Arc<Target>],
) -> Result<Vec<Destination>, Failure> {
    let candidates: Vec<_> = targets.iter().map(|target| candidate(target)).collect();
    let outcome = runtime.route(runtime.builtin(BuiltIn::Router), call, event, &candidates);
    for line in &outcome.logs.lines {
        tracing::warn!(emit = %event.id, level = line.level.as_str(), "the router says of emit {}: {}", event.id, line.message);
    }
    outcome.result
}

fn candidate(target: &Target) -> Candidate<'_> {
    Candidate {
        subscription_id: target.receiver.as_str(),
        filter: target.terms.filter.as_deref().unwrap_or(NO_FILTER),
        labels: target.terms.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    }
}

/// Adds what was chosen among these targets.
fn add(chosen: &mut Vec<(Arc<Target>, Destination)>, targets: &[Arc<Target>], destinations: Vec<Destination>) {
    if destinations.is_empty() {
        return;
    }
    let by_id: HashMap<&str, &Arc<Target>> = targets.iter().map(|target| (target.receiver.as_str(), target)).collect();
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

fn refusal(failure: &Failure) -> Error {
    crate::fail!(InternalError, "the router failed: {}", failure.message())
}

#[cfg(test)]
mod tests {
    use weir_runtime::{Budget, Settings};

    use super::*;
    use crate::domain::{
        headers::StaticHeaders,
        id::OrganizationId,
        receiver::ReceiverId,
        signature::{Secret, Secrets},
        subscription::Terms,
    };

    fn target(number: usize, filter: Option<&str>) -> Arc<Target> {
        Arc::new(Target {
            receiver: ReceiverId::stored(&format!("evs_{number}")),
            organization_id: OrganizationId::stored("org_1"),
            url: "https://receiver.example".to_owned(),
            is_active: true,
            disabled: None,
            failing_since: None,
            terms: Terms { filter: filter.map(Into::into), ..Terms::default() },
            secrets: Secrets::new(Secret::parse("long enough").expect("a secret"), None),
            headers: StaticHeaders::default(),
            since_revision: 0,
            group_id: None,
        })
    }

    async fn chosen(payload: &str, targets: &[Arc<Target>], effort: Effort) -> Option<Vec<(String, usize)>> {
        let budget = Budget { duration_ms: 600_000, ..Budget::default() };
        let runtime = Runtime::new(Settings { budget, ..Settings::default() }).expect("a runtime starts");
        let call = RouterCall { organization: "org_1".into(), config: "{}".into(), budget: None };
        let event = Event {
            id: "evt_1",
            canonical_name: "TENANT_CUSTOM:org_1:a.b@1.0.0",
            organization_id: "org_1",
            namespace: "a",
            name: "b",
            version: "1.0.0",
            accepted_at_ms: 0,
            payload,
            attributes: &[],
        };
        let chosen = choose(&runtime, &call, &event, targets, effort).await.expect("is routed")?;
        let shown = |(target, destination): (Arc<Target>, Destination)| {
            assert_eq!(target.receiver.as_str(), destination.subscription_id);
            (destination.subscription_id, destination.attributes.len())
        };
        Some(chosen.into_iter().map(shown).collect())
    }

    #[tokio::test]
    async fn more_candidates_than_one_call_takes_are_offered_in_several() {
        let count = ROUTER_CANDIDATES_MAX * 2 + 1;
        let filter = |number: usize| (number % 2 == 1).then_some(r#"{"a":[2]}"#);
        let targets: Vec<_> = (0..count).map(|number| target(number, filter(number))).collect();
        let chosen = chosen(r#"{"a":1}"#, &targets, Effort::OneCallEach).await.expect("one call each is enough");
        assert_eq!(chosen.len(), count.div_ceil(2));
        assert_eq!(chosen.last().map(|(id, _)| id.as_str()), targets.last().map(|target| target.receiver.as_str()));
    }

    #[tokio::test]
    async fn what_does_not_fit_one_call_is_asked_in_small_parts() {
        let payload = format!(r#"{{"a":"{}"}}"#, "a".repeat(150_000));
        let filter = r#"{"a":[{"wildcard":"*aaaaaaaab*b"},{"wildcard":"*aaaaaaaab*c"}]}"#;
        let targets: Vec<_> = (0..30).map(|number| target(number, Some(filter))).collect();
        assert_eq!(chosen(&payload, &targets, Effort::OneCallEach).await, None);
        let chosen = chosen(&payload, &targets, Effort::AsManyAsItTakes).await.expect("whatever it takes");
        // Nobody can say in time whether they match, so they are marked.
        let expected: Vec<_> = targets.iter().map(|target| (target.receiver.to_string(), 1)).collect();
        assert_eq!(chosen, expected);
    }
}
