//! The rules for a schema at its registration (contract 6.3): that they hold over HTTP, and their
//! refusals. `host/crates/schema/src/schema/tests.rs` tests the rules one by one.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use weir::domain::schema_caps::{ByPlan, SchemaCaps};

use crate::support::{Answer, Client, TestApp, client::text};

const EVENTS: &str = "/api/v1/events/custom";

async fn register(tenant: &Client, name: &str, schema: &Value) -> Answer {
    let body = json!({
        "namespace": tenant.namespace, "name": name, "version": "1.0.0", "payloadSchema": schema, "status": "published",
    });
    tenant.post(EVENTS, body).await
}

async fn emit(tenant: &Client, name: &str, payload: Value) -> Answer {
    let name = format!("{}.{name}", tenant.namespace);
    tenant.post("/api/v1/events/custom/emit", json!({ "name": name, "payload": payload })).await
}

/// A schema with a reference to a chain below `$defs`: so many schemas, the last one of a scalar.
fn referred(levels: usize) -> Value {
    let chain = (1..levels).fold(json!({}), |inner, _| json!({ "properties": { "p": inner } }));
    json!({ "properties": { "a": { "$ref": "#/$defs/a" } }, "$defs": { "a": chain } })
}

fn properties(count: usize) -> Value {
    (0..count).map(|number| (format!("p{number}"), json!({}))).collect()
}

#[tokio::test]
async fn the_caps_hold_through_references_and_branches() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    register(&tenant, "deep", &referred(5)).await.created();
    let refused = register(&tenant, "too-deep", &referred(6)).await;
    refused.refused(400, "schema_too_deep");
    assert_eq!(
        refused.body()["error"]["details"]["pointer"],
        "/$defs/a/properties/p/properties/p/properties/p/properties/p"
    );
    let spread = |last: usize| {
        json!({
            "properties": properties(20), "allOf": [{ "properties": properties(20) }],
            "$defs": { "a": { "properties": properties(last) } },
        })
    };
    register(&tenant, "wide", &spread(10)).await.created();
    register(&tenant, "too-wide", &spread(11)).await.refused(400, "schema_too_wide");
    // A circle of references counts once around.
    let tree = json!({ "properties": { "children": { "items": { "$ref": "#" } }, "value": { "type": "integer" } } });
    register(&tenant, "tree", &tree).await.created();
    emit(&tenant, "tree", json!({ "children": [{ "children": [{ "value": 1 }] }] })).await.accepted();
    emit(&tenant, "tree", json!({ "children": [{ "children": [{ "value": "x" }] }] }))
        .await
        .refused(400, "payload_invalid");
    app.stop().await;
}

#[tokio::test]
async fn a_plan_may_have_other_caps() {
    let app = TestApp::with(|settings| {
        settings.schema_caps.depth = ByPlan::parse_depth("ENTERPRISE=8").expect("a cap");
        settings.schema_caps.properties = ByPlan::parse_properties("60").expect("a cap");
    })
    .await;
    let (pro, enterprise) = (app.organization("PRO").await, app.organization("ENTERPRISE").await);
    register(&pro, "deep", &referred(6)).await.refused(400, "schema_too_deep");
    register(&enterprise, "deep", &referred(8)).await.created();
    register(&enterprise, "deeper", &referred(9)).await.refused(400, "schema_too_deep");
    register(&pro, "wide", &json!({ "properties": properties(60) })).await.created();
    register(&pro, "wider", &json!({ "properties": properties(61) })).await.refused(400, "schema_too_wide");
    // Caps are looked at when a schema is registered, and not when its validator is made.
    let app = app.restart_with(|settings| settings.schema_caps = SchemaCaps::default()).await;
    let enterprise = app.client_of(&enterprise);
    emit(&enterprise, "deep", json!({ "a": { "p": 1 } })).await.accepted();
    app.stop().await;
}

#[tokio::test]
async fn a_schema_of_an_earlier_draft_is_stored_as_2020_12() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let source = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": { "pair": { "items": [{ "type": "string" }, { "type": "integer" }], "additionalItems": false } },
    });
    let data = register(&tenant, "pair", &source).await.created();
    let converted = json!([
        { "path": "/$schema", "change": "read as draft-07, and written as 2020-12" },
        { "path": "/properties/pair/items", "change": "became prefixItems" },
        { "path": "/properties/pair/additionalItems", "change": "became items" },
    ]);
    assert_eq!(data["details"]["converted"], converted);
    let shown = tenant.get(&format!("{EVENTS}/{}", text(&data["id"]))).await.ok();
    assert_eq!((&shown["sourceSchema"], &shown["details"]), (&source, &data["details"]));
    let stored = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": { "pair": { "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false } },
    });
    assert_eq!(shown["payloadSchema"], stored);
    emit(&tenant, "pair", json!({ "pair": ["a", 1] })).await.accepted();
    for wrong in [json!({ "pair": [1] }), json!({ "pair": ["a", 1, 2] })] {
        emit(&tenant, "pair", wrong).await.refused(400, "payload_invalid");
    }
    let tried = json!({ "namespace": tenant.namespace, "name": "tried", "version": "1.0.0", "payloadSchema": source });
    let tried = tenant.post(&format!("{EVENTS}/dry-run"), tried).await.ok();
    assert_eq!((&tried["details"]["converted"], &tried["schemaHash"]), (&converted, &data["schemaHash"]));
    // What was 2020-12 before stays byte for byte, and says nothing of this.
    let plain = register(&tenant, "plain", &stored).await.created();
    let plain = tenant.get(&format!("{EVENTS}/{}", text(&plain["id"]))).await.ok();
    assert!(plain.get("sourceSchema").is_none() && plain.get("details").is_none(), "{plain}");
    app.stop().await;
}

