//! One organization's rows do not exist for another: its ids are not found on any route.

use serde_json::{Value, json};

use super::{ROUTES, Who};
use crate::support::{
    Client, Receiver, Reply, TestApp,
    client::{text, unknown_id},
};

/// Routes on rows that organizations show each other; the tests of those routes check to whom.
const SHARED: [&str; 1] = ["/api/v1/events/custom/marketplace/{id}/fork"];

/// One of everything that an organization can have.
struct Belongings {
    registration: String,
    listing: String,
    group: String,
    push: String,
    peer: String,
    subscription: String,
    webhook: String,
    emit: String,
    delivery: String,
}

impl Belongings {
    async fn of(app: &TestApp, tenant: &Client, receiver: &Receiver) -> Self {
        let registration = tenant.register("order", "1.0.0").await;
        let body = json!({ "registrationId": registration, "title": "Hidden" });
        let listing = tenant.post("/api/v1/events/custom/marketplace/publish", body).await.created();
        let listing = text(&listing["id"]);
        tenant.delete(&format!("/api/v1/events/custom/marketplace/{listing}")).await.ok();
        let federation = "/api/v1/events/custom/federation";
        let group = tenant.post(&format!("{federation}/groups"), json!({ "name": "Group" })).await.created();
        let group = text(&group["id"]);
        let body = json!({ "registrationId": registration });
        let push = tenant.post(&format!("{federation}/groups/{group}/pushes"), body).await.created();
        let body = json!({ "label": "Peer", "webhookUrl": receiver.url("/peer") });
        let peer = tenant.post(&format!("{federation}/groups/{group}/external-peers"), body).await.created();
        let (push, peer) = (text(&push["id"]), text(&peer["peer"]["id"]));
        let (subscription, _) = tenant.subscribe_all(&receiver.url("/")).await;
        let webhook = json!({ "url": receiver.url("/"), "events": ["another"] });
        let webhook = text(&tenant.post("/api/v1/webhooks", webhook).await.created()["id"]);
        let emit = tenant.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        let delivery = text(&tenant.get("/api/v1/dead-letters").await.ok()["items"][0]["id"]);
        Self { registration, listing, group, push, peer, subscription, webhook, emit, delivery }
    }

    /// The id that a route means by `{id}`.
    fn id_for(&self, path: &str) -> &str {
        match path {
            path if path.contains("/marketplace/") => &self.listing,
            path if path.contains("/groups/") => &self.group,
            path if path.contains("/federation/pushes/") => &self.push,
            path if path.contains("/federation/external-peers/") => &self.peer,
            path if path.contains("/events/custom/") => &self.registration,
            path if path.contains("subscriptions/") => &self.subscription,
            path if path.contains("/webhooks/") => &self.webhook,
            path if path.contains("/emits/") => &self.emit,
            path if path.contains("/deliveries/") => &self.delivery,
            other => panic!("which id does {other} mean?"),
        }
    }

    fn all(&self) -> [&str; 9] {
        [
            &self.registration,
            &self.listing,
            &self.group,
            &self.push,
            &self.peer,
            &self.subscription,
            &self.webhook,
            &self.emit,
            &self.delivery,
        ]
    }

    /// All of these rows as their owner reads them.
    async fn seen_by(&self, tenant: &Client) -> Vec<Value> {
        let mut seen = Vec::new();
        for route in
            ROUTES.iter().filter(|route| route.method == "GET" && matches!(route.who, Who::Reader | Who::Webhooks))
        {
            let path = if route.path.contains("{id}") {
                route.path.replace("{id}", self.id_for(route.path))
            } else {
                route.path.to_owned()
            };
            seen.push(tenant.get(&path).await.ok());
        }
        seen
    }
}

