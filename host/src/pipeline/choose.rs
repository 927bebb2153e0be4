//! Asks the router which endpoints get an event.
//!
//! One call is offered at most [`ROUTER_CANDIDATES_MAX`] candidates. [`choose_quickly`] makes such calls on
//! the calling thread, all of them together within a fraction of what one call may use. When filters and
//! payload are so large, or subscriptions so many, that this is not enough, [`choose`] makes each call on a
//! thread of [`CpuPool`] in the organization's turn, with fewer candidates where it has to: that may take
//! seconds.

use std::{collections::HashMap, sync::Arc};

use weir_runtime::{Budget, BuiltIn, Candidate, Destination, Digest, Failure, FaultKind, LogLine, RouterCall, Runtime};

use super::event_view::EventView;
use crate::{
    domain::{
        component::LogEntry,
        emit::Emit,
        limits::{QUICK_CHOICE_FUEL_MAX, ROUTER_CANDIDATES_MAX},
        subscription::Endpoint,
        time::Time,
    },
    error::{Error, Result},
    fail,
    sync::CpuPool,
};

/// The filter of a subscription that has none.
const NO_FILTER: &str = "null";
/// The configuration of the built-in router.
const NO_CONFIG: &str = "{}";
/// Candidates of one call after a call with more of them was too much: this many with the slowest filters fit
/// a call with the slowest payload.
const CANDIDATES_OF_CAREFUL_CALL: usize = 8;

/// A router's choice for an event.
pub struct Choice {
    /// The digest of the router.
    pub router: Digest,
    /// The endpoints that get the event, with what the router added for each.
    pub chosen: Vec<(Arc<Endpoint>, Destination)>,
    /// Lines that the router wrote.
    pub logs: Vec<LogLine>,
}

impl Choice {
    fn of(router: Digest) -> Self {
        Self { router, chosen: Vec::new(), logs: Vec::new() }
    }

    /// The router's lines as log entries about the emit.
    pub fn lines_about(&self, emit: &Emit, now: Time) -> Vec<LogEntry> {
        let entry = |line: &LogLine| LogEntry {
            organization_id: emit.organization_id.clone(),
            component: self.router,
            emit_id: emit.id.clone(),
            attempt: None,
            level: line.level.as_str(),
            message: line.message.clone(),
            at: now,
        };
        self.logs.iter().map(entry).collect()
    }
}

/// Asks on the calling thread; `None` when the calls need more than [`QUICK_CHOICE_FUEL_MAX`] together.
pub fn choose_quickly(runtime: &Runtime, emit: &Emit, endpoints: &[Arc<Endpoint>]) -> Result<Option<Choice>, Failure> {
    let mut fuel = QUICK_CHOICE_FUEL_MAX;
    let mut choice = Choice::of(runtime.builtin(BuiltIn::Router).digest());
    for some in endpoints.chunks(ROUTER_CANDIDATES_MAX) {
        let budget = Budget { fuel, ..Budget::default() };
        match ask(runtime, Some(budget), emit, some, &mut choice) {
            Ok(used) => fuel = fuel.saturating_sub(used),
            Err(failure) if is_too_much(&failure) => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Some(choice))
}

/// Asks with as many calls as it takes, each on a thread of `cpu` and in the turn of the emit's organization.
pub async fn choose(
    runtime: &Runtime,
    cpu: &CpuPool,
    emit: &Arc<Emit>,
    endpoints: &[Arc<Endpoint>],
) -> Result<Result<Choice, Failure>> {
    let mut left: Vec<&[Arc<Endpoint>]> = endpoints.chunks(ROUTER_CANDIDATES_MAX).rev().collect();
    let mut choice = Choice::of(runtime.builtin(BuiltIn::Router).digest());
    while let Some(some) = left.pop() {
        let call = {
            let (runtime, emit, some) = (runtime.clone(), emit.clone(), some.to_vec());
            move || {
                let mut part = Choice::of(runtime.builtin(BuiltIn::Router).digest());
                ask(&runtime, None, &emit, &some, &mut part).map(|_fuel| part)
            }
        };
        match cpu.run(&emit.organization_id, call).await? {
            Ok(part) => {
                choice.chosen.extend(part.chosen);
                choice.logs.extend(part.logs);
            }
            Err(failure) if is_too_much(&failure) && some.len() > CANDIDATES_OF_CAREFUL_CALL => {
                left.extend(some.chunks(CANDIDATES_OF_CAREFUL_CALL).rev());
            }
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(choice))
}

/// Calls the router once, adds its answer to the choice, and returns the fuel that it used.
fn ask(
    runtime: &Runtime,
    budget: Option<Budget>,
    emit: &Emit,
    endpoints: &[Arc<Endpoint>],
    choice: &mut Choice,
) -> Result<u64, Failure> {
    let call = RouterCall { organization: emit.organization_id.shared(), config: NO_CONFIG.into(), budget };
    let candidates: Vec<Candidate<'_>> = endpoints.iter().map(|endpoint| candidate(endpoint)).collect();
    let view = EventView::of(emit, None, []);
    let outcome = runtime.route(runtime.builtin(BuiltIn::Router), &call, &view.event(), &candidates);
    choice.logs.extend(outcome.logs.lines);
    add(&mut choice.chosen, endpoints, outcome.result?);
    Ok(outcome.fuel)
}

fn candidate(endpoint: &Endpoint) -> Candidate<'_> {
    Candidate {
        subscription_id: endpoint.receiver.as_str(),
        filter: endpoint.terms.filter.as_deref().unwrap_or(NO_FILTER),
        labels: endpoint.terms.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    }
}

/// Adds the endpoints of the router's destinations.
fn add(chosen: &mut Vec<(Arc<Endpoint>, Destination)>, endpoints: &[Arc<Endpoint>], destinations: Vec<Destination>) {
    if destinations.is_empty() {
        return;
    }
    let by_id: HashMap<&str, &Arc<Endpoint>> =
        endpoints.iter().map(|endpoint| (endpoint.receiver.as_str(), endpoint)).collect();
    // The runtime has refused an answer with a receiver that was no candidate.
    let found = |destination: Destination| {
        let endpoint = *by_id.get(destination.subscription_id.as_str())?;
        Some((endpoint.clone(), destination))
    };
    chosen.extend(destinations.into_iter().filter_map(found));
}

/// Whether the call used up its budget, so that one with fewer candidates may succeed.
fn is_too_much(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { kind: FaultKind::OutOfFuel | FaultKind::Deadline | FaultKind::Memory, .. })
}

