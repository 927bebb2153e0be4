//! One attempt: the program describes a request, the host sends it, the attempt is judged, and the
//! ledger settles the claim.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{super::Shared, slots::Slot};
use crate::{
    domain::{
        component::LogEntry,
        delivery::{Attempt, Claimed, DeliveryOutcome, ENDPOINT_DISABLED, Settled, Status},
        emit::Emit,
        id::OrganizationId,
        retry::{Next, after_own_fault, next_attempt},
        subscription::{Endpoint, HealthChange},
        time::Time,
    },
    error::Result,
    pipeline::{self, Input, Judgement, Prepared, Then},
    service::{self, delivery::replay, receiver},
};

/// How often settling is tried while the database is away, and the wait between two tries: together well
/// within the lease.
const SETTLE_TRIES: u32 = 5;
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// A claimed delivery with everything that an attempt needs.
pub(in crate::worker) struct Job {
    claimed: Claimed,
    emit: Arc<Emit>,
    receiver: Arc<Endpoint>,
}

/// How a claim ended.
struct Ended {
    /// `None` when no attempt was made that counts.
    attempt: Option<Attempt>,
    status: Status,
    /// `None` when the delivery is finished.
    due_at: Option<Time>,
    /// `None` when the delivery succeeded or was skipped.
    error_message: Option<String>,
    /// Set if the endpoint began to fail with the attempt, or recovered.
    health: Option<HealthChange>,
    /// The lines that components wrote.
    logs: Vec<LogEntry>,
}

impl Job {
    pub(in crate::worker) fn new(claimed: Claimed, emit: Arc<Emit>, receiver: Arc<Endpoint>) -> Self {
        Self { claimed, emit, receiver }
    }

    /// Starts the attempt in a task of its own. The slot is given back when the endpoint has answered, before
    /// the claim is settled: a claim that waits for the database burdens no endpoint, and without the
    /// database no other delivery is claimed.
    pub(in crate::worker) fn start(self, shared: &Arc<Shared>, slot: Slot) {
        shared.deliveries.spawn(self.run(shared.clone(), slot));
    }

    async fn run(self, shared: Arc<Shared>, slot: Slot) {
        let ended = match &self.receiver.disabled {
            Some(disabled) => {
                drop(slot);
                given_up(&disabled.reason)
            }
            None => self.attempt(&shared, slot).await,
        };
        if ended.health == Some(HealthChange::Recovered) {
            replay::hasten(&shared.host, &self.receiver).await;
        }
        let settled = self.settled(&shared, ended).await;
        settle(&shared, &self.claimed.organization_id, settled).await;
    }

    /// Sends the delivery's request within the slot, and learns from the answer.
    async fn attempt(&self, shared: &Shared, slot: Slot) -> Ended {
        let started_at = shared.host.now();
        let clock = Instant::now();
        let mut logs = Vec::new();
        let judgement = tokio::select! {
            judgement = self.send(shared, &slot, started_at, &mut logs) => judgement,
            () = shared.give_up.cancelled() => {
                Judgement::of_own_fault("the host stopped before the endpoint answered")
            }
        };
        slot.end(judgement.response);
        let duration_ms = u32::try_from(clock.elapsed().as_millis()).unwrap_or(u32::MAX);
        let health = receiver::learn(&shared.host, &self.receiver, &judgement, shared.disable_after).await;
        self.ended(shared, judgement, started_at, duration_ms, health, logs)
    }

    /// Runs the program of the delivery, sends the request that it describes, and judges the answer.
    async fn send(&self, shared: &Shared, slot: &Slot, now: Time, logs: &mut Vec<LogEntry>) -> Judgement {
        let mut prepared = match self.prepare(shared, now).await {
            Ok(prepared) => prepared,
            Err(error) => {
                let id = &self.claimed.id;
                tracing::warn!(delivery = %id, error = ?error, "the program of {id} could not be run");
                return Judgement::of_own_fault("the host could not run the program of the delivery");
            }
        };
        let (id, attempt) = (&self.claimed.id, self.claimed.attempts_total + 1);
        logs.extend(prepared.take_lines(&self.emit, id, attempt, now));
        match prepared.result {
            Ok(Some(request)) => {
                // The endpoint's time begins here, and not while components wait for their turn.
                slot.begin();
                let sent = shared.host.outbound.send(&request).await;
                Judgement::of_sent(sent, prepared.fuel, self.claimed.own_faults())
            }
            Ok(None) => Judgement::of_skip(prepared.fuel),
            Err((component, failure)) => Judgement::of_failure(component, failure, prepared.fuel),
        }
    }

