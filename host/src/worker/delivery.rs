//! One attempt: the adapter describes a request, the host sends it, `verdict` judges, the ledger
//! records.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Shared,
    prepare::{self, Prepared},
    replay,
    slots::Slot,
    verdict::{Then, Verdict},
};
use crate::{
    db::{delivery::Claimed, ledger::Attempted},
    domain::{
        delivery::{Attempt, ENDPOINT_DISABLED, Status},
        emit::Emit,
        id::{DeliveryId, PushId},
        receiver::ReceiverId,
        retry::{Next, after_own_fault, next_attempt},
        subscription::{Target, Turn},
        time::Time,
    },
    error::Result,
    service::{
        Host, announce,
        federation::{endpoint, relay_log},
        subscription,
    },
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
    /// Because of which push, if the receiver is an external peer.
    pub(super) push_id: Option<PushId>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) is_replay: bool,
    pub(super) attempts_made: u32,
    pub(super) attempts_total: u32,
    pub(super) claims: i64,
}

impl Job {
    /// What was claimed.
    pub(super) fn of_claimed(claimed: Claimed, emit: Arc<Emit>, target: Arc<Target>) -> Self {
        Self {
            delivery_id: claimed.id,
            emit,
            target,
            push_id: claimed.push_id,
            attributes: claimed.attributes,
            is_replay: claimed.is_replay,
            attempts_made: claimed.attempts_made,
            attempts_total: claimed.attempts_total,
            claims: claimed.claims,
        }
    }

    /// Begins the attempt. The slot is given back when the endpoint has answered: what waits to be
    /// recorded burdens no endpoint, and nothing new is started without the database that it
    /// waits for.
    pub(super) fn start(self, shared: &Arc<Shared>, slot: Slot) {
        shared.deliveries.spawn(self.run(shared.clone(), slot));
    }

    async fn run(self, shared: Arc<Shared>, slot: Slot) {
        if let Some(disabled) = &self.target.disabled {
            drop(slot);
            let attempted = self.give_up(&shared, &disabled.reason);
            return self.record(&shared, attempted).await;
        }
        let started_at = shared.host.now();
        let clock = Instant::now();
        slot.begin();
        let verdict = tokio::select! {
            verdict = self.attempt(&shared, started_at) => verdict,
            () = shared.give_up.cancelled() => Verdict::of_stop(),
        };
        slot.end(verdict.coping);
        let duration_ms = u32::try_from(clock.elapsed().as_millis()).unwrap_or(u32::MAX);
        let turn = self.judge_endpoint(&shared, &verdict).await;
        let mut attempted = self.conclude(&shared, verdict, started_at, duration_ms);
        attempted.turn = turn.map(|turn| (self.target.receiver.clone(), turn));
        if turn == Some(Turn::Recovered) {
            replay::go_on(&shared, &self.target).await;
        }
        self.record(&shared, attempted).await;
    }

    async fn attempt(&self, shared: &Shared, started_at: Time) -> Verdict {
        let mut attributes = self.attributes.clone();
        if self.is_replay {
            attributes.push((REPLAY.0.to_owned(), REPLAY.1.to_owned()));
        }
        let event = match &self.push_id {
            None => self.emit.as_event(attributes),
            Some(push) => self.emit.as_relay(push, attributes),
        };
        let Prepared { result, fuel } =
            prepare::request(&shared.runtime, &self.target, &event, self.attempts_made + 1, started_at);
        match result {
            Ok(request) => Verdict::of_sent(shared.outbound.send(&request).await, fuel, self.own_faults()),
            Err(failure) => Verdict::of_failure(failure, fuel),
        }
    }

    /// How often this delivery was claimed without an attempt that counts: faults of the host's own,
    /// and claims that were lost.
    fn own_faults(&self) -> i64 {
        self.claims - 1 - i64::from(self.attempts_total)
    }

