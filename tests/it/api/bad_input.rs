//! Malformed requests to every route: each answer is an envelope with a code of the table, and never a
//! fault of the host. `Client::send` checks the envelope of every answer.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{ROUTES, Route, Who};
use crate::support::{Answer, Client, Receiver, TestApp, client::text};

const GROUPS: &str = "/api/v1/events/custom/federation/groups";

/// A host with one organization that has one of everything.
struct World {
    app: TestApp,
    tenant: Client,
    /// Another organization, to be invited.
    other: Client,
    ids: Vec<(&'static str, String)>,
    _receiver: Receiver,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let tenant = app.organization("ENTERPRISE").await;
        let receiver = Receiver::start().await;
        let (subscription, _) = tenant.subscribe_all(&receiver.url("/")).await;
        let webhook = json!({ "url": receiver.url("/"), "events": ["another"] });
        let webhook = text(&tenant.post("/api/v1/webhooks", webhook).await.created()["id"]);
        let registration = tenant.register("order", "1.0.0").await;
        let body = json!({ "registrationId": tenant.register("listed", "1.0.0").await, "title": "Listed" });
        let listing = tenant.post("/api/v1/events/custom/marketplace/publish", body).await.created();
        let (group, push, member) = federation(&tenant, &registration).await;
        let other = app.organization("ENTERPRISE").await;
        let invited = text(&other.post(GROUPS, json!({ "name": "Other" })).await.created()["id"]);
        let body = json!({ "memberOrganizationId": tenant.id });
        other.post(&format!("{GROUPS}/{invited}/invite"), body).await.created();
        let emit = tenant.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        let delivery = text(&tenant.get("/api/v1/deliveries").await.ok()["items"][0]["id"]);
        let path = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
        let key = text(&app.admin().post(&path, json!({ "callerService": "spare" })).await.created()["id"]);
        let ids = vec![
            ("/organizations/{id}", tenant.id.clone()),
            ("/keys/{key}", key),
            ("/namespaces/{namespace}", "unused".to_owned()),
            ("/events/custom/{id}", registration),
            ("subscriptions/{id}", subscription),
            ("/webhooks/{id}", webhook),
            ("/emits/{id}", emit),
            ("/deliveries/{id}", delivery),
            ("/marketplace/{id}", text(&listing["id"])),
            ("/groups/{id}/accept", invited.clone()),
            ("/groups/{id}/leave", invited),
            ("/groups/{id}", group),
            ("/members/{member}", member.clone()),
            ("/external-peers/{id}", member),
            ("/federation/pushes/{id}", push),
        ];
        Self { app, tenant, other, ids, _receiver: receiver }
    }

    /// The client that may call a route.
    fn client(&self, route: &Route) -> Client {
        match route.who {
            Who::Operator => self.app.admin(),
            Who::Reader | Who::Manager | Who::Webhooks => self.tenant.clone(),
            Who::Anybody => self.app.anonymous(),
        }
    }

    /// A route's path with ids that exist.
    fn path(&self, route: &Route) -> String {
        let mut path = route.path.to_owned();
        for (template, id) in &self.ids {
            let (prefix, rest) = template.split_once('{').expect("a parameter");
            let (_, suffix) = rest.split_once('}').expect("a parameter ends");
            path = path.replace(template, &format!("{prefix}{id}{suffix}"));
        }
        assert!(!path.contains('{'), "{path} has a parameter that the tests do not know");
        path
    }

    /// The subscription's id.
    fn subscription(&self) -> &str {
        let found = self.ids.iter().find(|(template, _)| template.starts_with("subscriptions"));
        found.map(|(_, id)| id.as_str()).expect("a subscription")
    }

    async fn send(&self, route: &Route, path: &str, body: Option<Vec<u8>>) -> Answer {
        let answer = self.client(route).send(route.method, path, body).await;
        assert!(answer.status < 500, "{answer}");
        answer
    }

    /// Sends one body to each route that changes something, and checks each answer.
    async fn send_to_writers(&self, body: &[u8], check: impl Fn(&Route, &Answer)) {
        for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
            check(route, &self.send(route, &self.path(route), Some(body.to_vec())).await);
        }
    }

    async fn stop(self) {
        self.app.stop().await;
    }
}

