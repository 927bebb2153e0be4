//! Subscriptions (contract 2.8, 5.1, 7.5).

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::signature::hmac_sha256;

use crate::support::{Receiver, Reply, TestApp, client::text};

const SUBSCRIPTIONS: &str = "/api/v1/event-subscriptions";
const ALIAS: &str = "/api/v1/events/subscriptions";
const SUBSCRIBE: &str = "/api/v1/events/custom/subscribe";
const URL: &str = "https://receiver.example/hook";

#[tokio::test]
async fn a_subscription_answers_all_members_and_its_secret_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({ "eventTypes": ["zeta", "email.*", "alpha"], "webhookUrl": URL });
    let mut data = tenant.post(SUBSCRIPTIONS, body).await.created();
    let secret = text(&data["secret"]);
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    assert!(secret.strip_prefix("whsec_").is_some_and(|key| key.len() == 44 && key.bytes().all(alphabet)), "{secret}");
    data.as_object_mut().expect("an object").remove("secret");
    let id = text(&data["id"]);
    assert!(id.starts_with("evs_"), "{id}");
    assert_eq!(
        data,
        json!({
            "id": id, "organizationId": tenant.id, "name": "zeta", "eventTypes": ["zeta", "email.*", "alpha"],
            "webhookUrl": URL, "status": "ACTIVE", "isActive": true, "filter": null, "labels": {},
            "signatureScheme": "platform", "retrySchedule": null, "maxInFlight": null, "rateLimitPerSecond": null,
            "headerNames": [], "startAt": null, "previousSecretUntil": null, "disabledAt": null,
            "disabledReason": null, "lastTriggeredAt": null,
            "createdAt": "2026-05-06T12:00:00.000Z", "updatedAt": "2026-05-06T12:00:00.000Z",
        })
    );
    assert_eq!(tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok(), data);
    assert_eq!(tenant.get(SUBSCRIPTIONS).await.ok(), json!({ "subscriptions": [data] }));
    app.stop().await;
}

#[tokio::test]
async fn the_alias_path_leads_to_the_same_subscriptions() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = text(&tenant.post(ALIAS, json!({ "eventTypes": ["a"], "webhookUrl": URL })).await.created()["id"]);
    assert_eq!(
        tenant.get(&format!("{ALIAS}/{id}")).await.ok(),
        tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok()
    );
    assert_eq!(tenant.get(ALIAS).await.ok(), tenant.get(SUBSCRIPTIONS).await.ok());
    assert_eq!(tenant.delete(&format!("{ALIAS}/{id}")).await.ok(), json!({ "deleted": true }));
    tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn names_in_snake_case_are_read() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({ "event_types": ["a"], "webhook_url": URL, "is_active": false, "name": "mine" });
    let data = tenant.post(SUBSCRIPTIONS, body).await.created();
    assert_eq!((&data["name"], &data["status"], &data["isActive"]), (&json!("mine"), &json!("PAUSED"), &json!(false)));
    app.stop().await;
}

#[tokio::test]
async fn a_url_is_kept_byte_for_byte() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for url in [
        "HTTPS://Receiver.Example:443/a/../b/./c?x=%7e&y=%2F&z",
        "https://receiver.example",
        "https://bücher.example/ä?ö=ü#fragment",
        "https://receiver.example/with;matrix=1/%zz",
    ] {
        let data = tenant.post(SUBSCRIPTIONS, json!({ "eventTypes": ["a"], "webhookUrl": url })).await.created();
        assert_eq!(data["webhookUrl"], url);
        let id = text(&data["id"]);
        assert_eq!(tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok()["webhookUrl"], url);
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let sound = json!({ "eventTypes": ["a"], "webhookUrl": URL });
    let many: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    for (member, value) in [
        ("eventTypes", json!(null)),
        ("eventTypes", json!([])),
        ("eventTypes", json!("a")),
        ("eventTypes", json!([1])),
        ("eventTypes", json!([""])),
        ("eventTypes", json!(["a", "a"])),
        ("eventTypes", json!(["a\u{0}"])),
        ("eventTypes", json!(["x".repeat(257)])),
        ("eventTypes", json!(many)),
        ("webhookUrl", json!(null)),
        ("webhookUrl", json!(1)),
        ("webhookUrl", json!("")),
        ("webhookUrl", json!("receiver.example")),
        ("webhookUrl", json!("ftp://receiver.example")),
        ("webhookUrl", json!("https://user:password@receiver.example")),
        ("webhookUrl", json!("https://receiver.example/a b")),
        ("webhookUrl", json!("http://169.254.169.254/latest")),
        ("webhookUrl", json!(format!("{URL}?{}", "x".repeat(2_048)))),
        ("isActive", json!("true")),
        ("name", json!("a\u{0}")),
        ("name", json!("x".repeat(4_097))),
        ("secret", json!("short")),
        ("secret", json!("x".repeat(257))),
        ("secret", json!("with\u{0}nul-character")),
    ] {
        let mut body = sound.clone();
        body[member] = value.clone();
        let answer = tenant.post(SUBSCRIPTIONS, body).await;
        assert_eq!(answer.refusal(), (400, "BAD_REQUEST".to_owned()), "{member} {value}: {answer}");
    }
    for member in ["component", "componentId", "transformer", "adapter"] {
        let mut body = sound.clone();
        body[member] = "none@1.0.0".into();
        tenant.post(SUBSCRIPTIONS, body).await.refused(400, "component_not_found");
    }
    assert_eq!(tenant.get(SUBSCRIPTIONS).await.ok(), json!({ "subscriptions": [] }));
    app.stop().await;
}

