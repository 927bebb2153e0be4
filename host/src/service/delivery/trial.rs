//! Trials: one event is sent to an endpoint as a delivery is, while the caller waits.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    domain::{
        event::Event,
        id::{EmitId, SubscriptionId},
        receiver::ReceiverId,
        subscription::Target,
    },
    error::Result,
    service::{Caller, Host, subscription::find::not_found},
};

/// How long an endpoint may take to answer a trial: clients wait ten seconds for an answer, and then ask again.
pub const TRIAL_TIME_MAX: Duration = Duration::from_secs(8);

/// The type of the event that is sent.
pub const EVENT_TYPE: &str = "webhook.test";

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

/// Sends one event through the adapter, the guard and the signature of a delivery. The workers
/// implement it.
pub trait TryOut: Send + Sync {
    /// Sends the event once and waits for the answer, `at_most` so long. Nothing is stored.
    fn try_out(&self, target: Arc<Target>, event: Event, at_most: Duration) -> Answered<'_>;
}

/// A [`Trial`] to come.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Trial>> + Send + 'a>>;

/// Sends a test to one of the caller's subscriptions, active or not.
pub async fn run(host: &Host, endpoints: &dyn TryOut, caller: &Caller, id: &str) -> Result<Trial> {
    let id = ReceiverId::from(SubscriptionId::parse(id).ok_or_else(not_found)?);
    let target = host.memory.target(&caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let now = host.now();
    let payload = json!({ "test": true, "subscriptionId": id, "message": "This is a test of your endpoint." });
    let event = Event {
        id: EmitId::new(now, host.randomness.id()).to_string(),
        canonical_name: EVENT_TYPE.to_owned(),
        organization_id: caller.organization_id.to_string(),
        namespace: String::new(),
        name: EVENT_TYPE.to_owned(),
        version: String::new(),
        accepted_at_ms: u64::try_from(now.as_millis()).unwrap_or(0),
        payload: payload.to_string(),
        attributes: Vec::new(),
    };
    endpoints.try_out(target, event, TRIAL_TIME_MAX).await
}
