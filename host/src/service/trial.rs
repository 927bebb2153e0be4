//! The test button: one event sent to an endpoint the way a delivery is, while the caller waits.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::json;
use weir_runtime::Event;

use super::{Caller, Host, directory, subscription::not_found};
use crate::{
    domain::{
        id::{EmitId, SubscriptionId},
        receiver::ReceiverId,
        subscription::Target,
    },
    error::Result,
};

/// How long an endpoint may take: clients wait ten seconds for an answer, and then ask again.
pub const TRIAL_TIME_MAX: Duration = Duration::from_secs(8);

/// The type of the event that is sent.
pub const EVENT_TYPE: &str = "webhook.test";

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What the endpoint answered.
    pub response_status: Option<u16>,
    /// Why it is no success.
    pub error_message: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

/// Sends one event through adapter, guard and signature of a delivery. The workers do.
pub trait TryOut: Send + Sync {
    /// Sends it once and waits, `at_most` so long. Nothing is stored.
    fn try_out<'a>(&'a self, target: Arc<Target>, event: Event<'a>, at_most: Duration) -> Answered<'a>;
}

/// A [`Trial`] to come.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Trial>> + Send + 'a>>;

/// Sends a test to one of the caller's subscriptions, active or not.
pub async fn run(host: &Host, endpoints: &dyn TryOut, caller: &Caller, id: &str) -> Result<Trial> {
    let id = ReceiverId::from(SubscriptionId::parse(id).ok_or_else(not_found)?);
    let target = directory::target(host, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    let now = host.now();
    let payload = json!({ "test": true, "subscriptionId": id, "message": "This is a test of your endpoint." });
    let (emit_id, payload) = (EmitId::new(now, host.randomness.id()), payload.to_string());
    let event = Event {
        id: emit_id.as_str(),
        canonical_name: EVENT_TYPE,
        organization_id: caller.organization_id.as_str(),
        namespace: "",
        name: EVENT_TYPE,
        version: "",
        accepted_at_ms: u64::try_from(now.as_millis()).unwrap_or(0),
        payload: &payload,
        attributes: &[],
    };
    endpoints.try_out(target, event, TRIAL_TIME_MAX).await
}
