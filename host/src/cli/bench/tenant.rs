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

const EMIT_PATH: &str = "/api/v1/events/custom/emit";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The organization, and the operator's view of the host.
pub(super) struct Tenant {
    /// Where it emits.
    pub(super) emit: Endpoint,
    operator: Endpoint,
}

/// What components did so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Components {
    pub(super) calls: u64,
    pub(super) busy_ms: u64,
}

impl Tenant {
    /// An organization with three events, one of them subscribed.
    pub(super) async fn create(host: &Child, admin_token: String, receiver_url: &str) -> Result<Self> {
        let operator = Endpoint::new(host.address, "/", (AUTHORIZATION, &format!("Bearer {admin_token}")))?;
        let new = json!({ "name": "Bench", "plan": "ENTERPRISE" });
        let created = ask(&operator, Method::POST, "/api/admin/v1/organizations", &new).await?;
        let (Some(id), Some(key)) = (created["organization"]["id"].as_str(), created["apiKey"].as_str()) else {
            return Err(Error::internal("an organization without id or key"));
        };
        let namespaces = format!("/api/admin/v1/organizations/{id}/namespaces");
        ask(&operator, Method::POST, &namespaces, &json!({ "namespace": NAMESPACE })).await?;
        let emit = Endpoint::new(host.address, EMIT_PATH, (API_KEY, key))?;
        for name in [UNHEARD, HEARD, SHARED] {
            let event = json!({
                "namespace": NAMESPACE, "name": name, "version": "1.0.0", "status": "published",
                "payloadSchema": schema(),
            });
            ask(&emit, Method::POST, "/api/v1/events/custom", &event).await?;
        }
        let tenant = Self { emit, operator };
        tenant.subscribe(HEARD, receiver_url).await?;
        Ok(tenant)
    }

    /// Subscribes an endpoint to an event.
    pub(super) async fn subscribe(&self, event: &str, url: &str) -> Result<()> {
        let subscription = json!({ "name": format!("{NAMESPACE}.{event}"), "webhookUrl": url });
        ask(&self.emit, Method::POST, "/api/v1/events/custom/subscribe", &subscription).await.map(drop)
    }

    /// What components did so far.
    pub(super) async fn components(&self) -> Result<Components> {
        let status = ask(&self.operator, Method::GET, "/api/admin/v1/status", &Value::Null).await?;
        let number = |name: &str| status["components"][name].as_u64().unwrap_or(0);
        Ok(Components { calls: number("calls"), busy_ms: number("busyMs") })
    }
}

/// Sends a request and gives the data of its answer.
async fn ask(endpoint: &Endpoint, method: Method, path: &str, body: &Value) -> Result<Value> {
    let uri: Uri = path.parse().map_err(Error::internal)?;
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let (status, answer) = Connection::open(endpoint.clone()).await?.send(method, uri, body).await?;
    if !status.is_success() {
        return Err(fail!(Unavailable, "{path} answered {status}: {}", String::from_utf8_lossy(&answer)));
    }
    let mut answer: Value = serde_json::from_slice(&answer).map_err(Error::internal)?;
    Ok(answer["data"].take())
}
