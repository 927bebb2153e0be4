//! The organization that emits: created through the API, as any other.

use bytes::Bytes;
use hyper::{
    Method, Uri,
    header::{AUTHORIZATION, HeaderName},
};
use serde_json::{Value, json};

use super::{
    child::Child,
    client::{Connection, Endpoint},
    message::{NAMESPACE, schema},
};
use crate::{
    error::{Error, Result},
    fail,
};

/// The event that nobody subscribes to.
pub(super) const UNHEARD: &str = "order.noted";
/// The event that the receiver subscribes to.
pub(super) const HEARD: &str = "order.placed";
/// The event that many endpoints subscribe to.
pub(super) const SHARED: &str = "order.shared";
/// The event that as many endpoints subscribe to, and none that hangs.
pub(super) const WIDE: &str = "order.wide";
/// The event that is pushed to other organizations.
pub(super) const PUSHED: &str = "order.pushed";

pub(super) const CUSTOM: &str = "/api/v1/events/custom";
const EMIT_PATH: &str = "/api/v1/events/custom/emit";
pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The organization, and the operator's view of the host.
pub(super) struct Tenant {
    pub(super) id: String,
    /// Its subscription to the event that is heard.
    pub(super) subscription: String,
    /// The registration of the event that is pushed.
    pub(super) pushed: String,
    /// Where it emits.
    pub(super) emit: Endpoint,
    pub(super) operator: Endpoint,
}

/// What components did so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Components {
    pub(super) calls: u64,
    pub(super) busy_ms: u64,
}

impl Tenant {
    /// An organization with its events, one of them subscribed.
    pub(super) async fn create(host: &Child, admin_token: &str, receiver_url: &str) -> Result<Self> {
        let operator = Endpoint::new(host.address, "/", (AUTHORIZATION, &format!("Bearer {admin_token}")))?;
        let new = json!({ "name": "Bench", "plan": "ENTERPRISE" });
        let created = ask(&operator, Method::POST, "/api/admin/v1/organizations", &new).await?;
        let (Some(id), Some(key)) = (created["organization"]["id"].as_str(), created["apiKey"].as_str()) else {
            return Err(Error::internal("an organization without id or key"));
        };
        let namespaces = format!("/api/admin/v1/organizations/{id}/namespaces");
        ask(&operator, Method::POST, &namespaces, &json!({ "namespace": NAMESPACE })).await?;
        let emit = Endpoint::new(host.address, EMIT_PATH, (API_KEY, key))?;
        let mut pushed = String::new();
        for name in [UNHEARD, HEARD, SHARED, WIDE, PUSHED] {
            let event = json!({
                "namespace": NAMESPACE, "name": name, "version": "1.0.0", "status": "published",
                "payloadSchema": schema(),
            });
            let registered = ask(&emit, Method::POST, CUSTOM, &event).await?;
            registered["id"].as_str().unwrap_or_default().clone_into(&mut pushed);
        }
        let mut tenant = Self { id: id.to_owned(), subscription: String::new(), pushed, emit, operator };
        tenant.subscription = tenant.subscribe(HEARD, receiver_url).await?;
        Ok(tenant)
    }

    /// The same at a host that was started again.
    pub(super) fn at(&self, host: &Child) -> Result<Self> {
        let (emit, operator) = (self.emit.at(host.address)?, self.operator.at(host.address)?);
        let (id, subscription, pushed) = (self.id.clone(), self.subscription.clone(), self.pushed.clone());
        Ok(Self { id, subscription, pushed, emit, operator })
    }

    /// Subscribes an endpoint to an event, and gives the subscription's id.
    pub(super) async fn subscribe(&self, event: &str, url: &str) -> Result<String> {
        let subscription = json!({ "name": format!("{NAMESPACE}.{event}"), "webhookUrl": url });
        ask(&self.emit, Method::POST, &format!("{CUSTOM}/subscribe"), &subscription)
            .await
            .map(|created| created["subscriptionId"].as_str().unwrap_or_default().to_owned())
    }

    /// What components did so far.
    pub(super) async fn components(&self) -> Result<Components> {
        let status = ask(&self.operator, Method::GET, "/api/admin/v1/status", &Value::Null).await?;
        let number = |name: &str| status["components"][name].as_u64().unwrap_or(0);
        Ok(Components { calls: number("calls"), busy_ms: number("busyMs") })
    }
}

/// Sends a request and gives the data of its answer.
pub(super) async fn ask(endpoint: &Endpoint, method: Method, path: &str, body: &Value) -> Result<Value> {
    let uri: Uri = path.parse().map_err(Error::internal)?;
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let (status, answer) = Connection::open(endpoint.clone()).await?.send(method, uri, body).await?;
    if !status.is_success() {
        return Err(fail!(Unavailable, "{path} answered {status}: {}", String::from_utf8_lossy(&answer)));
    }
    let mut answer: Value = serde_json::from_slice(&answer).map_err(Error::internal)?;
    Ok(answer["data"].take())
}
