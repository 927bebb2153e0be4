//! Several hosts: as many as one likes on one PostgreSQL, and never two on one SQLite file.

use serde_json::json;
use weir::{app::App, app::Settings, domain::vault::RootKey};

use crate::support::{Receiver, TestApp, database::is_postgres};

#[tokio::test]
async fn an_sqlite_file_has_one_owner_and_postgres_many() {
    let app = TestApp::start().await;
    if is_postgres() {
        let beside = app.beside().await;
        beside.stop().await;
    } else {
        let refused = App::start(Settings::new(app.database.location.clone(), RootKey::new([7; 32]))).await;
        let error = refused.err().expect("a second owner is refused");
        assert!(error.message().contains("one owner"), "{error}");
    }
    app.stop().await;
}

/// On SQLite the second host is the first one restarted: what it remembers has to be right, too.
#[tokio::test]
async fn what_one_host_changed_holds_at_once_on_another() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let id = acme.register("order", "1.0.0").await;
    let name = format!("{}.order", acme.namespace);
    acme.emit(&name, json!({})).await;
    let (app, beside) = if is_postgres() {
        let beside = app.beside().await;
        (beside, Some(app))
    } else {
        (app.restart().await, None)
    };
    let there = app.client(&acme.id, &acme.namespace, acme.key());
    let here = beside.as_ref().map_or(there.clone(), |_| acme.clone());
    there.emit(&name, json!({})).await;

    // Both remember the organization now. A subscription made there gets what is emitted here.
    there.subscribe(&name, &receiver.url("/")).await;
    here.emit(&name, json!({ "n": 1 })).await;
    receiver.wait_for(1).await;
    // A registration archived here cannot be emitted there.
    here.delete(&format!("/api/v1/events/custom/{id}")).await.ok();
    let body = json!({ "name": name, "payload": {} });
    there.post("/api/v1/events/custom/emit", body).await.refused(409, "event_not_published");
    // A switched-off organization is switched off everywhere, whatever keys are remembered.
    here.emit_generic(json!({ "kind": "k" })).await;
    let path = format!("/api/admin/v1/organizations/{}", acme.id);
    app.admin().patch(&path, json!({ "isActive": false })).await.ok();
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    here.post("/api/v1/events/custom/emit", body.clone()).await.refused(403, "organization_inactive");
    there.post("/api/v1/events/custom/emit", body).await.refused(403, "organization_inactive");
    if let Some(beside) = beside {
        beside.stop().await;
    }
    app.stop().await;
}

/// Two hosts never deliver the same thing twice while both are well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_share_the_work_without_doing_it_twice() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let beside = if is_postgres() { Some(app.beside().await) } else { None };
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let there = beside.as_ref().unwrap_or(&app).client(&acme.id, &acme.namespace, acme.key());
    for number in 0..100 {
        let client = if number % 2 == 0 { &acme } else { &there };
        client.emit_generic(json!({ "kind": "k", "data": { "n": number } })).await;
    }
    app.settle().await;
    if let Some(beside) = beside {
        beside.settle().await;
        beside.stop().await;
    }
    app.settle().await;
    assert_eq!(receiver.requests().len(), 100);
    app.stop().await;
}
