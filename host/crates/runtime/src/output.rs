//! The outcome of a call, and the checks that a component's answer stays within its rights.

use std::{collections::HashSet, time::Duration};

use serde::de::IgnoredAny;

use crate::{
    capability::log::Logs,
    event::{Candidate, Destination, Request, Transformed},
    failure::{Failure, FaultKind},
    limits::{ATTRIBUTES_MAX, REQUEST_HEADERS_MAX, ROUTER_DELAY_MS_MAX},
};

/// The outcome of a call, whether it gave an answer or not.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The answer, or the reason why there is none.
    pub result: Result<T, Failure>,
    /// Fuel that the component used, roughly instructions.
    pub fuel: u64,
    /// Time that the call took, with setting up and clearing away.
    pub duration: Duration,
    /// Bytes of memory that the instance held in the end, which is its peak.
    pub memory_bytes: u64,
    /// The lines that the component wrote.
    pub logs: Logs,
}

impl<T> Outcome<T> {
    /// Takes the answer only if it passes.
    pub(crate) fn checked(mut self, check: impl FnOnce(&T) -> Result<(), Failure>) -> Self {
        self.result = self.result.and_then(|answer| check(&answer).map(|()| answer));
        self
    }
}

/// Checks a router's answer: it may choose among the candidates, each at most once, and put each off for a while.
pub(crate) fn check_destinations(
    destinations: &[Destination],
    candidates: &[Candidate<'_>],
    bytes_max: usize,
) -> Result<(), Failure> {
    let mut left: HashSet<&str> = candidates.iter().map(|candidate| candidate.subscription_id).collect();
    for destination in destinations {
        let id = destination.subscription_id.as_str();
        if !left.remove(id) {
            return refuse(format!("the router chose {id:?}, which is no candidate, or chose it twice"));
        }
        let delay_ms = destination.delay_ms;
        if delay_ms > ROUTER_DELAY_MS_MAX {
            return refuse(format!("the router puts {id} off by {delay_ms} ms; the most is {ROUTER_DELAY_MS_MAX}"));
        }
        check_count("attributes", destination.attributes.len(), ATTRIBUTES_MAX)?;
    }
    check_bytes(destinations.iter().map(|d| bytes_of(&d.attributes)).sum(), bytes_max)
}

/// Checks a transformer's answer: it may be any JSON text.
pub(crate) fn check_transformed(transformed: &Transformed, bytes_max: usize) -> Result<(), Failure> {
    check_count("attributes", transformed.attributes.len(), ATTRIBUTES_MAX)?;
    check_bytes(transformed.payload.len() + bytes_of(&transformed.attributes), bytes_max)?;
    match serde_json::from_str::<IgnoredAny>(&transformed.payload) {
        Ok(_) => Ok(()),
        Err(error) => refuse(format!("the transformed payload is no JSON: {error}")),
    }
}

/// Checks an adapter's answer: it may describe any request, as its target is checked by the sender.
pub(crate) fn check_request(request: &Request, bytes_max: usize) -> Result<(), Failure> {
    check_count("headers", request.headers.len(), REQUEST_HEADERS_MAX)?;
    let Request { method, url, headers, body } = request;
    check_bytes(method.len() + url.len() + bytes_of(headers) + body.len(), bytes_max)
}

fn check_count(what: &str, count: usize, count_max: usize) -> Result<(), Failure> {
    if count > count_max {
        return refuse(format!("the answer has {count} {what}; the most is {count_max}"));
    }
    Ok(())
}

fn check_bytes(bytes: usize, bytes_max: usize) -> Result<(), Failure> {
    if bytes > bytes_max {
        return refuse(format!("the answer has {bytes} bytes; the most is {bytes_max}"));
    }
    Ok(())
}

fn bytes_of(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn refuse(message: String) -> Result<(), Failure> {
    Err(Failure::fault(FaultKind::Output, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> [Candidate<'static>; 2] {
        ["a", "b"].map(|id| Candidate { subscription_id: id, filter: "null", labels: Vec::new() })
    }

    fn destination(id: &str) -> Destination {
        Destination { subscription_id: id.into(), delay_ms: 0, attributes: Vec::new() }
    }

    fn attributes(count: usize) -> Vec<(String, String)> {
        vec![("n".to_owned(), "v".to_owned()); count]
    }

    #[test]
    fn a_router_chooses_among_its_candidates() {
        let check = |ids: &[&str]| {
            let chosen: Vec<_> = ids.iter().map(|id| destination(id)).collect();
            check_destinations(&chosen, &candidates(), 0).is_ok()
        };
        assert!(check(&[]) && check(&["b"]) && check(&["b", "a"]));
        assert!(!check(&["c"]) && !check(&["a", "a"]) && !check(&["a", "b", "c"]));
    }

    #[test]
    fn router_delay_ms_max() {
        let check = |delay_ms| check_destinations(&[Destination { delay_ms, ..destination("a") }], &candidates(), 0);
        assert!(check(ROUTER_DELAY_MS_MAX).is_ok());
        assert!(check(ROUTER_DELAY_MS_MAX + 1).is_err());
    }

    #[test]
    fn attributes_max() {
        let check = |count| {
            let chosen = Destination { attributes: attributes(count), ..destination("a") };
            let transformed = Transformed { payload: "1".to_owned(), attributes: attributes(count) };
            [check_destinations(&[chosen], &candidates(), 1_000), check_transformed(&transformed, 1_000)]
        };
        assert!(check(ATTRIBUTES_MAX).iter().all(Result::is_ok));
        assert!(check(ATTRIBUTES_MAX + 1).iter().all(Result::is_err));
    }

    #[test]
    fn request_headers_max() {
        let request = |count| Request {
            method: "POST".to_owned(),
            url: String::new(),
            headers: attributes(count),
            body: Vec::new(),
        };
        assert!(check_request(&request(REQUEST_HEADERS_MAX), 1_000).is_ok());
        assert!(check_request(&request(REQUEST_HEADERS_MAX + 1), 1_000).is_err());
    }

    #[test]
    fn every_byte_of_an_answer_counts() {
        let request =
            Request { method: "PUT".to_owned(), url: "u".to_owned(), headers: attributes(1), body: vec![0; 4] };
        assert!(check_request(&request, 10).is_ok());
        assert!(check_request(&request, 9).is_err());
    }
}
