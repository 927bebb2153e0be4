//! The outbound guard over the API: targets that no subscription may have.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use weir::domain::address::Policy;

use crate::support::{Receiver, TestApp, client::text};

const CORPUS: &str = include_str!("../../corpus/outbound.jsonl");

/// Sends every line of the corpus through the API. An address is refused at once; a name is taken, because
/// only the addresses that it resolves to at a delivery can be judged.
#[tokio::test]
async fn no_subscription_leads_to_a_forbidden_target() {
    let app = TestApp::with(|settings| settings.address_policy = Policy::default()).await;
    let acme = app.organization("ENTERPRISE").await;
    let own = json!({ "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": "https://example.com/" });
    let subscription = text(&acme.post("/api/v1/event-subscriptions", own).await.created()["id"]);
    let subscription = format!("/api/v1/event-subscriptions/{subscription}");
    let own = json!({ "name": "Mine", "url": "https://example.com/", "events": ["TENANT_CUSTOM:*"] });
    let hook = format!("/api/v1/webhooks/{}", text(&acme.post("/api/v1/webhooks", own).await.created()["id"]));
    let (mut wrong, mut lines) = (Vec::new(), 0);
    for line in CORPUS.lines() {
        let line: Value = serde_json::from_str(line).expect("the corpus is JSON");
        let url = line["url"].as_str().expect("a URL").replace("{port}", "9");
        let own = json!({ "name": "platformxe.generic", "webhookUrl": url });
        let any = json!({ "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": url });
        let webhook = json!({ "name": "Mine", "url": url, "events": ["TENANT_CUSTOM:*"] });
        let is_refused = line["expected"] == "refused";
        for (method, path, body) in [
            ("POST", "/api/v1/events/custom/subscribe", own),
            ("POST", "/api/v1/event-subscriptions", any),
            ("POST", "/api/v1/webhooks", webhook),
            ("PATCH", &subscription, json!({ "webhookUrl": url })),
            ("PATCH", &hook, json!({ "url": url })),
        ] {
            let answer = acme.send(method, path, Some(body.to_string())).await;
            if (answer.status == 400) != is_refused || answer.status >= 500 {
                wrong.push(format!("{method} {path}: {url:?} answered {}", answer.status));
            }
            lines += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {lines} are not as expected:\n{}", wrong.len(), wrong.join("\n"));
    app.stop().await;
}

/// A target that was allowed when a subscription was created is judged again at each request, be it a
/// delivery or a test event: here the operator has closed the private networks meanwhile.
#[tokio::test]
async fn deliveries_and_test_events_pass_the_same_guard() {
    let (is_open, receiver) = (Arc::new(AtomicBool::new(true)), Receiver::start().await);
    let setting = is_open.clone();
    let app = TestApp::with(move |settings| {
        settings.address_policy = Policy { allow_private: setting.load(Ordering::SeqCst), allowed: Vec::new() };
        settings.retry_schedule = "".parse().expect("a single attempt");
    })
    .await;
    let acme = app.organization("ENTERPRISE").await;
    let (id, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    is_open.store(false, Ordering::SeqCst);
    let app = app.restart().await;
    let acme = app.client_of(&acme);
    let test = acme.post(&format!("/api/v1/event-subscriptions/{id}/test"), json!({})).await.ok();
    assert_eq!((&test["success"], &test["responseStatus"]), (&json!(false), &Value::Null), "{test}");
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 0);
    let owed = acme.only_delivery().await;
    assert_ne!(owed["status"], "SUCCESS", "{owed}");
    app.stop().await;
}
