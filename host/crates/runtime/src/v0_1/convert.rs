//! Converts values of `wit/0.1` from and to those of this crate.

use super::bindings::{
    adapter::{exports::weir::plugin::delivery, weir::plugin::types},
    router::exports::weir::plugin::routing,
    transformer::exports::weir::plugin::transformation,
};
use crate::{
    capability::log::cut,
    event::{Candidate, Destination, Event, Request, Transformed},
    failure::Failure,
    limits::FAILURE_MESSAGE_BYTES_MAX,
};

pub(super) fn event<'a>(event: &Event<'a>) -> types::Event<'a> {
    types::Event {
        id: event.id,
        canonical_name: event.canonical_name,
        organization_id: event.organization_id,
        namespace: event.namespace,
        name: event.name,
        version: event.version,
        accepted_at_ms: event.accepted_at_ms,
        payload: event.payload,
        attributes: event.attributes,
    }
}

pub(super) fn candidate<'a>(candidate: &'a Candidate<'_>) -> routing::Candidate<'a> {
    routing::Candidate {
        subscription_id: candidate.subscription_id,
        filter: candidate.filter,
        labels: &candidate.labels,
    }
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

/// Converts a component's own failure. Its words are cut, as they are stored with every attempt.
pub(super) fn failure(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::Retry((message, after_ms)) => {
            Failure::Retry { message: cut(message, FAILURE_MESSAGE_BYTES_MAX), after_ms }
        }
        types::Failure::Reject(message) => Failure::Reject(cut(message, FAILURE_MESSAGE_BYTES_MAX)),
    }
}