/// A group with a push and an external peer.
async fn federation(tenant: &Client, registration: &str) -> (String, String, String) {
    let group = text(&tenant.post(GROUPS, json!({ "name": "Group" })).await.created()["id"]);
    let body = json!({ "registrationId": registration });
    let push = tenant.post(&format!("{GROUPS}/{group}/pushes"), body).await.created();
    let body = json!({ "label": "Peer", "webhookUrl": "https://peer.example/" });
    let peer = tenant.post(&format!("{GROUPS}/{group}/external-peers"), body).await.created();
    (group, text(&push["id"]), text(&peer["peer"]["id"]))
}

/// Members that any route reads, with a value of a type that none of them takes there.
const MEMBERS: &[&str] = &[
    "name",
    "namespace",
    "version",
    "payloadSchema",
    "payloadExample",
    "payload",
    "status",
    "description",
    "compatibility",
    "idempotencyKey",
    "registrationId",
    "title",
    "tags",
    "memberOrganizationId",
    "headers",
    "eventTypes",
    "event_types",
    "webhookUrl",
    "webhook_url",
    "isActive",
    "is_active",
    "secret",
    "displayName",
    "force",
    "all",
    "subscriptionId",
    "from",
    "to",
    "slug",
    "plan",
    "region",
    "billingEmail",
    "callerService",
    "label",
    "scopes",
    "environment",
    "expiresAt",
    "graceSeconds",
    "url",
    "events",
    "active",
    "enabled",
    "filter",
    "labels",
    "signatureScheme",
    "retrySchedule",
    "maxInFlight",
    "rateLimitPerSecond",
    "headers",
    "startAt",
    "overlapSeconds",
    "component",
    "eventType",
    "entityType",
    "entityId",
    "sourceApp",
];

/// Members that name a row: any other text names a row that does not exist.
const IDS: [&str; 1] = ["registrationId"];

