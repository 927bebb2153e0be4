//! Judges an attempt: what becomes of the delivery, and how the endpoint responded.

use weir_runtime::{Blame, Failure};

use crate::{
    domain::{
        delivery::{AttemptFailure, GONE, GUARD_REFUSED},
        flow::EndpointResponse,
    },
    outbound::{FailureKind, SendOutcome, Sent},
};

/// Faults of this host that a delivery may have before a name whose servers do not answer, or an address that
/// the operator does not allow, counts as the endpoint's own fault: about a day of them, as the waits in
/// between are five minutes at most.
const HELD_FAULTS_MAX: i64 = 300;

/// The result of an attempt.
pub struct Judgement {
    /// The HTTP status that the endpoint answered; `None` without an answer.
    pub response_status: Option<u16>,
    /// Why the attempt is no success; `None` if it is one, or the transformer left the event out.
    pub error_message: Option<String>,
    /// The kind of failure; `None` if there is none, or it is the host's own.
    pub failure: Option<AttemptFailure>,
    /// The beginning of the endpoint's answer; `None` after a success.
    pub response_snippet: Option<String>,
    /// Fuel that components used; `None` if none ran.
    pub fuel: Option<u64>,
    /// The next step for the delivery.
    pub then: Then,
    /// How the endpoint responded, for flow control; `None` if no request was sent.
    pub response: Option<EndpointResponse>,
}

/// The next step for a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is finished: the endpoint acknowledged it.
    Delivered,
    /// It is finished: the transformer left the event out.
    Skipped,
    /// It is tried again by the schedule, not before as many seconds as the endpoint asks for.
    Retry(Option<u32>),
    /// It is a dead letter: a component rejected it.
    Never,
    /// It is a dead letter: the endpoint says that it is gone.
    Gone,
    /// The same attempt is made later: the fault is the host's own, and uses up no attempt.
    NotTried,
}