    async fn prepare(&self, shared: &Shared, now: Time) -> Result<Prepared> {
        let host = &shared.host;
        let steps = service::program::steps(host, &self.claimed.program_id).await?;
        pipeline::prepare(&host.runtime, &host.cpu, steps, self.input(now)).await
    }

    fn input(&self, now: Time) -> Input {
        Input {
            emit: self.emit.clone(),
            endpoint: self.receiver.clone(),
            push_id: self.claimed.push_id.clone(),
            attributes: self.claimed.attributes.clone(),
            is_replay: self.claimed.is_replay,
            attempt: self.claimed.attempts_made + 1,
            now,
        }
    }

    fn ended(
        &self,
        shared: &Shared,
        judgement: Judgement,
        started_at: Time,
        duration_ms: u32,
        health: Option<HealthChange>,
        logs: Vec<LogEntry>,
    ) -> Ended {
        let (status, due_at) = self.next(shared, judgement.then);
        let attempt = Attempt {
            number: self.claimed.attempts_total + 1,
            started_at,
            duration_ms,
            response_status: judgement.response_status,
            error_message: judgement.error_message.clone(),
            failure: judgement.failure,
            response_snippet: judgement.response_snippet,
            fuel: judgement.fuel,
        };
        let was_tried = judgement.then != Then::NotTried;
        let error_message = judgement.error_message;
        Ended { attempt: was_tried.then_some(attempt), status, due_at, error_message, health, logs }
    }

    /// The delivery's status after the attempt, and when it is due again.
    fn next(&self, shared: &Shared, then: Then) -> (Status, Option<Time>) {
        let now = shared.host.now();
        let jitter = shared.host.randomness.fraction();
        let attempts_made = usize::try_from(self.claimed.attempts_made + 1).unwrap_or(usize::MAX);
        match then {
            Then::Delivered => (Status::Success, None),
            Then::Skipped => (Status::Skipped, None),
            Then::Never | Then::Gone => (Status::Failed, None),
            Then::NotTried => {
                let status = if self.claimed.attempts_made == 0 { Status::Pending } else { Status::Retrying };
                (status, Some(after_own_fault(self.claimed.own_faults(), now, jitter)))
            }
            Then::Retry(retry_after_s) => {
                let schedule = self.receiver.terms.retry_schedule.as_ref().unwrap_or(&shared.retry_schedule);
                match next_attempt(schedule, attempts_made, now, jitter, retry_after_s) {
                    Next::At(time) => (Status::Retrying, Some(time)),
                    Next::DeadLetter => (Status::Failed, None),
                }
            }
        }
    }

    async fn settled(&self, shared: &Shared, ended: Ended) -> Settled {
        let now = shared.host.now();
        let outcome = DeliveryOutcome {
            delivery_id: &self.claimed.id,
            push_id: self.claimed.push_id.as_ref(),
            status: ended.status,
            attempt: ended.attempt.as_ref(),
            error_message: ended.error_message.as_deref(),
            now,
        };
        let (relay, lifecycle) = receiver::tell(&shared.host, &self.emit, &self.receiver, &outcome).await;
        Settled {
            delivery_id: self.claimed.id.clone(),
            claims: self.claimed.claims,
            attempt: ended.attempt,
            status: ended.status,
            due_at: ended.due_at,
            error_message: ended.error_message,
            health: ended.health.map(|change| (self.receiver.receiver.clone(), change)),
            relay,
            lifecycle,
            logs: ended.logs,
            now,
        }
    }
}

/// Ends a delivery to a disabled endpoint without an attempt: as a dead letter that says why.
fn given_up(reason: &str) -> Ended {
    Ended {
        attempt: None,
        status: Status::Failed,
        due_at: None,
        error_message: Some(format!("{ENDPOINT_DISABLED}: {reason}")),
        health: None,
        logs: Vec::new(),
    }
}

/// Asks the ledger to settle the claim until it has, the claim is lost, or the lease is about to end. An
/// attempt that is not recorded is made again.
async fn settle(shared: &Shared, organization: &OrganizationId, settled: Settled) {
    let delivery = settled.delivery_id.clone();
    for _ in 0..SETTLE_TRIES {
        match shared.host.ledger.settle(organization, settled.clone()).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::info!(%delivery, "the claim on {delivery} was lost, so its outcome is not recorded");
                return;
            }
            Err(error) => {
                tracing::warn!(%delivery, error = ?error, "the attempt at {delivery} is not recorded yet");
                tokio::time::sleep(SETTLE_WAIT).await;
            }
        }
    }
    tracing::error!(%delivery, "the attempt at {delivery} could not be recorded and will be repeated");
}
