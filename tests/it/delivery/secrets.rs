//! Rotated secrets, the timestamped signature and static headers on the wire (contract 7.1, 7.5, 14.3).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use weir::domain::{limits::SECRET_OVERLAP_SECONDS_MAX, signature::hmac_sha256};

use crate::support::{Client, Receiver, TestApp, client::text};

/// A request as far as its signatures go.
struct Signed {
    body: Vec<u8>,
    event: String,
    platform: String,
    standard: Vec<String>,
    id: String,
    timestamp: String,
}

/// The newest of the requests.
fn newest(receiver: &Receiver) -> Signed {
    let request = receiver.requests().pop().expect("a request");
    let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
    assert_eq!(header("x-caldera-signature"), header("x-platformxe-signature"));
    Signed {
        event: header("x-event-signature"),
        platform: header("x-caldera-signature"),
        standard: header("webhook-signature").split_whitespace().map(str::to_owned).collect(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        body: request.body,
    }
}

impl Signed {
    fn platform_by(&self, secret: &str) -> String {
        format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), &[&self.body])))
    }

    fn standard_by(&self, secret: &str) -> String {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("the prefix")).expect("base64");
        let head = format!("{}.{}.", self.id, self.timestamp);
        format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &[head.as_bytes(), &self.body])))
    }

    /// Checks that exactly these secrets signed, the newest first.
    #[track_caller]
    fn is_by(&self, secrets: &[&str]) {
        assert_eq!(self.platform, self.platform_by(secrets[0]));
        let standard: Vec<String> = secrets.iter().map(|secret| self.standard_by(secret)).collect();
        assert_eq!(self.standard, standard);
    }
}

async fn emit(app: &TestApp, tenant: &Client) {
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
}

#[tokio::test]
async fn a_rotated_secret_signs_at_once_and_alone() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let (id, mut secret) = tenant.subscribe_all(&receiver.url("/")).await;
    for path in [
        format!("/api/v1/webhooks/{id}/rotate"),
        format!("/api/v1/webhooks/{id}/rotate-secret"),
        format!("/api/v1/event-subscriptions/{id}/rotate"),
        format!("/api/v1/events/subscriptions/{id}/rotate"),
    ] {
        // The TypeScript client rotates without a body.
        let data = tenant.send("POST", &path, None::<String>).await.ok();
        let rotated = text(&data["secret"]);
        assert_ne!(rotated, secret);
        assert_eq!((&data["id"], &data["previousSecretUntil"]), (&json!(id), &Value::Null));
        emit(&app, &tenant).await;
        newest(&receiver).is_by(&[&rotated]);
        secret = rotated;
    }
    assert_eq!(tenant.get(&format!("/api/v1/webhooks/{id}")).await.ok().get("secret"), None);
    app.stop().await;
}

#[tokio::test]
async fn secret_overlap_seconds_max() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let (id, old) = tenant.subscribe_all(&receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}/rotate");
    for wrong in [json!(SECRET_OVERLAP_SECONDS_MAX + 1), json!(-1), json!(1.5), json!("1")] {
        tenant.post(&path, json!({ "overlapSeconds": wrong })).await.refused(400, "BAD_REQUEST");
    }
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&old]);
    let data = tenant.post(&path, json!({ "overlapSeconds": SECRET_OVERLAP_SECONDS_MAX })).await.ok();
    let new = text(&data["secret"]);
    assert_eq!(data["previousSecretUntil"], "2026-05-13T12:00:00.000Z");
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&new, &old]);
    // The last millisecond of the overlap, and the first one after it. The host's cache of the
    // subscription is the same at both.
    app.clock.advance(Duration::from_millis(u64::from(SECRET_OVERLAP_SECONDS_MAX) * 1_000 - 1));
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&new, &old]);
    app.clock.advance(Duration::from_millis(1));
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&new]);
    app.stop().await;
}

#[tokio::test]
async fn a_second_rotation_ends_the_overlap_of_the_first() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let (id, first) = tenant.subscribe_all(&receiver.url("/")).await;
    let path = format!("/api/v1/webhooks/{id}/rotate");
    let second = text(&tenant.post(&path, json!({ "overlapSeconds": 60 })).await.ok()["secret"]);
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&second, &first]);
    let third = text(&tenant.post(&path, json!({ "overlapSeconds": 60 })).await.ok()["secret"]);
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&third, &second]);
    let fourth = text(&tenant.post(&path, json!({})).await.ok()["secret"]);
    emit(&app, &tenant).await;
    newest(&receiver).is_by(&[&fourth]);
    app.stop().await;
}