/// A body that a writing route takes; `None` for a route that takes an empty one.
fn sound(route: &Route, world: &World) -> Value {
    let namespace = &world.tenant.namespace;
    match (route.method, route.path) {
        ("POST", "/api/v1/events/custom/emit") => {
            json!({ "name": "platformxe.generic", "payload": { "kind": "k", "summary": "s" }, "idempotencyKey": "k" })
        }
        ("POST", "/api/v1/events/custom" | "/api/v1/events/custom/dry-run") => json!({
            "namespace": namespace, "name": if route.path.ends_with("dry-run") { "tried-event" } else { "new-event" }, "version": "1.0.0", "payloadSchema": { "title": "t" },
            "payloadExample": { "a": "b" }, "status": "draft", "description": "d", "compatibility": "strict",
        }),
        ("POST", "/api/v1/events" | "/api/v1/events/ingest") => json!({
            "eventType": "a", "payload": { "b": "c" }, "entityType": "t", "entityId": "i", "sourceApp": "s",
        }),
        ("POST", "/api/v1/events/custom/subscribe") => json!({
            "name": format!("{namespace}.order"), "version": "1.0.0", "webhookUrl": "https://receiver.example/",
            "displayName": "d",
        }),
        ("POST", path) if path.ends_with("/publish") => json!({
            "registrationId": world.ids[3].1, "title": "title", "description": "d", "tags": ["t"],
        }),
        ("POST", path) if path.ends_with("/fork") => json!({
            "namespace": namespace, "name": "forked", "version": "1.0.0", "description": "d", "status": "draft",
        }),
        ("POST", path) if path.ends_with("/groups") => json!({ "name": "Partners", "description": "d" }),
        ("POST", path) if path.ends_with("/invite") => json!({ "memberOrganizationId": world.other.id }),
        ("POST", path) if path.ends_with("/pushes") => json!({ "registrationId": world.ids[3].1 }),
        ("POST", path) if path.ends_with("/external-peers") => json!({
            "label": "l", "webhookUrl": "https://peer.example/", "headers": { "X-Token": "t" },
        }),
        ("POST", path)
            if ["/republish", "/accept", "/leave", "/pause", "/resume"].iter().any(|end| path.ends_with(end)) =>
        {
            json!({})
        }
        ("POST", path) if path.ends_with("subscriptions") => json!({
            "eventTypes": ["a"], "webhookUrl": "https://receiver.example/", "name": "n", "secret": "a-good-secret",
            "startAt": "now", "labels": { "a": "b" }, "headers": { "x-a": "b" }, "retrySchedule": [1],
        }),
        ("POST", "/api/v1/webhooks") => json!({
            "url": "https://receiver.example/", "events": ["a"], "name": "n", "active": true, "maxInFlight": 1,
            "rateLimitPerSecond": 1_000, "signatureScheme": "timestamped",
        }),
        ("PATCH", path) if path.ends_with("subscriptions/{id}") => json!({
            "eventTypes": ["a"], "status": "ACTIVE", "isActive": true, "labels": { "a": "b" }, "secret": "a-good-secret",
        }),
        ("PATCH", "/api/v1/webhooks/{id}") => json!({ "name": "n", "events": ["a"], "headers": { "x-a": "b" } }),
        ("POST", path) if path.ends_with("subscriptions/{id}/replay") => {
            json!({ "from": "2026-05-06T00:00:00Z", "to": "2026-05-07T00:00:00Z", "all": true })
        }
        ("POST", path) if path.contains("subscriptions/{id}/") || path.starts_with("/api/v1/webhooks/{id}/") => {
            if path.contains("/rotate") { json!({ "overlapSeconds": 1, "secret": "a-good-secret" }) } else { json!({}) }
        }
        ("PATCH", "/api/v1/events/custom/{id}") => json!({ "status": "published", "description": "d" }),
        ("POST", "/api/v1/deliveries/{id}/replay") => json!({ "force": true }),
        ("POST", "/api/v1/dead-letters/replay") => {
            json!({ "subscriptionId": world.subscription(), "from": "2026-05-06T00:00:00Z", "to": "2026-05-07T00:00:00Z" })
        }
        ("POST", "/api/admin/v1/organizations") => json!({
            "name": "n", "slug": "s", "plan": "FREE", "region": "NG", "billingEmail": "a@b.example",
        }),
        ("PATCH", "/api/admin/v1/organizations/{id}") => json!({ "name": "n", "plan": "PRO" }),
        ("POST", path) if path.ends_with("/namespaces") => json!({ "namespace": "name" }),
        ("POST", path) if path.ends_with("/keys") => json!({
            "callerService": "c", "label": "l", "scopes": ["events:read"], "environment": "dev",
            "expiresAt": "2027-01-01T00:00:00Z",
        }),
        ("POST", "/api/admin/v1/root-keys/rotate") => json!({ "keyId": "4bb06f8e" }),
        ("POST", path) if path.ends_with("/rotate") => json!({ "graceSeconds": 1 }),
        _ => panic!("{route:?} has no sound body here"),
    }
}

