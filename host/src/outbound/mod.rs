//! Outbound requests: the HTTP client with the address guard. No request leaves the host another way.
//!
//! Tenants decide where requests go, so the client takes nothing from the environment (no proxies), follows
//! nothing (no redirects), and connects to no address that the [`Policy`] does not permit. A name is resolved
//! once: the addresses that were judged are the ones that the client connects to.

mod answer;
mod failure;
mod request;
mod resolver;

pub use failure::FailureKind;
pub use request::Request;
pub use resolver::{Lookup, system_lookup};

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{
    domain::{
        address::Policy,
        limits::{OUTBOUND_ANSWER_HEADERS_MAX, OUTBOUND_IDLE_CONNECTIONS_MAX},
    },
    error::{Error, Result},
};
use failure::Failure;
use resolver::GuardedResolver;

/// How long an idle connection is kept. Shorter than what servers commonly allow, so that it is
/// the host that closes: a request that meets a closing connection has to be tried again.
const IDLE_CONNECTION: Duration = Duration::from_secs(25);

/// The part of a request's time within which its target's name has to be found. Of ten seconds it outlasts
/// one dead name server: systems commonly ask the next one after five.
const LOOKUP_PART: f32 = 0.6;
/// The part of a request's time within which there has to be a connection, the name included. What the name
/// leaves of it is divided among the addresses, so that a silent address leaves time for the next.
const CONNECT_PART: f32 = 0.9;

/// Sends requests. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    policy: Policy,
    timeout: Duration,
}

/// The outcome of a request, and how long it took.
#[derive(Debug)]
pub struct Sent {
    pub outcome: SendOutcome,
    /// From the call of [`Outbound::send`] until the outcome was known.
    pub duration: Duration,
}

/// An answer, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The target answered. The caller decides whether that is a success.
    Response {
        /// The HTTP status.
        status: u16,
        /// The wait that `Retry-After` asks for, in seconds; `None` if it is absent or malformed.
        retry_after_s: Option<u32>,
        /// The beginning of the body as text without control characters; `None` when it is empty.
        snippet: Option<String>,
    },
    /// There is no answer.
    Failed {
        kind: FailureKind,
        /// A sentence for the owner of the target. It contains no address that the host resolved.
        message: String,
    },
}

impl Outbound {
    /// A client whose requests take `timeout` at most. Fails when the system has no certificates
    /// of authorities that https could trust.
    pub fn new(policy: Policy, timeout: Duration, lookup: Lookup) -> Result<Self> {
        // Fails when a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("Weir/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver::new(policy.clone(), lookup, timeout.mul_f32(LOOKUP_PART)))
            // A proxy of the environment would carry requests past the guard.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(timeout.mul_f32(CONNECT_PART))
            .http1_max_headers(OUTBOUND_ANSWER_HEADERS_MAX)
            .pool_max_idle_per_host(OUTBOUND_IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_CONNECTION)
            .build()
            .map_err(Error::internal)?;
        Ok(Self { client, policy, timeout })
    }

    /// Sends one request and waits for the answer. The time runs until the status is there; a
    /// body that comes too slowly is cut, and the answer counts.
    pub async fn send(&self, request: &Request) -> Sent {
        self.send_within(request, Instant::now(), self.timeout).await
    }

    /// The same with another time, which began to run before.
    pub async fn send_within(&self, request: &Request, began: Instant, time: Duration) -> Sent {
        let started = Instant::now();
        let outcome = match self.exchange(request, began + time, time).await {
            Ok(outcome) => outcome,
            Err(Failure { kind, message }) => SendOutcome::Failed { kind, message },
        };
        Sent { outcome, duration: started.elapsed() }
    }

    async fn exchange(&self, request: &Request, deadline: Instant, time: Duration) -> Result<SendOutcome, Failure> {
        let request = request::prepare(request, &self.policy)?;
        let answering = timeout_at(deadline, self.client.execute(request));
        let mut response =
            answering.await.map_err(|_| Failure::timeout(time))?.map_err(|cause| Failure::from_client(&cause, time))?;
        Ok(SendOutcome::Response {
            status: response.status().as_u16(),
            retry_after_s: answer::retry_after_s(response.headers()),
            snippet: answer::snippet(&mut response, deadline).await,
        })
    }
}

#[cfg(test)]
mod tests;