#[tokio::test]
async fn endpoints_are_public_unless_the_operator_says_otherwise() {
    let app = TestApp::with(|settings| settings.address_policy.allow_private = false).await;
    let tenant = app.organization("PRO").await;
    tenant.register("order", "1.0.0").await;
    for url in
        ["http://receiver.example", "https://127.0.0.1", "https://[::1]/", "https://10.0.0.1", "https://localhost"]
    {
        let body = json!({ "eventTypes": ["a"], "webhookUrl": url });
        tenant.post(SUBSCRIPTIONS, body).await.refused(400, "BAD_REQUEST");
        let body = json!({ "name": format!("{}.order", tenant.namespace), "webhookUrl": url });
        tenant.post(SUBSCRIBE, body).await.refused(400, "invalid_request");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_secret_of_ones_own_signs() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let secret = "my own secret";
    let types = json!([format!("TENANT_CUSTOM:{}:platformxe.generic@*", tenant.id)]);
    let body = json!({ "eventTypes": types, "webhookUrl": receiver.url("/"), "secret": secret });
    assert_eq!(tenant.post(SUBSCRIPTIONS, body).await.created()["secret"], secret);
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let requests = receiver.requests();
    let hmac = hex::encode(hmac_sha256(secret.as_bytes(), &[&requests[0].body]));
    assert_eq!(requests[0].header("x-caldera-signature"), Some(format!("sha256={hmac}").as_str()));
    assert_eq!(requests[0].header("webhook-signature"), None, "the secret is of no form that Standard Webhooks knows");
    app.stop().await;
}

#[tokio::test]
async fn subscriptions_are_listed_the_newest_first() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for name in ["first", "second", "third"] {
        app.clock.advance(Duration::from_secs(1));
        tenant.post(SUBSCRIPTIONS, json!({ "eventTypes": ["a"], "webhookUrl": URL, "name": name })).await.created();
    }
    let listed = tenant.get(SUBSCRIPTIONS).await.ok()["subscriptions"].clone();
    let names: Vec<&Value> = listed.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["third", "second", "first"]);
    app.stop().await;
}

