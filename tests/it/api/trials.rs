//! The test button of webhooks and event subscriptions (contract 5.4, C22).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Receiver, Reply, TestApp, client::text};

#[tokio::test]
async fn a_test_is_sent_like_a_delivery_and_recorded_nowhere() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url("/hook"), "events": ["a"], "isActive": false, "headers": { "x-own": "1" } });
    let webhook = tenant.post("/api/v1/webhooks", body).await.created();
    let (id, secret) = (text(&webhook["id"]), text(&webhook["secret"]));
    for path in [format!("/api/v1/webhooks/{id}/test"), format!("/api/v1/event-subscriptions/{id}/test")] {
        let data = tenant.send("POST", &path, None::<String>).await.ok();
        assert_eq!((&data["success"], &data["delivered"]), (&json!(true), &json!(true)));
        assert_eq!((&data["responseStatus"], &data["statusCode"]), (&json!(200), &json!(200)));
        assert!(data["responseTimeMs"].is_u64() && data["responseTime"].is_u64(), "{data}");
        assert!(data.get("error").is_none() && data.get("errorMessage").is_none(), "{data}");
    }
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    let request = &requests[0];
    assert_eq!((request.header("x-event-type"), request.header("x-own")), (Some("webhook.test"), Some("1")));
    let hmac = hex::encode(weir::domain::signature::hmac_sha256(secret.as_bytes(), &[&request.body]));
    assert_eq!(request.header("x-event-signature"), Some(format!("sha256={hmac}").as_str()));
    assert!(request.header("webhook-signature").is_some());
    let sent = request.json();
    assert_eq!((&sent["event"], &sent["data"]["subscriptionId"]), (&json!("webhook.test"), &json!(id)));
    assert_eq!(tenant.get("/api/v1/deliveries").await.ok()["total"], 0);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], 0);
    assert_eq!(tenant.get(&format!("/api/v1/webhooks/{id}")).await.ok()["lastTriggeredAt"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn a_test_that_fails_says_why() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    for (reply, status, why) in [
        (Reply::status(500), json!(500), "the endpoint answered 500"),
        (Reply::status(302), json!(302), "the endpoint answered 302"),
        (Reply::Close, Value::Null, "the connection broke"),
    ] {
        let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
        receiver.then(reply);
        let data = tenant.post(&format!("/api/v1/event-subscriptions/{id}/test"), json!({})).await.ok();
        assert_eq!((&data["success"], &data["delivered"]), (&json!(false), &json!(false)));
        assert_eq!((&data["responseStatus"], &data["statusCode"]), (&status, &status));
        assert!(text(&data["error"]).starts_with(why), "{data}");
        assert_eq!(data["error"], data["errorMessage"]);
    }
    app.stop().await;
}

/// Clients of the route give up after ten seconds and ask again.
#[tokio::test]
async fn a_test_of_an_endpoint_that_hangs_ends_in_time() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Hang);
    let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
    let data = tenant.post(&format!("/api/v1/event-subscriptions/{id}/test"), json!({})).await.ok();
    assert_eq!((&data["success"], &data["error"]), (&json!(false), &json!("no answer within 8 s")));
    assert!(data["responseTimeMs"].as_u64().is_some_and(|ms| (8_000..9_500).contains(&ms)), "{data}");
    app.stop().await;
}

/// The operator may have made the address policy stricter since the subscription was created.
#[tokio::test]
async fn a_test_passes_the_guard_of_deliveries() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    let (id, _) = tenant.subscribe_all(&receiver.url("/")).await;
    let app = app.restart_with(|settings| settings.address_policy.allow_private = false).await;
    let tenant = app.client_of(&tenant);
    let data = tenant.post(&format!("/api/v1/event-subscriptions/{id}/test"), json!({})).await.ok();
    assert_eq!((&data["success"], &data["statusCode"]), (&json!(false), &Value::Null));
    assert_eq!(receiver.requests().len(), 0);
    app.stop().await;
}

/// A body that never ends is cut, and the answer counts: for a delivery as for a test.
#[tokio::test]
async fn a_test_and_a_delivery_judge_an_answer_alike() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let dripping = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
    });
    let (id, _) = tenant.subscribe_all(&url).await;
    let data = tenant.post(&format!("/api/v1/event-subscriptions/{id}/test"), json!({})).await.ok();
    assert_eq!((&data["success"], &data["statusCode"]), (&json!(true), &json!(200)), "{data}");
    assert!(data["responseTimeMs"].as_u64().is_some_and(|ms| ms < 9_500), "{data}");
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(tenant.only_delivery().await["status"], "SUCCESS");
    dripping.abort();
    app.stop().await;
}
