//! `POST /api/v1/events/custom/emit` (contract 2.5, 6.4).

use serde_json::{Value, json};

use crate::support::{Answer, Client, Receiver, TestApp, client::text};

const EMIT: &str = "/api/v1/events/custom/emit";
const PAYLOAD_BYTES_MAX: usize = 262_144;

async fn emit(tenant: &Client, body: Value) -> Answer {
    tenant.post(EMIT, body).await
}

/// An emit of the generic event whose payload has exactly so many bytes.
fn of_size(bytes: usize) -> String {
    let (head, tail) = (r#"{"kind":"k","pad":""#, r#""}"#);
    let payload = format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()));
    format!(r#"{{"name":"platformxe.generic","payload":{payload}}}"#)
}

#[tokio::test]
async fn an_emit_is_accepted_with_its_canonical_name() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let data = emit(&tenant, json!({ "name": "platformxe.generic", "payload": { "kind": "k" } })).await.accepted();
    let id = text(&data["emitId"]);
    assert!(id.starts_with("evt_"), "{id}");
    let canonical = format!("TENANT_CUSTOM:{}:platformxe.generic@1.0.0", tenant.id);
    assert_eq!(data, json!({ "emitId": id, "canonicalName": canonical, "status": "queued" }));
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_emit_has_a_code_of_its_own() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let generic = |payload: Value| json!({ "name": "platformxe.generic", "payload": payload });
    for (body, status, code) in [
        (json!({}), 400, "invalid_request"),
        (json!({ "name": "platformxe.generic" }), 400, "invalid_request"),
        (json!({ "payload": {} }), 400, "invalid_request"),
        (generic(json!(null)), 400, "invalid_request"),
        (generic(json!([])), 400, "invalid_request"),
        (generic(json!("text")), 400, "invalid_request"),
        (json!({ "name": "nodot", "payload": {} }), 400, "invalid_name"),
        (json!({ "name": "UPPER.name", "payload": {} }), 400, "invalid_namespace"),
        (json!({ "name": "lower.1", "payload": {} }), 400, "invalid_name"),
        (json!({ "name": "a.b", "version": "1", "payload": {} }), 400, "invalid_namespace"),
        (json!({ "name": "ab.cd", "version": "1", "payload": {} }), 400, "invalid_version_format"),
        (json!({ "name": "ab.cd", "version": "*", "payload": {} }), 400, "invalid_version_format"),
        (json!({ "name": "ab.cd", "payload": {} }), 404, "event_not_registered"),
        (generic(json!({})), 400, "payload_invalid"),
        (generic(json!({ "kind": "" })), 400, "payload_invalid"),
        (generic(json!({ "kind": "k", "data": 1 })), 400, "payload_invalid"),
    ] {
        let answer = emit(&tenant, body.clone()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{body}: {answer}");
    }
    assert_eq!(tenant.get("/api/v1/emits").await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_refused_payload_says_where_it_is_wrong() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": 7, "data": "text" } });
    let answer = emit(&tenant, body).await;
    answer.refused(400, "payload_invalid");
    let details = answer.body()["error"]["details"].to_string();
    assert!(details.contains("/kind") && details.contains("/data"), "{details}");
    app.stop().await;
}

#[tokio::test]
async fn without_a_version_the_latest_published_one_is_emitted() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        tenant.register("order", version).await;
    }
    let draft = json!({
        "namespace": tenant.namespace, "name": "order", "version": "2.0.0", "payloadSchema": { "type": "object" },
    });
    let draft = text(&tenant.post("/api/v1/events/custom", draft).await.created()["id"]);
    let name = format!("{}.order", tenant.namespace);
    let version_of =
        |answer: Answer| text(&answer.accepted()["canonicalName"]).rsplit_once('@').map(|v| v.1.to_owned());
    let latest = || emit(&tenant, json!({ "name": name, "payload": {} }));
    assert_eq!(version_of(latest().await).as_deref(), Some("1.2.0"));
    let exact = emit(&tenant, json!({ "name": name, "version": "1.0.0", "payload": {} })).await;
    assert_eq!(version_of(exact).as_deref(), Some("1.0.0"));
    tenant.patch(&format!("/api/v1/events/custom/{draft}"), json!({ "status": "published" })).await.ok();
    assert_eq!(version_of(latest().await).as_deref(), Some("2.0.0"));
    tenant.delete(&format!("/api/v1/events/custom/{draft}")).await.ok();
    assert_eq!(version_of(latest().await).as_deref(), Some("1.2.0"));
    app.stop().await;
}

