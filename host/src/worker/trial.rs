//! Trying an endpoint out: an attempt that is owed to nobody and recorded nowhere.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    Shared, Workers,
    outbound::Outcome,
    prepare::{self, Prepared},
};
use crate::{
    domain::{event::Event, subscription::Target},
    error::Result,
    fail,
    runtime::Failure,
    service::delivery::trial::{Answered, Trial, TryOut},
};

impl TryOut for Workers {
    fn try_out(&self, target: Arc<Target>, event: Event, at_most: Duration) -> Answered<'_> {
        Box::pin(try_out(&self.shared, target, event, at_most))
    }
}

async fn try_out(shared: &Shared, target: Arc<Target>, event: Event, at_most: Duration) -> Result<Trial> {
    // Deliveries have slots; these have few places of their own, so that neither waits for the other.
    let Ok(_place) = shared.trials.try_acquire() else {
        return Err(fail!(Unavailable, "too many tests are under way").retry_after(1));
    };
    let started = Instant::now();
    let (response_status, error_message) = match timeout(at_most, attempt(shared, &target, &event)).await {
        Ok(answered) => answered,
        Err(_elapsed) => (None, Some(format!("no answer within {} s", at_most.as_secs()))),
    };
    let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Ok(Trial { response_status, error_message, duration_ms })
}

/// What the endpoint answered, and why that is no success.
async fn attempt(shared: &Shared, target: &Arc<Target>, event: &Event) -> (Option<u16>, Option<String>) {
    let Prepared { result, .. } = prepare::request(&shared.runtime, target, event, 1, shared.host.now());
    let request = match result {
        Ok(request) => request,
        Err(Failure::Reject(message) | Failure::Retry { message, .. } | Failure::Fault { message, .. }) => {
            return (None, Some(message));
        }
    };
    match shared.outbound.send(&request).await.outcome {
        Outcome::Failed { message, .. } => (None, Some(message)),
        Outcome::Response { status, .. } if (200..300).contains(&status) => (Some(status), None),
        Outcome::Response { status, .. } => (Some(status), Some(format!("the endpoint answered {status}"))),
    }
}