#[tokio::test]
async fn ids_of_another_organization_are_not_found_on_any_route() {
    let app = TestApp::with_retries("").await;
    let (owner, stranger) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    let belongings = Belongings::of(&app, &owner, &receiver).await;
    let before = belongings.seen_by(&owner).await;
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| matches!(route.who, Who::Reader | Who::Manager | Who::Webhooks)) {
        if SHARED.contains(&route.path) {
            continue;
        }
        if route.path.contains("{id}") {
            let path = route.path.replace("{id}", belongings.id_for(route.path)).replace("{member}", &belongings.peer);
            let foreign = stranger.send(route.method, &path, Some("{}")).await;
            // The answer is the same, byte for byte, as for an id that never existed.
            let id = belongings.id_for(route.path);
            let made_up = unknown_id(&id[..id.len() - 26]);
            let unknown = stranger.send(route.method, &path.replace(id, &made_up), Some("{}")).await;
            assert_eq!((foreign.status, &foreign.text), (404, &unknown.text), "{} {path}", route.method);
            tried += 1;
        } else if route.method == "GET" {
            let listed = stranger.get(route.path).await;
            for id in belongings.all() {
                assert!(!listed.text.contains(id), "{listed}");
            }
        }
    }
    assert!(tried >= 10, "{tried} routes were tried");
    assert_eq!(belongings.seen_by(&owner).await, before, "nothing of it was changed");
    app.stop().await;
}

#[tokio::test]
async fn filters_do_not_reach_into_another_organization() {
    let app = TestApp::with_retries("").await;
    let (owner, stranger) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    let Belongings { subscription, emit, .. } = Belongings::of(&app, &owner, &receiver).await;
    for list in ["deliveries", "dead-letters"] {
        for filter in [format!("subscriptionId={subscription}"), format!("emitId={emit}")] {
            let path = format!("/api/v1/{list}?{filter}");
            assert_eq!(owner.get(&path).await.ok()["total"], 1, "{path}");
            assert_eq!(stranger.get(&path).await.ok()["total"], 0, "{path}");
        }
    }
    for body in [json!({}), json!({ "subscriptionId": subscription })] {
        assert_eq!(stranger.post("/api/v1/dead-letters/replay", body).await.ok()["replayedCount"], 0);
    }
    assert_eq!(owner.get("/api/v1/dead-letters").await.ok()["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn events_of_another_organization_can_be_neither_emitted_nor_heard() {
    let app = TestApp::start().await;
    let (owner, stranger) = (app.organization("PRO").await, app.organization("PRO").await);
    owner.register("order", "1.0.0").await;
    let name = format!("{}.order", owner.namespace);
    let body = json!({ "name": name, "payload": {} });
    stranger.post("/api/v1/events/custom/emit", body).await.refused(404, "event_not_registered");
    let receiver = Receiver::start().await;
    let body = json!({ "name": name, "webhookUrl": receiver.url("/") });
    stranger.post("/api/v1/events/custom/subscribe", body).await.refused(404, "event_not_registered");
    let canonical = format!("TENANT_CUSTOM:{}:{name}", owner.id);
    for types in
        [json!([format!("{canonical}@1.0.0")]), json!([format!("{canonical}@*")]), json!(["TENANT_CUSTOM:*", "*"])]
    {
        let body = json!({ "eventTypes": types, "webhookUrl": receiver.url("/") });
        stranger.post("/api/v1/event-subscriptions", body).await.created();
    }
    owner.emit(&name, json!({})).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 0);
    assert_eq!(stranger.get("/api/v1/deliveries").await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn one_name_may_belong_to_two_organizations() {
    let app = TestApp::start().await;
    let (one, other) = (app.organization("PRO").await, app.organization("PRO").await);
    let grant = json!({ "namespace": one.namespace });
    app.admin().post(&format!("/api/admin/v1/organizations/{}/namespaces", other.id), grant).await.created();
    one.register("order", "1.0.0").await;
    let body = json!({
        "namespace": one.namespace, "name": "order", "version": "7.0.0", "payloadSchema": { "type": "object" },
    });
    assert_eq!(other.post("/api/v1/events/custom", body).await.created()["semverBump"], "initial");
    app.stop().await;
}
