//! Emits that are repeated with their idempotency key (contract 1.11).

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::quota;
use crate::support::{Answer, Client, Receiver, TestApp, client::text};

const EMIT: &str = "/api/v1/events/custom/emit";

fn body() -> Value {
    json!({ "name": "platformxe.generic", "payload": { "kind": "k", "data": { "n": 1 } } })
}

/// Emits with a key in the body and in both headers, where given; gives the emit's id.
async fn emit(tenant: &Client, in_body: Option<&str>, header: Option<&str>, x_header: Option<&str>) -> String {
    let mut body = body();
    if let Some(key) = in_body {
        body["idempotencyKey"] = key.into();
    }
    let mut client = tenant.clone();
    for (name, value) in [("idempotency-key", header), ("x-idempotency-key", x_header)] {
        client = value.map_or(client.clone(), |value| client.with_header(name, value));
    }
    text(&client.post(EMIT, body).await.accepted()["emitId"])
}

#[tokio::test]
async fn the_body_comes_before_the_headers_and_the_short_one_before_the_long() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let first = emit(&tenant, Some("a"), Some("b"), Some("c")).await;
    assert_eq!(emit(&tenant, Some("a"), None, None).await, first);
    assert_eq!(emit(&tenant, None, Some("a"), None).await, first);
    assert_eq!(emit(&tenant, None, None, Some("a")).await, first);
    let second = emit(&tenant, None, Some("b"), Some("c")).await;
    assert_ne!(second, first, "the header was not looked at while the body had a key");
    assert_eq!(emit(&tenant, None, None, Some("b")).await, second);
    let third = emit(&tenant, None, None, Some("c")).await;
    assert!(third != first && third != second);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], 3);
    app.stop().await;
}

#[tokio::test]
async fn without_a_key_each_emit_is_a_new_one() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    assert_ne!(emit(&tenant, None, None, None).await, emit(&tenant, None, None, None).await);
    app.stop().await;
}

#[tokio::test]
async fn a_key_used_for_another_request_is_refused() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let first = emit(&tenant, Some("a"), None, None).await;
    for (member, value) in [("payload", json!({ "kind": "other" })), ("version", json!("1.0.0"))] {
        let mut other = body();
        other["idempotencyKey"] = "a".into();
        other[member] = value;
        tenant.post(EMIT, other).await.refused(409, "idempotency_key_reused");
    }
    assert_eq!(emit(&tenant, Some("a"), None, None).await, first);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], 1);
    app.stop().await;
}

/// Fault 12: RFC 8785, whose hash was compared, rounds both numbers to one.
#[tokio::test]
async fn integers_that_differ_beyond_the_safe_ones_are_two_requests() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let emit = |id: u64| {
        let payload = json!({ "kind": "k", "data": { "id": id } });
        tenant.post(EMIT, json!({ "name": "platformxe.generic", "idempotencyKey": "k", "payload": payload }))
    };
    emit(1_524_831_183_200_260_097).await.accepted();
    emit(1_524_831_183_200_260_098).await.refused(409, "idempotency_key_reused");
    emit(1_524_831_183_200_260_097).await.accepted();
    app.stop().await;
}

#[tokio::test]
async fn spelling_the_same_request_differently_is_no_other_request() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let first = emit(&tenant, Some("a"), None, None).await;
    let again =
        r#"{"idempotencyKey":"a","payload" : { "data":{"n":1.0}, "kind":"\u006b" }, "name":"platformxe.generic"}"#;
    assert_eq!(tenant.send("POST", EMIT, Some(again)).await.accepted()["emitId"], json!(first));
    app.stop().await;
}

#[tokio::test]
async fn keys_of_two_organizations_do_not_meet() {
    let app = TestApp::start().await;
    let (one, other) = (app.organization("FREE").await, app.organization("FREE").await);
    assert_ne!(emit(&one, Some("a"), None, None).await, emit(&other, Some("a"), None, None).await);
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_emit_is_not_charged_and_not_delivered_again() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    for _ in 0..3 {
        emit(&tenant, Some("a"), None, None).await;
        app.settle().await;
    }
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(tenant.get("/api/v1/events/custom/health").await.ok()["emits"]["thisMonth"], 1);
    app.stop().await;
}

#[tokio::test]
async fn a_key_survives_a_restart() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let first = emit(&tenant, Some("a"), None, None).await;
    let app = app.restart().await;
    let tenant = app.client_of(&tenant);
    assert_eq!(emit(&tenant, Some("a"), None, None).await, first);
    app.stop().await;
}

#[tokio::test]
async fn idempotency_key_chars_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    for legal in ["é".repeat(255), "a".to_owned(), "with spaces & signs".to_owned()] {
        emit(&tenant, Some(&legal), None, None).await;
    }
    for wrong in [String::new(), "x".repeat(256), "a\u{0}b".to_owned(), "tab\t".to_owned()] {
        let mut body = body();
        body["idempotencyKey"] = wrong.as_str().into();
        tenant.post(EMIT, body).await.refused(400, "invalid_request");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_emits_at_once_with_one_key_are_one_emit() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let (second, there) = quota::beside(&app, &tenant).await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    let mut body = body();
    body["idempotencyKey"] = "one".into();
    let answers: Vec<Answer> = join_all((0..64).map(|n| [&tenant, &there][n % 2].post(EMIT, body.clone()))).await;
    for answer in &answers {
        answer.accepted();
        assert_eq!(answer.text, answers[0].text);
    }
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], 1);
    assert_eq!(tenant.get("/api/v1/events/custom/health").await.ok()["emits"]["thisMonth"], 1);
    app.stop_with(second).await;
}

/// A client that lost the answer repeats the request; changes of the registry since do not matter.
#[tokio::test]
async fn a_repeated_emit_gets_its_first_answer_even_when_it_would_be_refused_now() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = tenant.register("order", "1.0.0").await;
    let body = json!({ "name": format!("{}.order", tenant.namespace), "payload": {}, "idempotencyKey": "once" });
    let first = tenant.post(EMIT, body.clone()).await.accepted();
    tenant.delete(&format!("/api/v1/events/custom/{id}")).await.ok();
    assert_eq!(tenant.post(EMIT, body.clone()).await.accepted(), first);
    let mut other = body.clone();
    other["payload"] = json!({ "n": 1 });
    tenant.post(EMIT, other).await.refused(409, "event_not_published");
    let mut fresh = body;
    fresh["idempotencyKey"] = "twice".into();
    tenant.post(EMIT, fresh).await.refused(409, "event_not_published");
    app.stop().await;
}