/// The error of an emit that cannot be routed because the router failed.
pub fn refusal(failure: &Failure) -> Error {
    fail!(InternalError, "the router failed: {}", failure.message())
}

#[cfg(test)]
mod tests {
    use weir_runtime::Settings;

    use super::*;
    use crate::domain::{
        emit::{Fact, Subject},
        headers::StaticHeaders,
        id::{EmitId, OrganizationId, ProgramId},
        receiver::ReceiverId,
        signature::{Secret, Secrets},
        subscription::Terms,
    };

    fn endpoint(number: usize, filter: Option<&str>) -> Arc<Endpoint> {
        Arc::new(Endpoint {
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
            program_id: ProgramId::stored("prg_1"),
        })
    }

    fn emit(payload: &str) -> Arc<Emit> {
        Arc::new(Emit {
            id: EmitId::new(Time::from_millis(0), 1),
            organization_id: OrganizationId::stored("org_1"),
            subject: Subject::Ingested(Fact { event_type: "a.b".to_owned(), entity: None }),
            payload: payload.into(),
            idempotency: None,
            chain_depth: 0,
            emitted_by: "test".to_owned(),
            accepted_at: Time::from_millis(0),
            revision: 1,
            source: None,
        })
    }

    fn runtime() -> Runtime {
        let budget = Budget { duration_ms: 600_000, ..Budget::default() };
        Runtime::new(Settings { budget, ..Settings::default() }).expect("a runtime starts")
    }

    fn ids(choice: &Choice) -> Vec<&str> {
        let id = |(endpoint, destination): &'_ (Arc<Endpoint>, Destination)| {
            assert_eq!(endpoint.receiver.as_str(), destination.subscription_id);
        };
        choice.chosen.iter().for_each(id);
        choice.chosen.iter().map(|(endpoint, _)| endpoint.receiver.as_str()).collect()
    }

    #[test]
    fn more_candidates_than_one_call_takes_are_offered_in_several() {
        let count = ROUTER_CANDIDATES_MAX * 2 + 1;
        let filter = |number: usize| (number % 2 == 1).then_some(r#"{"a":[2]}"#);
        let endpoints: Vec<_> = (0..count).map(|number| endpoint(number, filter(number))).collect();
        let choice = choose_quickly(&runtime(), &emit(r#"{"a":1}"#), &endpoints);
        let choice = choice.expect("it is routed").expect("within the quick calls");
        assert_eq!(choice.chosen.len(), count.div_ceil(2));
        assert_eq!(ids(&choice).last(), endpoints.last().map(|endpoint| endpoint.receiver.as_str()).as_ref());
    }

    #[tokio::test]
    async fn quick_choice_fuel_max() {
        let emit = emit(&format!(r#"{{"a":"{}"}}"#, "a".repeat(150_000)));
        let filter = r#"{"a":[{"wildcard":"*aaaaaaaab*b"},{"wildcard":"*aaaaaaaab*c"}]}"#;
        let endpoints: Vec<_> = (0..30).map(|number| endpoint(number, Some(filter))).collect();
        let runtime = runtime();
        assert!(choose_quickly(&runtime, &emit, &endpoints).expect("it is tried").is_none());
        let choice =
            choose(&runtime, &CpuPool::start().expect("threads start"), &emit, &endpoints).await.expect("it runs");
        let choice = choice.expect("it is routed in small parts");
        // The filters take too long to tell whether they match, so their endpoints get the event, with an
        // attribute that marks it.
        assert!(choice.chosen.iter().all(|(_, destination)| destination.attributes.len() == 1));
        assert_eq!(ids(&choice), endpoints.iter().map(|endpoint| endpoint.receiver.as_str()).collect::<Vec<_>>());
    }
}
