//! The built-in router: a candidate gets the event when its filter matches the payload, at once
//! and unchanged.
//!
//! [`json`] reads JSON text, [`payload`] keeps all of a payload and [`filter`] what a filter says;
//! [`matches`] puts one against the other. What a filter means is written down in
//! `docs/filters.md`, and case by case in `tests/corpus/filters.json`.

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
use payload::Value;

/// The filter of a subscription that has none.
const NO_FILTER: &str = "null";

struct Router;

impl Guest for Router {
    fn route(event: Event, candidates: Vec<Candidate>) -> Result<Vec<Destination>, Failure> {
        let chosen = choose(&event.payload, &candidates)
            .map_err(|malformed| Failure::Reject(format!("the payload cannot be read: {malformed}")))?;
        let pairs = candidates.into_iter().zip(chosen);
        Ok(pairs.filter(|(_, is_chosen)| *is_chosen).map(|(candidate, _)| at_once(candidate)).collect())
    }
}

/// Says of each candidate whether it gets the event. The payload is read once, and only if a
/// candidate has a filter; filters are read one after the other into the same memory.
fn choose(payload: &str, candidates: &[Candidate]) -> Result<Vec<bool>, Malformed> {
    let mut chosen = Vec::with_capacity(candidates.len());
    let mut filter = Filter::default();
    let mut read = None;
    for candidate in candidates {
        if candidate.filter == NO_FILTER {
            chosen.push(true);
            continue;
        }
        let payload = match &read {
            Some(payload) => payload,
            None => read.insert(Value::read(payload)?),
        };
        chosen.push(match filter.read(&candidate.filter) {
            Ok(()) => filter.matches(payload),
            Err(malformed) => refuse(candidate, &malformed),
        });
    }
    Ok(chosen)
}

/// The host checked every filter when it was set, so this is a bug of one of us. Sending what the
/// filter was to keep away would be worse than not sending, as long as it does not go unnoticed.
fn refuse(candidate: &Candidate, malformed: &Malformed) -> bool {
    let id = &candidate.subscription_id;
    log::write(Level::Error, &format!("the filter of {id} cannot be read, so it gets nothing: {malformed}"));
    false
}

fn at_once(candidate: Candidate) -> Destination {
    Destination { subscription_id: candidate.subscription_id, delay_ms: 0, attributes: Vec::new() }
}

bindings::export!(Router with_types_in bindings);

#[cfg(test)]
mod tests;
