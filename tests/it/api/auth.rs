//! Keys, tokens and scopes (contract 1.3, 14.6).

use serde_json::json;

use super::{ROUTES, Route, Who};
use crate::support::{Client, TestApp, app::ADMIN_TOKEN, client::text};

/// The path of a route with a value for each parameter.
fn filled(path: &str) -> String {
    let id = "01jd0000000000000000000000";
    let path = path.replace("{id}", &format!("org_{id}")).replace("{key}", &format!("key_{id}"));
    path.replace("{namespace}", "name").replace("{member}", &format!("cefm_{id}"))
}

async fn ask(client: &Client, route: &Route) -> (u16, String) {
    let answer = client.send(route.method, &filled(route.path), Some("{}")).await;
    let code = answer.body()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[tokio::test]
async fn a_key_comes_as_x_api_key_or_as_bearer() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let key = tenant.key().to_owned();
    assert!(key.starts_with("pxk_live_"), "{key}");
    let path = "/api/v1/events/custom";
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.anonymous().with_header("authorization", &format!("{scheme} {key}")).get(path).await.ok();
    }
    let both = app.anonymous().with_header("x-api-key", &key).with_header("authorization", "Bearer nonsense");
    both.get(path).await.ok();
    app.stop().await;
}

#[tokio::test]
async fn without_a_valid_key_no_route_answers() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let key = tenant.key();
    let garbage = [
        app.anonymous(),
        app.anonymous().with_header("x-api-key", ""),
        app.anonymous().with_header("x-api-key", "nonsense"),
        app.anonymous().with_header("x-api-key", "pxk_live_00000000000000000000000000000000"),
        app.anonymous().with_header("x-api-key", &format!("{key}x")),
        app.anonymous().with_header("x-api-key", &key.to_lowercase()),
        app.anonymous().with_header("x-api-key", &"k".repeat(10_000)),
        app.anonymous().with_header("x-api-key", "schlüssel"),
        app.anonymous().with_header("authorization", key),
        app.anonymous().with_header("authorization", "Bearer"),
        app.anonymous().with_header("authorization", "Bearer "),
        app.anonymous().with_header("authorization", &format!("Basic {key}")),
        app.admin(),
    ];
    for client in &garbage {
        for route in ROUTES.iter().filter(|route| matches!(route.who, Who::Reader | Who::Manager | Who::Webhooks)) {
            assert_eq!(ask(client, route).await, (401, "UNAUTHORIZED".to_owned()), "{route:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn only_the_operators_token_opens_the_operators_routes() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let garbage = [
        app.anonymous(),
        tenant.clone(),
        app.anonymous().with_header("authorization", "Bearer wrong"),
        app.anonymous().with_header("authorization", &format!("Bearer {ADMIN_TOKEN}x")),
        app.anonymous().with_header("authorization", &format!("Basic {ADMIN_TOKEN}")),
        app.anonymous().with_header("authorization", &format!("Bearer {}", tenant.key())),
        app.anonymous().with_header("x-api-key", ADMIN_TOKEN),
    ];
    for client in &garbage {
        for route in ROUTES.iter().filter(|route| route.who == Who::Operator) {
            assert_eq!(ask(client, route).await, (401, "UNAUTHORIZED".to_owned()), "{route:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn without_a_configured_token_there_are_no_operators_routes() {
    let app = TestApp::with(|settings| settings.admin_token = None).await;
    for client in [app.admin(), app.anonymous(), app.anonymous().with_header("authorization", "Bearer ")] {
        for route in ROUTES.iter().filter(|route| route.who == Who::Operator) {
            assert_eq!(ask(&client, route).await, (404, "NOT_FOUND".to_owned()), "{route:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_route_needs_a_scope() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let path = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
    for (scopes, reads, manages, webhooks) in [
        (json!(["events:read"]), true, false, false),
        (json!(["events:manage"]), true, true, false),
        (json!(["webhooks:manage", "ai:complete"]), false, false, true),
        (json!([]), false, false, false),
    ] {
        let body = json!({ "callerService": "service", "scopes": scopes });
        let key = text(&app.admin().post(&path, body).await.created()["apiKey"]);
        let client = tenant.with_key(&key);
        for route in ROUTES {
            let may = match route.who {
                Who::Reader => reads,
                Who::Manager => manages,
                Who::Webhooks => webhooks,
                Who::Anybody | Who::Operator => continue,
            };
            let forbidden = ask(&client, route).await == (403, "FORBIDDEN".to_owned());
            assert_eq!(forbidden, !may, "{scopes} on {route:?}");
        }
    }
    app.stop().await;
}
