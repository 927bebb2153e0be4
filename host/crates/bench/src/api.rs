//! The host's API, as far as the measurements need it: organizations are created, and register and
//! subscribe, as any other.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{
    Method, Uri,
    header::{AUTHORIZATION, HeaderName},
};
use serde_json::{Value, json};

use crate::client::{Connection, Endpoint};

/// The path of custom events.
pub(crate) const CUSTOM: &str = "/api/v1/events/custom";
const EMIT_PATH: &str = "/api/v1/events/custom/emit";
const ORGANIZATIONS: &str = "/api/admin/v1/organizations";
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The operator's part of the API.
pub(crate) struct Operator(Endpoint);

impl Operator {
    pub(crate) fn new(host: SocketAddr, admin_token: &str) -> Result<Self> {
        Ok(Self(Endpoint::new(host, "/", (AUTHORIZATION, &format!("Bearer {admin_token}")))?))
    }

    /// The same at a host that was started again.
    pub(crate) fn at(&self, host: SocketAddr) -> Result<Self> {
        Ok(Self(self.0.at(host)?))
    }

    /// Creates an organization of the largest plan.
    pub(crate) async fn create_organization(&self, name: &str) -> Result<Organization> {
        self.create_organization_of(name, "ENTERPRISE").await
    }

    /// Creates an organization of a plan.
    pub(crate) async fn create_organization_of(&self, name: &str, plan: &str) -> Result<Organization> {
        let new = json!({ "name": name, "plan": plan });
        let created = ask(&self.0, Method::POST, ORGANIZATIONS, &new).await?;
        let id = text(&created["organization"]["id"])?.to_owned();
        let emit = Endpoint::new(self.0.address, EMIT_PATH, (API_KEY, text(&created["apiKey"])?))?;
        Ok(Organization { id, emit })
    }

    /// Lets an organization register events in a namespace.
    pub(crate) async fn allow_namespace(&self, organization: &Organization, namespace: &str) -> Result<()> {
        let path = format!("{ORGANIZATIONS}/{}/namespaces", organization.id);
        ask(&self.0, Method::POST, &path, &json!({ "namespace": namespace })).await.map(drop)
    }

    /// The state of the host.
    pub(crate) async fn status(&self) -> Result<Value> {
        ask(&self.0, Method::GET, "/api/admin/v1/status", &Value::Null).await
    }
}

/// An organization, and where it emits.
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) emit: Endpoint,
}

impl Organization {
    /// The same at a host that was started again.
    pub(crate) fn at(&self, host: SocketAddr) -> Result<Self> {
        Ok(Self { id: self.id.clone(), emit: self.emit.at(host)? })
    }

    /// Publishes version 1.0.0 of an event, and gives the registration's id.
    pub(crate) async fn register(&self, namespace: &str, name: &str, schema: &Value) -> Result<String> {
        let event = json!({
            "namespace": namespace, "name": name, "version": "1.0.0", "status": "published", "payloadSchema": schema,
        });
        let registered = self.ask(Method::POST, CUSTOM, &event).await?;
        text(&registered["id"]).map(str::to_owned)
    }

    /// Creates a subscription to a custom event, and gives its id.
    pub(crate) async fn subscribe(&self, subscription: &Value) -> Result<String> {
        let created = self.ask(Method::POST, &format!("{CUSTOM}/subscribe"), subscription).await?;
        text(&created["subscriptionId"]).map(str::to_owned)
    }

    /// Deletes a subscription.
    pub(crate) async fn unsubscribe(&self, id: &str) -> Result<()> {
        self.ask(Method::DELETE, &format!("/api/v1/event-subscriptions/{id}"), &Value::Null).await.map(drop)
    }

    /// Sends a request with the organization's key, and gives the data of the answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        ask(&self.emit, method, path, body).await
    }
}

async fn ask(endpoint: &Endpoint, method: Method, path: &str, body: &Value) -> Result<Value> {
    let uri: Uri = path.parse()?;
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let (status, answer) = Connection::open(endpoint.clone()).await?.send(method, uri, body).await?;
    if !status.is_success() {
        bail!("{path} answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    let mut answer: Value = serde_json::from_slice(&answer).with_context(|| format!("{path} answered no JSON"))?;
    Ok(answer["data"].take())
}

/// A text that an answer has to have.
pub(crate) fn text(value: &Value) -> Result<&str> {
    value.as_str().context("an answer lacks a text that it has to have")
}