#[tokio::test]
async fn a_secret_of_ones_own_can_follow() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let (id, first) = tenant.subscribe_all(&receiver.url("/")).await;
    let rotate = format!("/api/v1/webhooks/{id}/rotate");
    let own = "a secret of my own";
    assert_eq!(tenant.post(&rotate, json!({ "secret": own, "overlapSeconds": 60 })).await.ok()["secret"], own);
    emit(&app, &tenant).await;
    let signed = newest(&receiver);
    assert_eq!(signed.platform, signed.platform_by(own));
    assert_eq!(signed.standard, [signed.standard_by(&first)], "only the one before has the form of the standard");
    let changed = tenant.patch(&format!("/api/v1/webhooks/{id}"), json!({ "secret": "another of my own" })).await.ok();
    assert_eq!((changed.get("secret"), &changed["previousSecretUntil"]), (None, &Value::Null));
    emit(&app, &tenant).await;
    let signed = newest(&receiver);
    assert_eq!(signed.platform, signed.platform_by("another of my own"));
    assert_eq!(signed.standard, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test]
async fn the_timestamped_scheme_changes_one_header_alone() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let body = json!({
        "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": receiver.url("/"), "signatureScheme": "timestamped",
    });
    let data = tenant.post("/api/v1/event-subscriptions", body).await.created();
    let (id, secret) = (text(&data["id"]), text(&data["secret"]));
    emit(&app, &tenant).await;
    let signed = newest(&receiver);
    signed.is_by(&[&secret]);
    let head = format!("{}.", signed.timestamp);
    let timestamped = hex::encode(hmac_sha256(secret.as_bytes(), &[head.as_bytes(), &signed.body]));
    assert_eq!(signed.event, timestamped);
    tenant.patch(&format!("/api/v1/event-subscriptions/{id}"), json!({ "signatureScheme": "platform" })).await.ok();
    emit(&app, &tenant).await;
    let signed = newest(&receiver);
    assert_eq!(signed.event, signed.platform_by(&secret));
    app.stop().await;
}

#[tokio::test]
async fn static_headers_are_sent_and_follow_changes() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let body = json!({
        "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": receiver.url("/"),
        "headers": { "Authorization": "Bearer of-the-gateway", "X-Zone": "eu" },
    });
    let id = text(&tenant.post("/api/v1/event-subscriptions", body).await.created()["id"]);
    emit(&app, &tenant).await;
    let request = receiver.requests().pop().expect("a request");
    assert_eq!(request.header("authorization"), Some("Bearer of-the-gateway"));
    assert_eq!((request.header("x-zone"), request.header("content-type")), (Some("eu"), Some("application/json")));
    let path = format!("/api/v1/event-subscriptions/{id}");
    tenant.patch(&path, json!({ "headers": { "X-Zone": "us" } })).await.ok();
    emit(&app, &tenant).await;
    let request = receiver.requests().pop().expect("a request");
    assert_eq!((request.header("x-zone"), request.header("authorization")), (Some("us"), None));
    tenant.patch(&path, json!({ "headers": null })).await.ok();
    emit(&app, &tenant).await;
    assert_eq!(receiver.requests().pop().expect("a request").header("x-zone"), None);
    app.stop().await;
}

/// Published libraries read a secret in the standard alphabet, of 24 to 64 bytes: for another one there is no
/// signature that none of them verifies, and the answer says so.
#[tokio::test]
async fn secrets_that_no_library_reads_sign_in_the_platforms_headers_only() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}");
    let of_bytes = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![0xfb; bytes]));
    for (secret, is_standard) in [
        ("whsec_-__7__v_-__7__v_-__7__v_-__7__v_-__7__v8=".to_owned(), false),
        (of_bytes(1), false),
        (of_bytes(23), false),
        (of_bytes(24), true),
        (of_bytes(64), true),
        (of_bytes(65), false),
        ("correct horse battery".to_owned(), false),
    ] {
        for (method, path) in [("PATCH", path.clone()), ("POST", format!("{path}/rotate"))] {
            let body = json!({ "secret": secret }).to_string();
            let data = tenant.send(method, &path, Some(body)).await.ok();
            assert_eq!(data.get("standardWebhooks"), (!is_standard).then_some(&json!(false)), "{secret}");
        }
        emit(&app, &tenant).await;
        let signed = newest(&receiver);
        assert_eq!(signed.platform, signed.platform_by(&secret));
        assert_eq!(signed.standard.len(), usize::from(is_standard), "{secret}");
        if is_standard {
            signed.is_by(&[&secret]);
        }
    }
    let body = json!({ "name": "platformxe.generic", "webhookUrl": receiver.url("/"), "secret": "correct horse" });
    let created = tenant.post("/api/v1/events/custom/subscribe", body).await.created();
    assert_eq!(created["standardWebhooks"], false);
    assert!(tenant.get(&path).await.ok().get("standardWebhooks").is_none(), "nothing is said of a kept secret");
    app.stop().await;
}