    /// Learns from the attempt how the endpoint is, and gives it up when it is time for that.
    async fn judge_endpoint(&self, shared: &Shared, verdict: &Verdict) -> Option<Turn> {
        let (host, target) = (&shared.host, &self.target);
        // An adapter's own failure says nothing of the endpoint.
        verdict.coping?;
        let (given_up, turn) = match verdict.then {
            Then::Delivered => return shared.endpoints.succeeded(target),
            Then::NotTried => return None,
            Then::Gone => (self.give_endpoint_up(host, None).await, None),
            Then::Retry(_) | Then::Never => {
                let now = host.now();
                let (since, turn) = shared.endpoints.failed(target, now);
                let patience = shared.disable_after.filter(|patience| {
                    now.millis_since(since) >= i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)
                });
                let Some(patience) = patience else { return turn };
                (self.give_endpoint_up(host, Some(patience)).await, turn)
            }
        };
        // Whatever was found, the table knows it now.
        shared.endpoints.forget(&target.receiver);
        if let Err(error) = given_up {
            // The next attempt finds the same.
            tracing::warn!(receiver = %target.receiver, error = ?error, "an endpoint could not be given up yet");
        }
        turn
    }

    /// Gives the endpoint up that is gone, or that did nothing but fail for `patience`.
    async fn give_endpoint_up(&self, host: &Host, patience: Option<Duration>) -> Result<bool> {
        let owner = &self.target.organization_id;
        match (&self.target.receiver, patience) {
            (ReceiverId::Subscription(id), None) => subscription::disable_gone(host, owner, id).await,
            (ReceiverId::Subscription(id), Some(patience)) => {
                subscription::disable_failing(host, owner, id, patience).await
            }
            (ReceiverId::Peer(id), None) => endpoint::pause_gone(host, owner, id).await,
            (ReceiverId::Peer(id), Some(patience)) => endpoint::pause_failing(host, owner, id, patience).await,
        }
    }

    /// From what happened to what is recorded.
    fn conclude(&self, shared: &Shared, verdict: Verdict, started_at: Time, duration_ms: u32) -> Attempted {
        let now = shared.host.now();
        let jitter = shared.host.randomness.fraction();
        let attempts_made = usize::try_from(self.attempts_made + 1).unwrap_or(usize::MAX);
        let (status, due_at) = match verdict.then {
            Then::Delivered => (Status::Success, None),
            Then::Never | Then::Gone => (Status::Failed, None),
            Then::NotTried => {
                let status = if self.attempts_made == 0 { Status::Pending } else { Status::Retrying };
                (status, Some(after_own_fault(self.own_faults(), now, jitter)))
            }
            Then::Retry(retry_after_s) => {
                let schedule = self.target.terms.retry_schedule.as_ref().unwrap_or(&shared.retry_schedule);
                match next_attempt(schedule, attempts_made, now, jitter, retry_after_s) {
                    Next::At(time) => (Status::Retrying, Some(time)),
                    Next::DeadLetter => (Status::Failed, None),
                }
            }
        };
        let attempt = Attempt {
            number: self.attempts_total + 1,
            started_at,
            duration_ms,
            response_status: verdict.response_status,
            error_message: verdict.error_message.clone(),
            failure: verdict.failure,
            response_snippet: verdict.response_snippet,
            fuel: verdict.fuel,
        };
        Attempted {
            attempt: (verdict.then != Then::NotTried).then_some(attempt),
            error_message: verdict.error_message,
            ..self.attempted(now, status, due_at)
        }
    }

    /// What is owed to an endpoint that was given up: a dead letter that says so, without an attempt.
    fn give_up(&self, shared: &Shared, reason: &str) -> Attempted {
        Attempted {
            error_message: Some(format!("{ENDPOINT_DISABLED}: {reason}")),
            ..self.attempted(shared.host.now(), Status::Failed, None)
        }
    }

    fn attempted(&self, now: Time, status: Status, due_at: Option<Time>) -> Attempted {
        Attempted {
            delivery_id: self.delivery_id.clone(),
            claims: self.claims,
            attempt: None,
            status,
            due_at,
            error_message: None,
            turn: None,
            relay: None,
            lifecycle: Vec::new(),
            now,
        }
    }

    /// Says what happened to whoever wants to know, and records it.
    async fn record(&self, shared: &Shared, mut attempted: Attempted) {
        let (host, emit, target) = (&shared.host, &self.emit, &self.target);
        match &self.push_id {
            None => attempted.lifecycle = announce::of_attempted(host, emit, &attempted, target).await,
            Some(push) => {
                (attempted.relay, attempted.lifecycle) =
                    relay_log::of_attempted(host, emit, &attempted, target, push).await;
            }
        }
        record(shared, attempted).await;
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