#[tokio::test]
async fn what_is_no_json_is_a_bad_request() {
    let world = World::start().await;
    let bodies: [&[u8]; 12] = [
        b"{",
        b"}",
        b"nonsense",
        b"{\"name\":}",
        b"{\"name\":\"a\",}",
        b"{'name':'a'}",
        b"{} {}",
        b"\xff\xfe",
        b"{\"name\":\"a\nb\"}",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"--boundary\r\nContent-Disposition: form-data",
    ];
    for body in bodies {
        world.send_to_writers(body, |_, answer| answer.refused(400, "BAD_REQUEST")).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_text_that_is_no_unicode_is_a_bad_request() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        for (member, value) in sound(route, &world).as_object().expect("an object") {
            for wrong in [&b"\xff"[..], b"\xed\xa0\x80", b"\\ud800", b"\\udc00\\ud800", b"\\x"] {
                let is_text = value.is_string();
                let body = [b"{\"", member.as_bytes(), b"\":\"", wrong, b"\"}"].concat();
                let answer = world.send(route, &world.path(route), Some(body)).await;
                let code = answer.refusal();
                assert!(code == (400, "BAD_REQUEST".to_owned()) || (code.0 == 400 && !is_text), "{route:?}: {answer}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn json_that_is_no_object_is_a_bad_request() {
    let world = World::start().await;
    for body in ["[]", "null", "1", "\"text\"", "true", "[{}]", "1e999", "-0"] {
        world
            .send_to_writers(body.as_bytes(), |route, answer| {
                assert_eq!(answer.status, 400, "{route:?} {body}: {answer}");
            })
            .await;
    }
    world.stop().await;
}

#[tokio::test]
async fn deeply_nested_json_is_answered() {
    let world = World::start().await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(50_000), close.repeat(50_000));
    let bodies = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!(r#"{{"name":"platformxe.generic","payload":{{"kind":"k","a":{}}}}}"#, deep("[", "]")),
        format!(
            r#"{{"namespace":"tenant-1","name":"deep","version":"1.0.0","payloadSchema":{{"not":{}}}}}"#,
            deep("{\"not\":", "}").replace(":}", ":{}}")
        ),
    ];
    for body in bodies {
        world
            .send_to_writers(body.as_bytes(), |_, answer| {
                assert!((400..500).contains(&answer.status) || answer.status < 300);
            })
            .await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_refused() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        let sound = sound(route, &world);
        for member in sound.as_object().expect("an object").keys() {
            for wrong in [json!(7.5), json!(true), json!([[]]), json!({ "a": {} }), json!("nonsense \u{0}")] {
                let was = &sound[member];
                let same_type = std::mem::discriminant(was) == std::mem::discriminant(&wrong);
                if same_type && !wrong.is_string() {
                    continue;
                }
                let mut body = sound.clone();
                body[member] = wrong.clone();
                let answer = world.send(route, &world.path(route), Some(body.to_string().into())).await;
                let is_unknown = answer.status == 404 && wrong.is_string() && IDS.contains(&member.as_str());
                assert!(answer.status == 400 || is_unknown, "{route:?} {member}={wrong}: {answer}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_nul_anywhere_in_a_string_is_answered() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        for (member, value) in sound(route, &world).as_object().expect("an object") {
            let mut body = sound(route, &world);
            body[member] = with_nuls(value);
            let answer = world.send(route, &world.path(route), Some(body.to_string().into())).await;
            // A text that is kept as the caller's JSON keeps its escape; any other is refused.
            let kept_as_json = ["payload", "payloadSchema", "payloadExample"].contains(&member.as_str());
            let changed = &body[member] != value;
            let is_unknown = answer.status == 404 && IDS.contains(&member.as_str());
            assert!(answer.status == 400 || is_unknown || kept_as_json || !changed, "{route:?} {member}: {answer}");
        }
    }
    world.stop().await;
}

/// The same value with a NUL in each of its strings.
fn with_nuls(value: &Value) -> Value {
    match value {
        Value::String(text) => format!("{text}\u{0}").into(),
        Value::Array(items) => items.iter().map(with_nuls).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), with_nuls(value))).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        let mut body = sound(route, &world);
        body["unknownMember"] = json!({ "deep": [1, null, "\u{0}"] });
        body["x".repeat(10_000)] = json!(1);
        // The route may still refuse for its state, but not for the shape of the body.
        let answer = world.send(route, &world.path(route), Some(body.to_string().into())).await;
        assert!(answer.status < 300 || answer.status == 409, "{route:?}: {answer}");
    }
    world.stop().await;
}

#[tokio::test]
async fn unexpected_members_of_every_name_are_answered() {
    let world = World::start().await;
    let values =
        [json!(null), json!(-1), json!(1e300), json!(""), json!("\u{0}"), json!([]), json!({}), json!(u64::MAX)];
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        let path = world.path(route);
        let bodies = MEMBERS.iter().flat_map(|member| values.iter().map(move |value| json!({ *member: value })));
        let answers: Vec<Answer> = stream::iter(bodies)
            .map(|body| world.send(route, &path, Some(body.to_string().into())))
            .buffer_unordered(8)
            .collect()
            .await;
        assert_eq!(answers.len(), MEMBERS.len() * values.len());
    }
    world.stop_with_leftovers().await;
}

impl World {
    /// Stops the host after a test that may have caused deliveries.
    async fn stop_with_leftovers(self) {
        self.app.settle().await;
        self.app.stop().await;
    }
}

#[tokio::test]
async fn no_body_counts_as_an_empty_object() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PATCH")) {
        let path = world.path(route);
        // The second of two equal requests may be refused for what the first has done.
        let said = |answer: Answer| answer.body()["error"]["code"].clone();
        let empty = said(world.send(route, &path, Some(b"{}".to_vec())).await);
        if empty.is_null() || empty == "invalid_state" {
            continue;
        }
        for body in [None, Some(Vec::new()), Some(b" \r\n\t ".to_vec())] {
            assert_eq!(said(world.send(route, &path, body.clone()).await), empty, "{route:?} {body:?}");
        }
    }
    let registration = world.ids.iter().find(|(template, _)| template.starts_with("/events/custom"));
    let (_, registration) = registration.expect("a registration");
    let path = format!("/api/v1/events/custom/{registration}");
    assert_eq!(world.tenant.send("PATCH", &path, None::<String>).await.ok()["status"], "published");
    world.stop().await;
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let world = World::start().await;
    for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense", ""] {
        for route in ROUTES {
            let client = world.client(route).with_header("content-type", content_type);
            // Clients send the type with requests that have no body, too.
            let body = matches!(route.method, "POST" | "PATCH").then_some("{\"name\":1}");
            let is_destructive = route.method == "DELETE";
            let path = if is_destructive { unknown(route) } else { world.path(route) };
            let answer = client.send(route.method, &path, body).await;
            let expected: &[u16] = match (route.method, body) {
                ("GET", _) => &[200],
                ("DELETE", _) => &[404],
                _ => &[200, 201, 400, 409],
            };
            assert!(expected.contains(&answer.status), "{route:?} as {content_type:?}: {answer}");
        }
    }
    world.stop().await;
}

