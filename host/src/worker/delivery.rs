//! One attempt: the adapter describes a request, the host sends and judges it, the ledger records.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use url::Url;

use super::{
    Shared,
    outbound::{self, Sent},
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
        signature::hmac_sha256,
        subscription::Target,
        time::Time,
    },
    runtime::{Call, Failure, KeyForm, Sign},
    service::lifecycle,
};

/// How long a claimed delivery belongs to this process: ten seconds for the endpoint, eight for a
/// batch of the ledger, the retries of recording, and as much again.
const LEASE_MS: i64 = 60_000;
/// How often recording is tried while the database is away, and how long the waits are together
/// well within the lease.
const RECORD_TRIES: u32 = 5;
const RECORD_WAIT: Duration = Duration::from_secs(1);
/// What an adapter without a configuration of its own is given.
const NO_CONFIG: &str = "{}";
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
        let call = Call {
            organization: self.target.organization_id.clone(),
            config: NO_CONFIG.into(),
            subscription_id: Some(self.target.subscription_id.clone()),
            attempt: self.attempts_made + 1,
            attempted_at: started_at,
        };
        let runtime = &shared.runtime;
        let event = self.emit.as_event(attributes);
        let signer = Arc::new(Signer(self.target.clone()));
        let outcome = runtime.prepare(runtime.webhook(), &call, &event, &self.target.url, signer);
        let fuel = outcome.fuel;
        let failed = |message: String, retry: Retry| Verdict {
            response_status: None,
            error_message: Some(message),
            response_snippet: None,
            retry,
            fuel: Some(fuel),
        };
        match outcome.result {
            Ok(request) if has_origin_of(&request.url, &self.target.url) => Ok((request, fuel)),
            Ok(_) => Err(failed("the adapter chose another origin than the subscription's".to_owned(), Retry::Never)),
            Err(Failure::Reject(message)) => Err(failed(message, Retry::Never)),
            Err(Failure::Retry { message, after_ms }) => {
                let seconds = after_ms.map(|ms| u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX));
                Err(failed(message, Retry::Scheduled(seconds)))
            }
            Err(Failure::Fault { message, .. }) => Err(failed(message, Retry::Scheduled(None))),
        }
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

/// Whether two URLs lead to the same scheme, host and port.
fn has_origin_of(url: &str, target: &str) -> bool {
    if url == target {
        return true;
    }
    match (Url::parse(url), Url::parse(target)) {
        (Ok(url), Ok(target)) => url.origin() == target.origin(),
        _ => false,
    }
}

/// Signs for components, which never see a secret.
struct Signer(Arc<Target>);

impl Sign for Signer {
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]> {
        let sign = |secret: &crate::domain::signature::Secret| match form {
            KeyForm::Text => Some(hmac_sha256(secret.platform_key(), &[data])),
            KeyForm::Decoded => secret.standard_key().map(|key| hmac_sha256(&key, &[data])),
        };
        self.0.secrets.iter().filter_map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::has_origin_of;

    #[test]
    fn an_adapter_stays_at_its_origin() {
        let target = "https://example.org/hook";
        for (url, same) in [
            ("https://example.org/hook", true),
            ("https://example.org:443/other?x=1", true),
            ("http://example.org/hook", false),
            ("https://example.org:444/hook", false),
            ("https://evil.example/hook", false),
            ("https://example.org.evil.example/hook", false),
            ("https://example.org@evil.example/hook", false),
            ("not a url", false),
        ] {
            assert_eq!(has_origin_of(url, target), same, "{url}");
        }
    }
}
