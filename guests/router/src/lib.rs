//! The built-in router: every candidate gets the event, at once and unchanged.

mod bindings {
    wit_bindgen::generate!({ path: "../../wit/0.1", world: "router" });
}

use bindings::exports::weir::plugin::routing::{Candidate, Destination, Event, Failure, Guest};

struct Router;

impl Guest for Router {
    fn route(_event: Event, candidates: Vec<Candidate>) -> Result<Vec<Destination>, Failure> {
        Ok(candidates.into_iter().map(at_once).collect())
    }
}

fn at_once(candidate: Candidate) -> Destination {
    Destination { subscription_id: candidate.subscription_id, delay_ms: 0, attributes: Vec::new() }
}

bindings::export!(Router with_types_in bindings);
