//! The organization whose events are measured.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use crate::{
    api::{Operator, Organization},
    client::Endpoint,
    message::{NAMESPACE, schema},
    process::Process,
};

/// An event without subscriptions.
pub(crate) const UNHEARD: &str = "order.noted";
/// The event that the receiver subscribes to.
pub(crate) const HEARD: &str = "order.placed";
/// The event that many endpoints subscribe to, some of which hang.
pub(crate) const SHARED: &str = "order.shared";
/// The event that as many endpoints subscribe to, and none that hangs.
pub(crate) const WIDE: &str = "order.wide";
/// The event that is pushed to other organizations.
pub(crate) const PUSHED: &str = "order.pushed";

/// How often the host is asked whether everything is routed.
const POLL: Duration = Duration::from_millis(50);

/// The organization, and the operator's view of the host.
pub(crate) struct Tenant {
    pub(crate) organization: Organization,
    pub(crate) operator: Operator,
    /// The id of its subscription to [`HEARD`].
    pub(crate) subscription: String,
    /// The id of the registration of [`PUSHED`].
    pub(crate) pushed: String,
}

/// What components did since the host started.
pub(crate) struct ComponentUsage {
    pub(crate) calls: u64,
    /// Milliseconds in all calls.
    pub(crate) busy_ms: u64,
}

impl Tenant {
    /// Creates the organization with its events, one of them subscribed.
    pub(crate) async fn create(host: &Process, admin_token: &str, receiver_url: &str) -> Result<Self> {
        let operator = Operator::new(host.address, admin_token)?;
        let organization = operator.create_organization("Bench").await?;
        operator.allow_namespace(&organization, NAMESPACE).await?;
        for event in [UNHEARD, HEARD, SHARED, WIDE] {
            organization.register(NAMESPACE, event, &schema()).await?;
        }
        let pushed = organization.register(NAMESPACE, PUSHED, &schema()).await?;
        let mut tenant = Self { organization, operator, subscription: String::new(), pushed };
        tenant.subscription = tenant.subscribe(HEARD, receiver_url).await?;
        Ok(tenant)
    }

    /// The same at a host that was started again.
    pub(crate) fn at(&self, host: &Process) -> Result<Self> {
        Ok(Self {
            organization: self.organization.at(host.address)?,
            operator: self.operator.at(host.address)?,
            subscription: self.subscription.clone(),
            pushed: self.pushed.clone(),
        })
    }

    /// The endpoint that it emits at.
    pub(crate) fn emit(&self) -> &Endpoint {
        &self.organization.emit
    }

    /// Subscribes an endpoint to one of its events, and gives the subscription's id.
    pub(crate) async fn subscribe(&self, event: &str, url: &str) -> Result<String> {
        let subscription = json!({ "name": format!("{NAMESPACE}.{event}"), "webhookUrl": url });
        self.organization.subscribe(&subscription).await
    }

    pub(crate) async fn component_usage(&self) -> Result<ComponentUsage> {
        let status = self.operator.status().await?;
        let number = |name: &str| status["components"][name].as_u64().unwrap_or(0);
        Ok(ComponentUsage { calls: number("calls"), busy_ms: number("busyMs") })
    }

    /// Waits until no emit of any organization waits for routing.
    pub(crate) async fn all_routed(&self, at_most: Duration) -> Result<()> {
        let deadline = Instant::now() + at_most;
        loop {
            let status = self.operator.status().await?;
            let waiting = &status["routing"]["waiting"];
            if waiting.as_u64() == Some(0) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{waiting} emits still waited for routing after {at_most:?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
