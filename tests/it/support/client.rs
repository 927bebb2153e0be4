//! An HTTP client that checks the envelope of every answer (contract 1.4).

use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet};
use weir::{domain::id::OrganizationId, error::Code};

/// The connections over which [`Client::emit_many`] emits.
const EMITTERS: usize = 32;

/// A caller of the API: an organization, the operator, or a client without any key.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
    /// The organization's id.
    pub(crate) id: String,
    /// The namespace that the organization may register under from the start.
    pub(crate) namespace: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new(), id: String::new(), namespace: String::new() }
    }

    /// The same client as one of this organization.
    #[must_use]
    pub(crate) fn of(self, id: &str, namespace: &str) -> Self {
        Self { id: id.to_owned(), namespace: namespace.to_owned(), ..self }
    }

    /// The same client with one header more on each request.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same organization with another key.
    #[must_use]
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { headers: Vec::new(), ..self.clone() }.with_header("x-api-key", key)
    }

    /// The key that this client sends.
    pub(crate) fn key(&self) -> &str {
        let key = self.headers.iter().find(|(name, _)| name == "x-api-key");
        key.map(|(_, value)| value.as_str()).expect("a client with a key")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None::<Bytes>).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string())).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None::<Bytes>).await
    }

    /// Sends the bytes as they are, and checks the shape of the answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<impl Into<Bytes>>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = Full::new(body.map(Into::into).unwrap_or_default());
        let request = request.body(body).unwrap_or_else(|error| panic!("{method} {path:?}: {error}"));
        let stream = TcpStream::connect(self.address).await.expect("the host listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("the host speaks HTTP");
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let response = response.unwrap_or_else(|error| panic!("{method} {path:?} was not answered: {error}"));
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the answer arrives whole").to_bytes();
        drop(sender);
        connection.abort();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let answer = Answer {
            asked: format!("{method} {path}"),
            status: parts.status.as_u16(),
            headers,
            text: String::from_utf8(bytes.to_vec()).expect("answers are UTF-8"),
        };
        answer.check_envelope();
        answer
    }

    /// The organization's id.
    pub(crate) fn organization_id(&self) -> OrganizationId {
        OrganizationId::parse(&self.id).expect("an id")
    }

    /// Registers a published event under the organization's own namespace and gives its id.
    pub(crate) async fn register(&self, name: &str, version: &str) -> String {
        let body = json!({
            "namespace": self.namespace,
            "name": name,
            "version": version,
            "payloadSchema": { "type": "object" },
            "status": "published",
        });
        text(&self.post("/api/v1/events/custom", body).await.created()["id"])
    }

    /// Emits the generic event and gives the emit's id.
    pub(crate) async fn emit_generic(&self, payload: Value) -> String {
        self.emit("platformxe.generic", payload).await
    }

    /// Emits the generic event so many times, over [`EMITTERS`] connections at once.
    pub(crate) async fn emit_many(&self, count: usize) {
        let mut emitting = JoinSet::new();
        for _ in 0..EMITTERS {
            let client = self.clone();
            emitting.spawn(async move {
                for _ in 0..count / EMITTERS {
                    client.emit_generic(json!({ "kind": "k" })).await;
                }
            });
        }
        while let Some(emitted) = emitting.join_next().await {
            emitted.expect("all are accepted");
        }
    }

    /// Emits an event and gives the emit's id.
    pub(crate) async fn emit(&self, name: &str, payload: Value) -> String {
        let body = json!({ "name": name, "payload": payload });
        text(&self.post("/api/v1/events/custom/emit", body).await.accepted()["emitId"])
    }

    /// Subscribes a URL to all of the organization's custom events; gives id and secret.
    pub(crate) async fn subscribe_all(&self, url: &str) -> (String, String) {
        let body = json!({ "eventTypes": [format!("TENANT_CUSTOM:{}:*", self.id)], "webhookUrl": url });
        let data = self.post("/api/v1/event-subscriptions", body).await.created();
        (text(&data["id"]), text(&data["secret"]))
    }

    /// Subscribes a URL to one event in all versions; gives id and secret.
    pub(crate) async fn subscribe(&self, name: &str, url: &str) -> (String, String) {
        let body = json!({ "name": name, "webhookUrl": url });
        let data = self.post("/api/v1/events/custom/subscribe", body).await.created();
        (text(&data["subscriptionId"]), text(&data["secret"]))
    }

    /// The organization's only delivery.
    pub(crate) async fn only_delivery(&self) -> Value {
        let list = self.get("/api/v1/deliveries").await.ok();
        assert_eq!(list["total"], 1);
        list["items"][0].clone()
    }

    /// The items of the event log that a query finds, the oldest first.
    pub(crate) async fn event_log(&self, query: &str) -> Vec<Value> {
        let log = self.get(&format!("/api/v1/event-log?limit=100&{query}")).await.ok();
        log["items"].as_array().expect("a list").iter().rev().cloned().collect()
    }
}

/// An id of the right form that belongs to nothing.
pub(crate) fn unknown_id(prefix: &str) -> String {
    format!("{prefix}0000000000000000000000zzzz")
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// An answer of the host.
pub(crate) struct Answer {
    asked: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub(crate) text: String,
}

impl Answer {
    fn check_envelope(&self) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        let body = self.body();
        assert!(body.is_object(), "{self}");
        let success = body["success"].as_bool().unwrap_or_else(|| panic!("no success: {self}"));
        assert_eq!(success, (200..300).contains(&self.status), "{self}");
        assert_ne!(self.status, 204, "{self}");
        if success {
            assert!(body["data"].is_object(), "{self}");
            assert!(body.get("error").is_none(), "{self}");
            return;
        }
        let code = body["error"]["code"].as_str().unwrap_or_else(|| panic!("no code: {self}"));
        let message = body["error"]["message"].as_str().unwrap_or_else(|| panic!("no message: {self}"));
        assert!(message.starts_with(&format!("{code}: ")), "the message does not begin with the code: {self}");
        let row = Code::ALL.iter().find(|row| row.as_str() == code);
        assert_eq!(row.map(|row| row.status()), Some(self.status), "not in the table of codes: {self}");
        assert!(body["error"].get("details").is_none_or(Value::is_object), "{self}");
    }

    /// The whole body.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The data of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        self.data(200)
    }

    /// The data of a 201.
    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        self.data(201)
    }

    /// The data of a 202.
    #[track_caller]
    pub(crate) fn accepted(&self) -> Value {
        self.data(202)
    }

    #[track_caller]
    fn data(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.body()["data"].clone()
    }

    /// The status and the code of a refusal.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert!(self.status >= 400, "not refused: {self}");
        (self.status, text(&self.body()["error"]["code"]))
    }

    /// Checks that it is a refusal with this status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.refusal(), (status, code.to_owned()), "{self}");
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(2_000).collect();
        write!(f, "{} answered {} {shown}", self.asked, self.status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
