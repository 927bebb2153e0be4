//! The request to an external peer, byte for byte (contract 7.2, with the headers of 7.1 and 7.5).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{EVENTS, Scene, text};
use crate::support::{Reply, receiver::hmac};

#[tokio::test]
async fn a_peer_gets_exactly_what_the_contract_says() {
    let scene = Scene::start().await;
    let namespace = &scene.owner.namespace;
    // Parsing and writing this payload again would change its bytes.
    let payload = "{ \"n\" : 1.0,\"e\":\"\\u00e9 \u{1F980}\", \"big\":12345678901234567890.10 }";
    let body = format!("{{\"name\":\"{namespace}.order\",\"payload\":{payload}}}");
    let emit = text(&scene.owner.send("POST", &format!("{EVENTS}/emit"), Some(body)).await.accepted()["emitId"]);
    scene.app.settle().await;

    let requests = scene.receiver.requests();
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    let expected = format!(
        "{{\"namespace\":\"{namespace}\",\"name\":\"order\",\"version\":\"1.0.0\",\"payload\":{payload},\
         \"federationPushId\":\"{}\",\"emitId\":\"{emit}\",\"isFederationRelay\":true,\
         \"timestamp\":\"2026-05-06T12:00:00.000Z\"}}",
        scene.push
    );
    assert_eq!(std::str::from_utf8(&request.body), Ok(expected.as_str()));
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/in"));

    let signature = format!("sha256={}", hex::encode(hmac(scene.secret.as_bytes(), &[expected.as_bytes()])));
    let key = STANDARD.decode(&scene.secret["whsec_".len()..]).expect("base64");
    let standard = STANDARD.encode(hmac(&key, &[format!("{emit}.1778068800.{expected}").as_bytes()]));
    let (event, standard) = (format!("{namespace}.order@1.0.0"), format!("v1,{standard}"));
    let canonical = format!("TENANT_CUSTOM:{}:{event}", scene.owner.id);
    let headers = [
        ("content-type", "application/json"),
        ("x-caldera-event-type", event.as_str()),
        ("x-caldera-signature", signature.as_str()),
        ("x-caldera-federation-push-id", scene.push.as_str()),
        ("x-caldera-emit-id", emit.as_str()),
        ("user-agent", "PlatformXe-Federation-Relay/1.0"),
        ("x-token", "t-1"),
        ("x-platformxe-signature", signature.as_str()),
        ("x-event-signature", signature.as_str()),
        ("x-event-timestamp", "1778068800"),
        ("x-event-id", emit.as_str()),
        ("x-event-type", canonical.as_str()),
        ("webhook-id", emit.as_str()),
        ("webhook-timestamp", "1778068800"),
        ("webhook-signature", standard.as_str()),
    ];
    for (name, value) in headers {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let mut names: Vec<_> = headers.iter().map(|(name, _)| *name).chain(["content-length", "host", "accept"]).collect();
    names.sort_unstable();
    assert_eq!(request.header_names(), names, "no header more, and none twice");
    scene.app.stop().await;
}

#[tokio::test]
async fn a_retry_has_the_same_bytes_and_a_signature_of_its_own_time() {
    let scene = Scene::start().await;
    scene.receiver.then(Reply::status(500));
    scene.emit_and_settle().await;
    scene.app.clock.advance(Duration::from_secs(40));
    scene.app.settle().await;
    let requests = scene.receiver.requests();
    let [first, second] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(first.body, second.body);
    assert!(first.is_signed_with(&scene.secret) && second.is_signed_with(&scene.secret));
    assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
    scene.app.stop().await;
}

#[tokio::test]
async fn a_peer_without_headers_gets_none() {
    let scene = Scene::start().await;
    let plain = json!({ "label": "Plain", "webhookUrl": scene.receiver.url("/plain") });
    super::add_peer(&scene.owner, &scene.group, plain).await.created();
    scene.emit_and_settle().await;
    let requests = scene.receiver.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.header("x-token").is_some(), request.path == "/in");
    }
    scene.app.stop().await;
}
