//! What an attempt came to, and what is said by it of the endpoint.

use weir_runtime::{Blame, Failure};

use super::outbound::{FailureKind, Outcome, Sent};
use crate::domain::{
    delivery::{AttemptFailure, GONE, GUARD_REFUSED},
    flow::Coping,
};

/// Faults of this host before a name whose servers do not answer, or a target that the operator does
/// not allow, is the target's own fault: about a day, as the waits in between are five minutes at
/// most.
const HELD_FAULTS_MAX: i64 = 300;

/// What came of an attempt.
pub(super) struct Verdict {
    pub(super) response_status: Option<u16>,
    pub(super) error_message: Option<String>,
    /// What kind of thing went wrong.
    pub(super) failure: Option<AttemptFailure>,
    pub(super) response_snippet: Option<String>,
    pub(super) fuel: Option<u64>,
    pub(super) then: Then,
    /// How the endpoint coped; `None` when it was not reached for.
    pub(super) coping: Option<Coping>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: it was acknowledged.
    Delivered,
    /// Another attempt by the schedule, heeding the endpoint's own wish in seconds.
    Retry(Option<u32>),
    /// No attempt: it failed for good.
    Never,
    /// No attempt, nor any other: the endpoint says that it is gone.
    Gone,
    /// The same attempt later: the fault is the host's own, and it was none.
    NotTried,
}

impl Verdict {
    /// What the adapter says instead of a request.
    pub(super) fn of_failure(failure: Failure, fuel: u64) -> Self {
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
            failure: Some(AttemptFailure::Component),
            response_snippet: None,
            fuel: Some(fuel),
            then,
            coping: None,
        }
    }

    /// The host stopped before there was an answer.
    pub(super) fn of_stop() -> Self {
        Self {
            response_status: None,
            error_message: Some("the host stopped before the endpoint answered".to_owned()),
            failure: None,
            response_snippet: None,
            fuel: None,
            then: Then::NotTried,
            coping: None,
        }
    }

    /// Any 2xx is an acknowledgement; everything else is a failure (contract 7.1). `own_faults` are
    /// those that the host had with this delivery before.
    pub(super) fn of_sent(sent: Sent, fuel: u64, own_faults: i64) -> Self {
        match sent.outcome {
            Outcome::Response { status, retry_after_s, snippet } => {
                let is_delivered = (200..300).contains(&status);
                let is_too_much = matches!(status, 429 | 503);
                let then = match status {
                    _ if is_delivered => Then::Delivered,
                    GONE => Then::Gone,
                    _ => Then::Retry(retry_after_s.filter(|_| is_too_much)),
                };
                let coping = match then {
                    Then::Delivered => Coping::Quick,
                    _ if is_too_much => Coping::Overwhelmed,
                    _ => Coping::Refused,
                };
                Self {
                    response_status: Some(status),
                    error_message: (!is_delivered).then(|| format!("the endpoint answered {status}")),
                    failure: (!is_delivered).then_some(AttemptFailure::Endpoint),
                    response_snippet: snippet.filter(|_| !is_delivered),
                    fuel: Some(fuel),
                    then,
                    coping: Some(coping),
                }
            }
            Outcome::Failed { kind, message } => {
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
                    coping: (!is_own).then_some(if is_silent { Coping::Overwhelmed } else { Coping::Refused }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_runtime::FaultKind;

    use super::*;

    fn answered(status: u16, retry_after_s: Option<u32>) -> (Then, Option<Coping>) {
        let outcome = Outcome::Response { status, retry_after_s, snippet: None };
        let verdict = Verdict::of_sent(Sent { outcome, duration: Duration::ZERO }, 0, 0);
        (verdict.then, verdict.coping)
    }

    fn failed(kind: FailureKind, own_faults: i64) -> Then {
        let outcome = Outcome::Failed { kind, message: String::new() };
        Verdict::of_sent(Sent { outcome, duration: Duration::ZERO }, 0, own_faults).then
    }

    #[test]
    fn answers_are_judged_by_their_status() {
        for status in [200, 204, 299] {
            assert_eq!(answered(status, Some(9)), (Then::Delivered, Some(Coping::Quick)));
        }
        for status in [429, 503] {
            assert_eq!(answered(status, Some(9)), (Then::Retry(Some(9)), Some(Coping::Overwhelmed)));
        }
        for status in [301, 400, 500] {
            assert_eq!(answered(status, Some(9)), (Then::Retry(None), Some(Coping::Refused)));
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
        let fault = |kind| Verdict::of_failure(Failure::Fault { kind, message: String::new() }, 0).then;
        assert_eq!(fault(FaultKind::Capacity), Then::NotTried);
        assert_eq!(fault(FaultKind::Trap), Then::Retry(None));
    }
}