#[tokio::test]
async fn what_does_not_compile_says_where_and_why() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for (schema, pointer) in [
        (json!({ "properties": { "a": { "type": "strnig" } } }), "/properties/a/type"),
        (json!({ "properties": { "a/b": { "$ref": "https://example.com/schema.json" } } }), "/properties/a~1b"),
        (json!({ "properties": { "a": { "$ref": "#/$defs/none" } } }), "/properties/a"),
        (json!({ "properties": { "a": { "$ref": "file:///etc/passwd" } } }), "/properties/a"),
        (json!({ "properties": { "a": { "pattern": "(a" } } }), "/properties/a"),
        (json!({ "properties": { "a": { "pattern": "^(?=a)" } } }), "/properties/a"),
        (json!({ "properties": { "a": { "pattern": "(a{1,1000}){1,1000}" } } }), "/properties/a"),
        (json!({ "$schema": "http://json-schema.org/draft-03/schema#" }), ""),
        (json!({ "allOf": [{ "$ref": "#" }] }), ""),
    ] {
        let answer = register(&tenant, "order", &schema).await;
        answer.refused(400, "invalid_json_schema");
        let details = answer.body()["error"]["details"].clone();
        assert!(text(&details["pointer"]).starts_with(pointer), "{schema}: {answer}");
        assert!(!text(&details["reason"]).is_empty(), "{answer}");
    }
    app.stop().await;
}

#[tokio::test]
async fn formats_are_asserted_and_openapi_is_understood() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let schema = json!({ "type": "object", "properties": {
        "at": { "type": "string", "format": "date-time", "nullable": true },
        "mail": { "type": "string", "format": "email" },
        "odd": { "type": "string", "format": "of-our-own" },
    } });
    assert_eq!(register(&tenant, "order", &schema).await.created()["schemaFlavour"], "openapi-3.1");
    emit(&tenant, "order", json!({ "at": null, "mail": "a@example.com", "odd": "anything" })).await.accepted();
    for wrong in [json!({ "at": "yesterday" }), json!({ "mail": "nobody" }), json!({ "mail": null })] {
        emit(&tenant, "order", wrong).await.refused(400, "payload_invalid");
    }
    app.stop().await;
}

/// The hash is that of RFC 8785 but for integers beyond 2^53: the order of members, spaces and the spelling
/// of numbers and texts do not change it.
#[tokio::test]
async fn the_hash_is_that_of_the_canonical_text() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let mut hashes = Vec::new();
    for (number, schema) in [
        r#"{"type":"object","properties":{"n":{"minimum":1,"title":"é"}}}"#,
        r#"{ "properties": {"n":{"title":"\u00e9", "minimum":1.0e0}}, "type":"object" }"#,
    ]
    .into_iter()
    .enumerate()
    {
        let namespace = &tenant.namespace;
        let body = format!(
            r#"{{"namespace":"{namespace}","name":"order-{number}","version":"1.0.0","payloadSchema":{schema}}}"#
        );
        hashes.push(text(&tenant.send("POST", EVENTS, Some(body)).await.created()["schemaHash"]));
    }
    // printf '{"properties":{"n":{"minimum":1,"title":"é"}},"type":"object"}' | sha256sum
    assert_eq!(hashes, [HASH, HASH]);
    app.stop().await;
}

const HASH: &str = "839e98c7561ca5b855e85a210af0a6eced2f4b04cfc04b0882568249c979a4b1";

#[tokio::test]
async fn a_refused_payload_names_twenty_mistakes_at_most_and_no_value() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let schema = json!({ "properties": { "list": { "items": { "type": "integer", "minimum": 0 } } } });
    register(&tenant, "order", &schema).await.created();
    for (count, shown) in [(1, 1), (20, 20), (21, 20), (1_000, 20)] {
        let answer = emit(&tenant, "order", json!({ "list": vec!["hunter2"; count] })).await;
        answer.refused(400, "payload_invalid");
        let errors = answer.body()["error"]["details"]["errors"].as_array().expect("a list").clone();
        assert_eq!(errors.len(), shown);
        assert_eq!(errors[0]["path"], "/list/0");
        assert_eq!(errors[0]["keyword"], "type");
        assert!(errors.iter().all(|error| error["message"].is_string()), "{answer}");
        assert!(!answer.text.contains("hunter2"), "{answer}");
    }
    app.stop().await;
}

/// A schema and a payload that are slow to check: the check ends, and other organizations do not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_payload_check_delays_no_other_organization() {
    const SLOW: usize = 48;
    let app = TestApp::start().await;
    let (hostile, bystander) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let branch = json!({ "properties": { "a": { "$ref": "#/$defs/t" } }, "required": ["never"] });
    let schema = json!({ "$ref": "#/$defs/t", "$defs": { "t": { "anyOf": [branch, branch] } } });
    register(&hostile, "order", &schema).await.created();
    let payload = (0..60).fold(json!({}), |inner, _| json!({ "a": inner }));
    let mut slow = JoinSet::new();
    for _ in 0..SLOW {
        let (hostile, payload) = (hostile.clone(), payload.clone());
        slow.spawn(async move { emit(&hostile, "order", payload).await });
    }
    // The checks need not begin in the order in which the emits were sent.
    slow.join_next().await.expect("many").expect("answered").refused(400, "payload_invalid");
    bystander.emit_generic(json!({ "kind": "k" })).await;
    let mut faster = 0;
    while slow.try_join_next().is_some() {
        faster += 1;
    }
    assert!(faster < SLOW - 1, "the slow ones were faster");
    drop(slow);
    app.stop().await;
}
