//! `POST /api/v1/events/custom/emit` (contract 2.5, 1.11).

use serde_json::json;

use crate::support::{Receiver, TestApp};

#[tokio::test]
async fn an_accepted_emit_reaches_the_subscriber() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let receiver = Receiver::start().await;
    tenant.subscribe_all(&receiver.url("/hook")).await;
    let emit = tenant.emit_generic(json!({ "kind": "greeting" })).await;
    app.settle().await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json()["emitId"], json!(emit));
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/hook"));
    app.stop().await;
}