#[tokio::test]
async fn unknown_subscriptions_are_not_found() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for id in ["evs_01jd0000000000000000000000", "sub_1", "x", "cer_01jd0000000000000000000000"] {
        for path in [SUBSCRIPTIONS, ALIAS] {
            tenant.get(&format!("{path}/{id}")).await.refused(404, "NOT_FOUND");
            tenant.delete(&format!("{path}/{id}")).await.refused(404, "NOT_FOUND");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn subscribing_names_a_registered_event() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    tenant.register("order", "1.0.0").await;
    let name = format!("{}.order", tenant.namespace);
    let canonical = format!("TENANT_CUSTOM:{}:{name}", tenant.id);
    for (version, expected) in [
        (json!(null), format!("{canonical}@*")),
        (json!("*"), format!("{canonical}@*")),
        (json!("1.0.0"), format!("{canonical}@1.0.0")),
    ] {
        let body = json!({ "name": name, "version": version, "webhookUrl": URL, "displayName": "Orders" });
        let data = tenant.post(SUBSCRIBE, body).await.created();
        let (id, secret) = (text(&data["subscriptionId"]), text(&data["secret"]));
        assert!(secret.starts_with("whsec_"), "{secret}");
        let expected = json!({ "subscriptionId": id, "canonicalName": expected, "secret": secret, "webhookUrl": URL });
        assert_eq!(data, expected);
        let listed = tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok();
        assert_eq!((&listed["name"], &listed["eventTypes"]), (&json!("Orders"), &json!([data["canonicalName"]])));
    }
    for (body, status, code) in [
        (json!({ "webhookUrl": URL }), 400, "invalid_request"),
        (json!({ "name": name }), 400, "invalid_request"),
        (json!({ "name": name, "webhookUrl": "nonsense" }), 400, "invalid_request"),
        (json!({ "name": name, "webhookUrl": URL, "displayName": "a\u{0}" }), 400, "invalid_request"),
        (json!({ "name": "nodot", "webhookUrl": URL }), 400, "invalid_name"),
        (json!({ "name": name, "version": "1.x", "webhookUrl": URL }), 400, "invalid_version_format"),
        (json!({ "name": name, "version": "2.0.0", "webhookUrl": URL }), 404, "event_not_registered"),
        (json!({ "name": "no.such-event", "webhookUrl": URL }), 404, "event_not_registered"),
    ] {
        tenant.post(SUBSCRIBE, body).await.refused(status, code);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_subscription_gets_the_versions_that_it_asked_for() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    tenant.register("order", "1.0.0").await;
    tenant.register("order", "1.1.0").await;
    tenant.register("payment", "1.0.0").await;
    let name = format!("{}.order", tenant.namespace);
    let receiver = Receiver::start().await;
    for (version, path) in [(json!("1.0.0"), "/exact"), (json!("*"), "/star"), (json!(null), "/omitted")] {
        let body = json!({ "name": name, "version": version, "webhookUrl": receiver.url(path) });
        tenant.post(SUBSCRIBE, body).await.created();
    }
    for (name, version) in [("order", "1.0.0"), ("order", "1.1.0"), ("payment", "1.0.0")] {
        let body = json!({ "name": format!("{}.{name}", tenant.namespace), "version": version, "payload": {} });
        tenant.post("/api/v1/events/custom/emit", body).await.accepted();
    }
    app.settle().await;
    let mut got: Vec<(String, String)> = receiver
        .requests()
        .iter()
        .map(|request| (request.path.clone(), text(&request.json()["canonicalName"])))
        .map(|(path, canonical)| (path, canonical.rsplit(':').next().expect("a name").to_owned()))
        .collect();
    got.sort();
    let event = |path: &str, version: &str| (path.to_owned(), format!("{name}@{version}"));
    let expected = [
        event("/exact", "1.0.0"),
        event("/omitted", "1.0.0"),
        event("/omitted", "1.1.0"),
        event("/star", "1.0.0"),
        event("/star", "1.1.0"),
    ];
    assert_eq!(got, expected);
    app.stop().await;
}

#[tokio::test]
async fn a_paused_subscription_gets_nothing() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let body = json!({ "eventTypes": ["*"], "webhookUrl": receiver.url("/"), "isActive": false });
    tenant.post(SUBSCRIPTIONS, body).await.created();
    let id = tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 0);
    assert_eq!(tenant.get(&format!("/api/v1/emits/{id}")).await.ok()["deliveryStatus"], "DELIVERED");
    app.stop().await;
}

#[tokio::test]
async fn what_is_owed_to_a_deleted_subscription_is_a_dead_letter() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::status(500));
    let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    tenant.delete(&format!("{SUBSCRIPTIONS}/{id}")).await.ok();
    let letters = tenant.get("/api/v1/dead-letters").await.ok();
    assert_eq!(letters["total"], 1);
    let letter = &letters["items"][0];
    assert_eq!(letter["errorMessage"], "the subscription was deleted");
    assert_eq!((&letter["target"]["url"], &letter["nextAttemptAt"]), (&Value::Null, &Value::Null));
    let path = format!("/api/v1/deliveries/{}/replay", text(&letter["id"]));
    tenant.post(&path, json!({})).await.refused(409, "invalid_state");
    app.clock.advance(Duration::from_hours(24));
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    app.stop().await;
}

/// If a component were ignored, its owner would notice only when events arrive.
#[tokio::test]
async fn what_this_host_cannot_do_yet_is_refused_and_not_ignored() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for (member, code_of_subscribe, code) in [
        ("component", "component_not_found", "component_not_found"),
        ("adapter", "component_not_found", "component_not_found"),
    ] {
        let mut body = json!({ "name": "platformxe.generic", "webhookUrl": "http://127.0.0.1:1/" });
        body[member] = json!({ "kind": ["a"] });
        tenant.post("/api/v1/events/custom/subscribe", body).await.refused(400, code_of_subscribe);
        let mut body = json!({ "eventTypes": ["a"], "webhookUrl": "http://127.0.0.1:1/" });
        body[member] = json!({ "kind": ["a"] });
        tenant.post("/api/v1/event-subscriptions", body).await.refused(400, code);
    }
    assert_eq!(tenant.get("/api/v1/event-subscriptions").await.ok()["subscriptions"], json!([]));
    app.stop().await;
}