/// A route's path with ids that do not exist.
fn unknown(route: &Route) -> String {
    let parameters = ["{id}", "{key}", "{namespace}", "{member}"];
    parameters.iter().fold(route.path.to_owned(), |path, parameter| path.replace(parameter, "none"))
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_everywhere() {
    let world = World::start().await;
    let mut body = vec![b' '; 1_048_577];
    body[0] = b'{';
    body[1_048_576] = b'}';
    world.send_to_writers(&body, |_, answer| answer.refused(413, "request_too_large")).await;
    world.stop().await;
}

#[tokio::test]
async fn ids_of_any_kind_are_answered() {
    let world = World::start().await;
    let long = "x".repeat(20_000);
    let ids = [
        "%ff",
        "%c3%28",
        "%00",
        "a%00b",
        "%2F",
        "%2e%2e",
        "..",
        "%",
        "%zz",
        "'",
        "%22",
        "*",
        "null",
        "-1",
        "0",
        "99999999999999999999",
        "%F0%9F%8E%89",
        "a%20b",
        "a+b",
        "{id}",
        "%7Bid%7D",
        "org_",
        "cer_01JD0000000000000000000000",
        "evt_%000000000000000000000000",
        &long,
    ];
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        for id in ids {
            let Ok(_) = route.path.replace("{id}", id).parse::<hyper::Uri>() else { continue };
            let path = route.path.replace("{id}", id).replace("{key}", id).replace("{namespace}", id);
            let path = path.replace("{member}", id);
            let answer = world.send(route, &path, Some(b"{}".to_vec())).await;
            assert!((400..500).contains(&answer.status) || answer.status == 200, "{answer}");
            assert!(answer.status != 200 || route.method == "GET", "{answer}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn queries_of_any_kind_are_answered() {
    let world = World::start().await;
    let names = [
        "page",
        "limit",
        "status",
        "name",
        "version",
        "from",
        "to",
        "emitId",
        "subscriptionId",
        "namespace",
        "search",
        "offset",
    ];
    let values = [
        "",
        "%00",
        "a%00b",
        "%ff",
        "-1",
        "0",
        "99999999999999999999",
        "-99999999999999999999",
        "1e9",
        "x",
        "%27",
        "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "-009999-01-01T00:00:00Z",
        "+1",
        "1&limit=2",
        "%F0%9F%8E%89",
    ];
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let path = world.path(route);
        let queries = names.iter().flat_map(|name| values.iter().map(move |value| format!("{name}={value}")));
        let odd = ["", "&", "=", "&&&", "=x", "page", "%", "page=1&page=2", "a[b]=c"].map(str::to_owned);
        let paths: Vec<String> = queries.chain(odd).map(|query| format!("{path}?{query}")).collect();
        let answers = stream::iter(&paths).map(|path| world.send(route, path, None)).buffer_unordered(8);
        let statuses: Vec<u16> = answers.map(|answer| answer.status).collect().await;
        assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{route:?} {statuses:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_refused() {
    let world = World::start().await;
    for route in ROUTES {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let exists = ROUTES.iter().any(|other| other.path == route.path && other.method == method);
            if !exists {
                let answer = world.client(route).send(method, &world.path(route), Some("{}")).await;
                answer.refused(405, "METHOD_NOT_ALLOWED");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found() {
    let world = World::start().await;
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v2/events/custom",
        "/api/v1/nonsense",
        "/api/health/",
        "/API/health",
        "/api/v1/events/custom/a/b",
        "/api/v1/event",
        "/api/v1/emits/a/b",
        "/api/admin/v1",
        "/favicon.ico",
        "/api/v1/%2e%2e/health",
        "/api/health%00",
        "/api/v1/events/custom/",
        "/%ff",
        "/api/admin/v1/organizations/a/b",
    ] {
        for client in [&world.tenant, &world.app.admin(), &world.app.anonymous()] {
            for method in ["GET", "POST", "DELETE", "PUT"] {
                client.send(method, path, Some("{}")).await.refused(404, "NOT_FOUND");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn doubled_slashes_are_one() {
    let world = World::start().await;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let path = world.path(route);
        let plain = world.client(route).get(&path).await;
        for doubled in [format!("/{path}"), path.replace('/', "///"), format!("/{path}?x=//")] {
            let answer = world.client(route).get(&doubled).await;
            assert_eq!((answer.status, answer.body()), (plain.status, plain.body()), "{doubled}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn idempotency_headers_of_any_kind_are_answered() {
    let world = World::start().await;
    let body = r#"{"name":"platformxe.generic","payload":{"kind":"k"}}"#;
    let long = "x".repeat(300);
    for value in ["", " ", "schlüssel", &long, "tab\there"] {
        for name in ["idempotency-key", "x-idempotency-key"] {
            let client = world.tenant.clone().with_header(name, value);
            client.send("POST", "/api/v1/events/custom/emit", Some(body)).await.refused(400, "invalid_request");
        }
    }
    world.stop().await;
}

/// Bytes that are no HTTP get the envelope as well, if they get an answer.
#[tokio::test]
async fn bytes_that_are_no_request_do_not_stop_the_host() {
    let world = World::start().await;
    let requests: [&[u8]; 7] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/events/custom HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /api/v1/events/custom HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /api/health HTTP/1.1\r\nhost: a\r\nbroken header\r\n\r\n",
    ];
    for request in requests {
        let mut stream = TcpStream::connect(world.app.address()).await.expect("the host listens");
        stream.write_all(request).await.expect("it is read");
        stream.shutdown().await.expect("the end of the request is sent");
        let mut answer = Vec::new();
        // The host may answer or hang up.
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}");
        let is_envelope = answer.contains(r#"{"success":false,"error":{"code":""#);
        assert!(answer.is_empty() || is_envelope, "{answer}");
    }
    world.tenant.get("/api/v1/events/custom").await.ok();
    world.stop().await;
}

/// RFC 9112, section 3.2.
#[tokio::test]
async fn a_request_names_one_host() {
    let world = World::start().await;
    for (version, hosts, status) in [
        ("1.1", "", "400"),
        ("1.1", "Host: a\r\nhost: a\r\n", "400"),
        ("1.1", "Host: a b\r\n", "400"),
        ("1.1", "Host: user@a\r\n", "400"),
        ("1.1", "Host: a:b\r\n", "400"),
        ("1.1", "Host: a:80\r\n", "200"),
        ("1.0", "", "200"),
    ] {
        let mut stream = TcpStream::connect(world.app.address()).await.expect("the host listens");
        let request = format!("GET /api/health HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it is answered");
        let is_envelope = answer.contains(r#"{"success":"#);
        assert!(answer.split(' ').nth(1) == Some(status) && is_envelope, "{hosts:?}: {answer}");
    }
    world.stop().await;
}
