//! Trials: one event is sent to an endpoint as a delivery is, while the caller waits.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    domain::{
        emit::{Emit, Fact, Subject},
        id::{EmitId, SubscriptionId},
        receiver::ReceiverId,
        registration::PLATFORM,
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    fail,
    pipeline::{self, Input, Judgement},
    service::{Caller, Host, program, subscription::find::not_found},
};

/// How long an endpoint may take to answer a trial, preparing it included: clients wait ten seconds for an
/// answer, and then ask again. Apart from that a trial is judged as a delivery is.
pub const TRIAL_TIME_MAX: Duration = Duration::from_secs(8);
/// Trials under way at once: people wait for them, so there are few. Deliveries have slots of their
/// own, so neither waits for the other.
const TRIALS_MAX: usize = 32;
/// The type of the event that is sent.
const EVENT_TYPE: &str = "webhook.test";

/// Places for trials.
pub struct Trials(Semaphore);

impl Default for Trials {
    fn default() -> Self {
        Self(Semaphore::new(TRIALS_MAX))
    }
}

/// The outcome of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The status that the endpoint answered; `None` without an answer.
    pub response_status: Option<u16>,
    /// Why the trial is no success; `None` if it is one.
    pub error_message: Option<String>,
    /// How long the endpoint took, in milliseconds.
    pub duration_ms: u32,
}

/// Sends a test to one of the caller's subscriptions, active or not: through the program, the guard and
/// the signature of a delivery. Nothing is stored.
pub async fn run(host: &Host, caller: &Caller, id: &str) -> Result<Trial> {
    let id = ReceiverId::from(SubscriptionId::parse(id).ok_or_else(not_found)?);
    let endpoint = host.memory.endpoint(&caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let Ok(_place) = host.trials.0.try_acquire() else {
        return Err(fail!(Unavailable, "too many tests are under way").retry_after(1));
    };
    let started = Instant::now();
    let (response_status, error_message) = attempt(host, endpoint, started).await?;
    let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Ok(Trial { response_status, error_message, duration_ms })
}

/// The status that the endpoint answered, and why it is no success.
async fn attempt(host: &Host, endpoint: Arc<Endpoint>, started: Instant) -> Result<(Option<u16>, Option<String>)> {
    let now = host.now();
    let steps = program::steps(host, &endpoint.program_id).await?;
    let input = Input {
        emit: Arc::new(test_event(host, &endpoint, now)),
        endpoint,
        push_id: None,
        attributes: Vec::new(),
        is_replay: false,
        attempt: 1,
        now,
    };
    let request = match pipeline::prepare(&host.runtime, &host.cpu, steps, input).await?.result {
        Ok(Some(request)) => request,
        Ok(None) => return Ok((None, Some("the transformer leaves the event out".to_owned()))),
        Err((_, failure)) => return Ok((None, Some(failure.message().to_owned()))),
    };
    let sent = host.outbound.send_within(&request, started, TRIAL_TIME_MAX).await;
    let judgement = Judgement::of_sent(sent, 0, i64::MAX);
    Ok((judgement.response_status, judgement.error_message))
}

/// The event of a trial, which is in no table.
fn test_event(host: &Host, endpoint: &Endpoint, now: Time) -> Emit {
    let payload = json!({
        "test": true,
        "subscriptionId": endpoint.receiver,
        "message": "This is a test of your endpoint.",
    });
    Emit {
        id: EmitId::new(now, host.randomness.id()),
        organization_id: endpoint.organization_id.clone(),
        subject: Subject::Ingested(Fact { event_type: EVENT_TYPE.to_owned(), entity: None }),
        payload: payload.to_string().into(),
        idempotency: None,
        chain_depth: 0,
        emitted_by: PLATFORM.to_owned(),
        accepted_at: now,
        revision: 0,
        source: None,
    }
}
