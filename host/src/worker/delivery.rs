//! One attempt: the adapter describes a request, the host sends and judges it, the ledger records.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Shared,
    outbound::{self, Sent},
    prepare::{self, Prepared},
    slots::Slot,
};
use crate::{
    db::ledger::Attempted,
    domain::{
        delivery::{Attempt, Status},
        emit::Emit,
        event::Request,
        id::DeliveryId,
        retry::{Next, next_attempt},
        subscription::Target,
        time::Time,
    },
    runtime::Failure,
    service::lifecycle,
};

/// How long a claimed delivery belongs to this process: ten seconds for the endpoint, eight for a
/// batch of the ledger, the retries of recording, and as much again.
const LEASE_MS: i64 = 60_000;
/// How often recording is tried while the database is away, and how long the waits are together
/// well within the lease.
const RECORD_TRIES: u32 = 5;
const RECORD_WAIT: Duration = Duration::from_secs(1);
/// Attributes that tell an adapter of a replay.
const REPLAY: (&str, &str) = ("replay", "true");

/// When a claim made now ends.
pub(super) fn lease_from(now: Time) -> Time {
    now.plus_millis(LEASE_MS)
}

/// A claimed delivery with all that an attempt needs.
pub(super) struct Job {
    pub(super) delivery_id: DeliveryId,
    pub(super) emit: Arc<Emit>,
    pub(super) target: Arc<Target>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) is_replay: bool,
    pub(super) attempts_made: u32,
    pub(super) attempts_total: u32,
    pub(super) claims: i64,
}

/// What came of an attempt.
struct Verdict {
    response_status: Option<u16>,
    error_message: Option<String>,
    response_snippet: Option<String>,
    retry: Retry,
    fuel: Option<u64>,
}

/// What a failure says about trying again.
#[derive(Clone, Copy)]
enum Retry {
    /// By the schedule, heeding the endpoint's own wish in seconds.
    Scheduled(Option<u32>),
    /// Never: it is permanent.
    Never,
    /// There is no failure.
    Delivered,
}

impl Job {
    /// Begins the attempt. The slot is given back when the endpoint has answered: what waits to be
    /// recorded burdens no endpoint, and nothing new is started without the database that it
    /// waits for.
    pub(super) fn start(self, shared: &Arc<Shared>, slot: Slot) {
        shared.deliveries.spawn(self.run(shared.clone(), slot));
    }

    async fn run(self, shared: Arc<Shared>, slot: Slot) {
        let started_at = shared.host.now();
        let clock = Instant::now();
        let verdict = self.attempt(&shared, started_at).await;
        drop(slot);
        let duration_ms = u32::try_from(clock.elapsed().as_millis()).unwrap_or(u32::MAX);
        let mut attempted = self.conclude(&shared, verdict, started_at, duration_ms);
        attempted.lifecycle = lifecycle::of_attempted(&shared.host, &self.emit, &attempted, &self.target).await;
        record(&shared, attempted).await;
    }

    async fn attempt(&self, shared: &Shared, started_at: Time) -> Verdict {
        let (request, fuel) = match self.prepare(shared, started_at) {
            Ok(prepared) => prepared,
            Err(verdict) => return verdict,
        };
        let sent = shared.outbound.send(&request).await;
        judge(sent, fuel)
    }

    /// Asks the adapter for the request.
    fn prepare(&self, shared: &Shared, started_at: Time) -> Result<(Request, u64), Verdict> {
        let mut attributes = self.attributes.clone();
        if self.is_replay {
            attributes.push((REPLAY.0.to_owned(), REPLAY.1.to_owned()));
        }
        let event = self.emit.as_event(attributes);
        let Prepared { result, fuel } =
            prepare::request(&shared.runtime, &self.target, &event, self.attempts_made + 1, started_at);
        let failed = |message: String, retry: Retry| Verdict {
            response_status: None,
            error_message: Some(message),
            response_snippet: None,
            retry,
            fuel: Some(fuel),
        };
        result.map(|request| (request, fuel)).map_err(|failure| match failure {
            Failure::Reject(message) => failed(message, Retry::Never),
            Failure::Retry { message, after_ms } => {
                let seconds = after_ms.map(|ms| u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX));
                failed(message, Retry::Scheduled(seconds))
            }
            Failure::Fault { message, .. } => failed(message, Retry::Scheduled(None)),
        })
    }

    /// From what happened to what is recorded.
    fn conclude(&self, shared: &Shared, verdict: Verdict, started_at: Time, duration_ms: u32) -> Attempted {
        let now = shared.host.now();
        let attempts_made = usize::try_from(self.attempts_made + 1).unwrap_or(usize::MAX);
        let (status, due_at) = match verdict.retry {
            Retry::Delivered => (Status::Success, None),
            Retry::Never => (Status::Failed, None),
            Retry::Scheduled(retry_after_s) => {
                let jitter = shared.host.randomness.fraction();
                match next_attempt(&shared.retry_schedule, attempts_made, now, jitter, retry_after_s) {
                    Next::At(time) => (Status::Retrying, Some(time)),
                    Next::DeadLetter => (Status::Failed, None),
                }
            }
        };
        Attempted {
            delivery_id: self.delivery_id.clone(),
            claims: self.claims,
            attempt: Some(Attempt {
                number: self.attempts_total + 1,
                started_at,
                duration_ms,
                response_status: verdict.response_status,
                error_message: verdict.error_message.clone(),
                response_snippet: verdict.response_snippet,
                fuel: verdict.fuel,
            }),
            status,
            due_at,
            error_message: verdict.error_message,
            lifecycle: Vec::new(),
            now,
        }
    }
}

/// Any 2xx is an acknowledgement; everything else is a failure (contract 7.1).
fn judge(sent: Sent, fuel: u64) -> Verdict {
    match sent.outcome {
        outbound::Outcome::Response { status, retry_after_s, snippet } => {
            let is_delivered = (200..300).contains(&status);
            let heeded = retry_after_s.filter(|_| matches!(status, 429 | 503));
            Verdict {
                response_status: Some(status),
                error_message: (!is_delivered).then(|| format!("the endpoint answered {status}")),
                response_snippet: snippet.filter(|_| !is_delivered),
                retry: if is_delivered { Retry::Delivered } else { Retry::Scheduled(heeded) },
                fuel: Some(fuel),
            }
        }
        outbound::Outcome::Failed { message, .. } => Verdict {
            response_status: None,
            error_message: Some(message),
            response_snippet: None,
            retry: Retry::Scheduled(None),
            fuel: Some(fuel),
        },
    }
}

/// Records until it is recorded, the claim is lost, or the lease is about to end: an attempt that
/// is not recorded is made again.
async fn record(shared: &Shared, attempted: Attempted) {
    for _ in 0..RECORD_TRIES {
        match shared.host.ledger.record(attempted.clone()).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::info!(delivery = %attempted.delivery_id, "the claim on {} was lost", attempted.delivery_id);
                return;
            }
            Err(error) => {
                tracing::warn!(delivery = %attempted.delivery_id, error = ?error, "an attempt is not recorded yet");
                tokio::time::sleep(RECORD_WAIT).await;
            }
        }
    }
    tracing::error!(delivery = %attempted.delivery_id, "the attempt at {} was not recorded and will be repeated", attempted.delivery_id);
}
