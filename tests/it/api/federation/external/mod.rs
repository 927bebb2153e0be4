//! Relays of pushed events to external peers: the request of contract 7.2, the schedule of all
//! deliveries, and the log of relays.

use serde_json::{Value, json};
use weir::app::Settings;

use super::{EVENTS, GROUPS, add_peer, group, pushed};
use crate::support::{Client, Receiver, TestApp, client::text};

mod changes;
mod others;
mod owed;
mod record;
mod wire;

/// An owner that pushes one version to an external peer.
struct Scene {
    app: TestApp,
    owner: Client,
    /// The peer's endpoint.
    receiver: Receiver,
    group: String,
    registration: String,
    push: String,
    peer: String,
    secret: String,
}

impl Scene {
    async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// The same scene on a host with some settings changed.
    async fn with(change: impl Fn(&mut Settings) + Send + Sync + 'static) -> Self {
        let (app, receiver) = (TestApp::with(change).await, Receiver::start().await);
        let owner = app.organization("ENTERPRISE").await;
        let registration = owner.register("order", "1.0.0").await;
        let group = group(&owner, "Partners").await;
        let push = pushed(&owner, &group, &registration).await;
        let body = json!({ "label": "Booking", "webhookUrl": receiver.url("/in"), "headers": { "X-Token": "t-1" } });
        let added = add_peer(&owner, &group, body).await.created();
        let (peer, secret) = (text(&added["peer"]["id"]), text(&added["secret"]));
        Self { app, owner, receiver, group, registration, push, peer, secret }
    }

    async fn emit(&self, payload: Value) -> String {
        self.owner.emit(&format!("{}.order", self.owner.namespace), payload).await
    }

    /// Emits, and delivers what is due at the present moment.
    async fn emit_and_settle(&self) -> String {
        let id = self.emit(json!({})).await;
        self.app.settle().await;
        id
    }

    /// The log of relays, the first attempt first.
    async fn log(&self, query: &str) -> Vec<Value> {
        let path = format!("{GROUPS}/{}/relays?limit=100{query}", self.group);
        let mut items = self.owner.get(&path).await.ok()["items"].as_array().expect("a list").clone();
        items.sort_by_key(|row| row["attempt"].as_u64());
        items
    }

    /// The delivery of an emit to the peer.
    async fn delivery(&self, emit: &str) -> Value {
        let path = format!("/api/v1/deliveries?emitId={emit}&memberId={}", self.peer);
        let page = self.owner.get(&path).await.ok();
        assert_eq!(page["total"], 1, "{page}");
        page["items"][0].clone()
    }

    /// Subscribes to the lifecycle events about relays.
    async fn listen(&self, receiver: &Receiver) {
        let types = ["CUSTOM_EVENT_FEDERATION_RELAYED", "CUSTOM_EVENT_FEDERATION_RELAY_FAILED"];
        let body = json!({ "eventTypes": types, "webhookUrl": receiver.url("/news") });
        self.owner.post("/api/v1/event-subscriptions", body).await.created();
    }

    /// The ids of the emits that have arrived at the peer, in order.
    fn arrived(&self) -> Vec<String> {
        self.receiver.requests().iter().map(|request| text(&request.json()["emitId"])).collect()
    }
}
