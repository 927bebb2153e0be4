//! The built-in router: a candidate gets the event when its filter matches the payload, at once
//! and unchanged.
//!
//! [`json`] reads JSON text, [`payload`] holds a payload and [`filter`] a filter; [`matches`] compares
//! the two. `docs/filters.md` says what filters mean, and `tests/corpus/filters.json` shows it case by
//! case.

mod bindings {
    wit_bindgen::generate!({ path: "../../wit/0.1", world: "router" });
}
mod filter;
mod json;
mod matches;
mod number;
mod payload;
mod text;

use bindings::{
    exports::weir::plugin::routing::{Candidate, Destination, Event, Failure, Guest},
    weir::plugin::log::{self, Level},
};
use filter::Filter;
use json::Malformed;
use matches::Decision;
use payload::Value;

/// The filter of a subscription that has none.
const NO_FILTER: &str = "null";
/// The attribute of an event whose filter took too long.
const UNDECIDED: &str = "filter-undecided";

struct Router;

impl Guest for Router {
    fn route(event: Event, candidates: Vec<Candidate>) -> Result<Vec<Destination>, Failure> {
        let decisions = decide(&event.payload, &candidates)
            .map_err(|Malformed| Failure::Reject("the payload is no JSON that can be read".to_owned()))?;
        Ok(candidates.into_iter().zip(decisions).filter_map(destination).collect())
    }
}

/// Decides on each candidate by its filter. The payload is read once, and only if a candidate
/// has a filter; filters are read one after the other into the same memory.
fn decide(payload: &str, candidates: &[Candidate]) -> Result<Vec<Decision>, Malformed> {
    let mut decisions = Vec::with_capacity(candidates.len());
    let mut filter = Filter::default();
    let mut read = None;
    for candidate in candidates {
        if candidate.filter == NO_FILTER {
            decisions.push(Decision::Matches);
            continue;
        }
        let payload = match &read {
            Some(payload) => payload,
            None => read.insert(Value::read(payload)?),
        };
        decisions.push(match filter.read(&candidate.filter) {
            Ok(()) => filter.decide(payload),
            Err(Malformed) => refuse(candidate),
        });
    }
    Ok(decisions)
}

/// Sends nothing for a filter that cannot be read, and logs it. The host checked the filter when it was
/// set, so this is a bug of the host or of the router; sending an event that the filter was to keep away
/// would be worse than not sending it, as long as it does not go unnoticed.
fn refuse(candidate: &Candidate) -> Decision {
    let id = &candidate.subscription_id;
    log::write(Level::Error, &format!("the filter of {id} cannot be read, so it gets nothing"));
    Decision::Misses
}

/// Sends an event that a filter cannot decide on in time, and marks it: a receiver can drop an event
/// too many, and could not make up for a missing one.
fn destination((candidate, decision): (Candidate, Decision)) -> Option<Destination> {
    let attributes = match decision {
        Decision::Misses => return None,
        Decision::Matches => Vec::new(),
        Decision::TakesTooLong => vec![(UNDECIDED.to_owned(), "true".to_owned())],
    };
    Some(Destination { subscription_id: candidate.subscription_id, delay_ms: 0, attributes })
}

bindings::export!(Router with_types_in bindings);

#[cfg(test)]
mod tests;