#[tokio::test]
async fn a_change_touches_what_it_names() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({ "eventTypes": ["b", "a"], "webhookUrl": URL, "name": "mine", "labels": { "z": "1", "a": "2" } });
    let mut expected = tenant.post(SUBSCRIPTIONS, body).await.created();
    expected.as_object_mut().expect("an object").remove("secret");
    let path = format!("{SUBSCRIPTIONS}/{}", text(&expected["id"]));
    app.clock.advance(Duration::from_secs(1));
    for (change, members) in [
        (json!({}), json!({})),
        (json!({ "name": null, "eventTypes": null, "isActive": null, "unknown": 1 }), json!({})),
        (json!({ "eventTypes": ["z", "b", "*"] }), json!({ "eventTypes": ["z", "b", "*"] })),
        (json!({ "event_types": ["only"] }), json!({ "eventTypes": ["only"] })),
        (json!({ "webhook_url": "HTTPS://A.example:443" }), json!({ "webhookUrl": "HTTPS://A.example:443" })),
        (json!({ "name": "yours" }), json!({ "name": "yours" })),
        (json!({ "name": "" }), json!({ "name": "only" })),
        (json!({ "status": "PAUSED" }), json!({ "status": "PAUSED", "isActive": false })),
        (json!({ "is_active": true }), json!({ "status": "ACTIVE", "isActive": true })),
        (json!({ "isActive": false, "status": "PAUSED" }), json!({ "status": "PAUSED", "isActive": false })),
        (json!({ "enabled": true, "active": true }), json!({ "status": "ACTIVE", "isActive": true })),
        (json!({ "labels": { "k": "v" } }), json!({ "labels": { "k": "v" } })),
        (json!({ "labels": null }), json!({ "labels": {} })),
    ] {
        let members = members.as_object().expect("an object").clone();
        expected.as_object_mut().expect("an object").extend(members);
        expected["updatedAt"] = "2026-05-06T12:00:01.000Z".into();
        assert_eq!(tenant.patch(&path, change.clone()).await.ok(), expected, "{change}");
        assert_eq!(tenant.get(&path).await.ok(), expected, "{change}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_change_that_is_wrong_changes_nothing() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = text(&tenant.post(SUBSCRIPTIONS, json!({ "eventTypes": ["a"], "webhookUrl": URL })).await.created()["id"]);
    let path = format!("{SUBSCRIPTIONS}/{id}");
    let before = tenant.get(&path).await.ok();
    for change in [
        json!({ "name": "new", "eventTypes": [] }),
        json!({ "name": "new", "webhookUrl": "nonsense" }),
        json!({ "name": "new", "isActive": true, "status": "PAUSED" }),
        json!({ "name": "new", "isActive": true, "enabled": false }),
        json!({ "name": "new", "status": "active" }),
        json!({ "name": "new", "secret": "short" }),
        json!({ "name": "new", "headers": { "host": "a" } }),
        json!({ "name": "new", "startAt": "now" }),
        json!({ "name": "new", "eventTypes": ["a"], "event_types": ["b"] }),
    ] {
        tenant.patch(&path, change).await.refused(400, "BAD_REQUEST");
    }
    tenant
        .patch(&path, json!({ "name": "new", "adapter": { "component": "a" } }))
        .await
        .refused(400, "component_not_found");
    assert_eq!(tenant.get(&path).await.ok(), before);
    app.stop().await;
}

/// A client may send back a subscription as it read it, changed or not.
#[tokio::test]
async fn what_was_read_can_be_written() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({
        "eventTypes": ["a"], "webhookUrl": URL, "labels": { "a": "b" }, "retrySchedule": [1, 2], "maxInFlight": 3,
        "rateLimitPerSecond": 4, "signatureScheme": "timestamped", "headers": { "x-a": "b" },
    });
    let id = text(&tenant.post(SUBSCRIPTIONS, body).await.created()["id"]);
    for path in [format!("{SUBSCRIPTIONS}/{id}"), format!("/api/v1/webhooks/{id}")] {
        let read = tenant.get(&path).await.ok();
        assert_eq!(tenant.patch(&path, read.clone()).await.ok(), read);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_change_holds_for_the_next_event() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let (id, _) = tenant.subscribe_all(&receiver.url("/old")).await;
    let path = format!("{SUBSCRIPTIONS}/{id}");
    for change in [
        json!({}),
        json!({ "webhookUrl": receiver.url("/new") }),
        json!({ "isActive": false }),
        json!({ "status": "ACTIVE", "webhookUrl": receiver.url("/again") }),
        json!({ "eventTypes": ["nothing"] }),
    ] {
        tenant.patch(&path, change).await.ok();
        tenant.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
    }
    let paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/old", "/new", "/again"]);
    app.stop().await;
}

#[tokio::test]
async fn the_newest_delivery_says_when_it_was_last_triggered() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
    for seconds in [1, 2] {
        app.clock.advance(Duration::from_secs(1));
        tenant.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        let last = &tenant.get(&format!("{SUBSCRIPTIONS}/{id}")).await.ok()["lastTriggeredAt"];
        assert_eq!(*last, format!("2026-05-06T12:00:0{seconds}.000Z"));
    }
    app.stop().await;
}