#[tokio::test]
async fn drafts_and_archived_events_are_not_emitted() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let name = format!("{}.order", tenant.namespace);
    let body = json!({
        "namespace": tenant.namespace, "name": "order", "version": "1.0.0", "payloadSchema": { "type": "object" },
    });
    let path =
        format!("/api/v1/events/custom/{}", text(&tenant.post("/api/v1/events/custom", body).await.created()["id"]));
    let latest = || emit(&tenant, json!({ "name": name, "payload": {} }));
    let exact = || emit(&tenant, json!({ "name": name, "version": "1.0.0", "payload": {} }));
    latest().await.refused(409, "event_not_published");
    exact().await.refused(409, "event_not_published");
    emit(&tenant, json!({ "name": name, "version": "1.0.1", "payload": {} }))
        .await
        .refused(404, "event_not_registered");
    tenant.patch(&path, json!({ "status": "published" })).await.ok();
    latest().await.accepted();
    exact().await.accepted();
    tenant.delete(&path).await.ok();
    latest().await.refused(409, "event_not_published");
    exact().await.refused(409, "event_not_published");
    app.stop().await;
}

#[tokio::test]
async fn free_emits_the_generic_event_only() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    let name = format!("{}.order", tenant.namespace);
    emit(&tenant, json!({ "name": name, "payload": {} })).await.refused(404, "event_not_registered");
    app.stop().await;
}

#[tokio::test]
async fn payload_bytes_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.send("POST", EMIT, Some(of_size(PAYLOAD_BYTES_MAX + 1))).await.refused(413, "payload_too_large");
    tenant.send("POST", EMIT, Some(of_size(PAYLOAD_BYTES_MAX))).await.accepted();
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1, "the largest payload is delivered");
    assert_eq!(tenant.get("/api/v1/deliveries?status=SUCCESS").await.ok()["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn request_body_bytes_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let padded = |bytes: usize| {
        let body = of_size(1_000);
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    tenant.send("POST", EMIT, Some(padded(1_048_577))).await.refused(413, "request_too_large");
    tenant.send("POST", EMIT, Some(padded(1_048_576))).await.accepted();
    app.stop().await;
}

#[tokio::test]
async fn a_payload_is_kept_and_delivered_byte_for_byte() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/")).await;
    let payload = r#"{ "z":1.0, "kind" : "k\u00e9é", "a":1e2,"n":12345678901234567890.0100,  "nul":"\u0000" }"#;
    let body = format!(r#"{{"name":"platformxe.generic","payload":{payload}}}"#);
    let id = text(&tenant.send("POST", EMIT, Some(body)).await.accepted()["emitId"]);
    app.settle().await;
    let shown = tenant.get(&format!("/api/v1/emits/{id}")).await;
    assert!(shown.text.contains(&format!("\"payload\":{payload}")), "{shown}");
    let delivered = String::from_utf8(receiver.requests()[0].body.clone()).expect("UTF-8");
    for member in ["data", "payload"] {
        assert!(delivered.contains(&format!("\"{member}\":{payload}")), "{delivered}");
    }
    app.stop().await;
}

#[tokio::test]
async fn payload_depth_max() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let deep = |levels: usize| {
        let lists = levels - 1;
        format!(r#"{{"kind":"k","data":{{"v":{}{}}}}}"#, "[".repeat(lists - 1), "]".repeat(lists - 1))
    };
    for (levels, is_accepted) in [(127, true), (128, false), (50_000, false)] {
        let emit = format!(r#"{{"name":"platformxe.generic","payload":{}}}"#, deep(levels));
        let ingest = format!(r#"{{"eventType":"app.order","payload":{}}}"#, deep(levels));
        for (path, body) in [(EMIT, emit), ("/api/v1/events", ingest)] {
            let answer = tenant.send("POST", path, Some(body)).await;
            if is_accepted {
                answer.accepted();
            } else {
                answer.refused(400, "payload_invalid");
                assert!(answer.text.contains("nests deeper than 127 levels"), "{answer}");
            }
        }
    }
    app.stop().await;
}