impl Judgement {
    /// Judges a program that gave no request: a component failed, rejected the event or asked for a retry.
    pub fn of_failure(component: AttemptFailure, failure: Failure, fuel: u64) -> Self {
        let (message, then) = match failure {
            Failure::Reject(message) => (message, Then::Never),
            Failure::Retry { message, after_ms } => {
                let seconds = after_ms.map(|ms| u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX));
                (message, Then::Retry(seconds))
            }
            Failure::Fault { kind, message } if kind.blame() == Blame::Host => (message, Then::NotTried),
            Failure::Fault { message, .. } => (message, Then::Retry(None)),
        };
        Self {
            response_status: None,
            error_message: Some(message),
            failure: Some(component),
            response_snippet: None,
            fuel: Some(fuel),
            then,
            response: None,
        }
    }

    /// Judges a program whose transformer left the event out.
    pub fn of_skip(fuel: u64) -> Self {
        Self {
            response_status: None,
            error_message: None,
            failure: None,
            response_snippet: None,
            fuel: Some(fuel),
            then: Then::Skipped,
            response: None,
        }
    }

    /// Judges an attempt that was not made, and the host is to blame: it stopped, or could not run the
    /// program.
    pub fn of_own_fault(message: impl Into<String>) -> Self {
        Self {
            response_status: None,
            error_message: Some(message.into()),
            failure: None,
            response_snippet: None,
            fuel: None,
            then: Then::NotTried,
            response: None,
        }
    }

    /// Judges a request that was sent. Any 2xx is an acknowledgement; everything else is a failure (contract
    /// 7.1). `own_faults` counts the faults that the host had with this delivery before.
    pub fn of_sent(sent: Sent, fuel: u64, own_faults: i64) -> Self {
        match sent.outcome {
            SendOutcome::Response { status, retry_after_s, snippet } => {
                let is_delivered = (200..300).contains(&status);
                let is_too_much = matches!(status, 429 | 503);
                let then = match status {
                    _ if is_delivered => Then::Delivered,
                    GONE => Then::Gone,
                    _ => Then::Retry(retry_after_s.filter(|_| is_too_much)),
                };
                let response = match then {
                    Then::Delivered => EndpointResponse::Quick,
                    _ if is_too_much => EndpointResponse::Overwhelmed,
                    _ => EndpointResponse::Refused,
                };
                Self {
                    response_status: Some(status),
                    error_message: (!is_delivered).then(|| format!("the endpoint answered {status}")),
                    failure: (!is_delivered).then_some(AttemptFailure::Endpoint),
                    response_snippet: snippet.filter(|_| !is_delivered),
                    fuel: Some(fuel),
                    then,
                    response: Some(response),
                }
            }
            SendOutcome::Failed { kind, message } => {
                let message = if kind == FailureKind::Guard { format!("{GUARD_REFUSED}: {message}") } else { message };
                let is_own = match kind {
                    FailureKind::Host => true,
                    FailureKind::Resolver | FailureKind::Guard => own_faults < HELD_FAULTS_MAX,
                    _ => false,
                };
                let is_silent = matches!(kind, FailureKind::Connect | FailureKind::Timeout | FailureKind::Io);
                Self {
                    response_status: None,
                    error_message: Some(message),
                    failure: Some(match kind {
                        FailureKind::Guard => AttemptFailure::Guard,
                        _ => AttemptFailure::Unreachable,
                    }),
                    response_snippet: None,
                    fuel: Some(fuel),
                    then: if is_own { Then::NotTried } else { Then::Retry(None) },
                    response: (!is_own).then_some(if is_silent {
                        EndpointResponse::Overwhelmed
                    } else {
                        EndpointResponse::Refused
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use weir_runtime::FaultKind;

    fn answered(status: u16, retry_after_s: Option<u32>) -> (Then, Option<EndpointResponse>) {
        let outcome = SendOutcome::Response { status, retry_after_s, snippet: None };
        let judgement = Judgement::of_sent(Sent { outcome, duration: Duration::ZERO }, 0, 0);
        (judgement.then, judgement.response)
    }

    fn failed(kind: FailureKind, own_faults: i64) -> Then {
        let outcome = SendOutcome::Failed { kind, message: String::new() };
        Judgement::of_sent(Sent { outcome, duration: Duration::ZERO }, 0, own_faults).then
    }

    #[test]
    fn answers_are_judged_by_their_status() {
        for status in [200, 204, 299] {
            assert_eq!(answered(status, Some(9)), (Then::Delivered, Some(EndpointResponse::Quick)));
        }
        for status in [429, 503] {
            assert_eq!(answered(status, Some(9)), (Then::Retry(Some(9)), Some(EndpointResponse::Overwhelmed)));
        }
        for status in [301, 400, 500] {
            assert_eq!(answered(status, Some(9)), (Then::Retry(None), Some(EndpointResponse::Refused)));
        }
        assert_eq!(answered(410, None).0, Then::Gone);
    }

    #[test]
    fn the_hosts_own_faults_are_no_attempts() {
        assert_eq!(failed(FailureKind::Host, i64::MAX), Then::NotTried);
        // Whether a name server comes back, or the operator opens a network, shows within a day.
        for kind in [FailureKind::Resolver, FailureKind::Guard] {
            assert_eq!(failed(kind, HELD_FAULTS_MAX - 1), Then::NotTried);
            assert_eq!(failed(kind, HELD_FAULTS_MAX), Then::Retry(None));
        }
        for kind in [FailureKind::Dns, FailureKind::Connect, FailureKind::Timeout] {
            assert_eq!(failed(kind, 0), Then::Retry(None));
        }
        let fault = |kind| {
            Judgement::of_failure(AttemptFailure::Component, Failure::Fault { kind, message: String::new() }, 0).then
        };
        assert_eq!(fault(FaultKind::Capacity), Then::NotTried);
        assert_eq!(fault(FaultKind::Trap), Then::Retry(None));
    }
}
