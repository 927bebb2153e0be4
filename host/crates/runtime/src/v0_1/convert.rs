//! Values of `wit/0.1` from and to those of the domain.

use super::bindings::{
    adapter::{exports::weir::plugin::delivery, weir::plugin::types},
    router::exports::weir::plugin::routing,
    transformer::exports::weir::plugin::transformation,
};
use crate::{
    domain::{
        event::{Candidate, Destination, Event, Request},
        limits::FAILURE_MESSAGE_BYTES_MAX,
    },
    runtime::{capability::log::cut, fault::Failure, output::Transformed},
};

/// Borrows pairs the way that bindings want them.
pub(super) fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

pub(super) fn event<'a>(event: &'a Event, attributes: &'a [(&'a str, &'a str)]) -> types::Event<'a> {
    types::Event {
        id: &event.id,
        canonical_name: &event.canonical_name,
        organization_id: &event.organization_id,
        namespace: &event.namespace,
        name: &event.name,
        version: &event.version,
        accepted_at_ms: event.accepted_at_ms,
        payload: &event.payload,
        attributes,
    }
}

pub(super) fn candidate<'a>(candidate: &'a Candidate, labels: &'a [(&'a str, &'a str)]) -> routing::Candidate<'a> {
    routing::Candidate { subscription_id: &candidate.subscription_id, filter: &candidate.filter, labels }
}

pub(super) fn destinations(destinations: Vec<routing::Destination>) -> Vec<Destination> {
    let destination = |d: routing::Destination| Destination {
        subscription_id: d.subscription_id,
        delay_ms: d.delay_ms,
        attributes: d.attributes,
    };
    destinations.into_iter().map(destination).collect()
}

pub(super) fn transformed(transformed: transformation::Transformed) -> Transformed {
    Transformed { payload: transformed.payload, attributes: transformed.attributes }
}

pub(super) fn request(request: delivery::Request) -> Request {
    Request { method: request.method, url: request.url, headers: request.headers, body: request.body }
}

/// A component's own failure. Its words are kept short, as they stand beside every attempt.
pub(super) fn failure(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::Retry((message, after_ms)) => {
            Failure::Retry { message: cut(message, FAILURE_MESSAGE_BYTES_MAX), after_ms }
        }
        types::Failure::Reject(message) => Failure::Reject(cut(message, FAILURE_MESSAGE_BYTES_MAX)),
    }
}
