//! Several hosts on one database: any number on PostgreSQL, a single one on an SQLite file.

use std::time::Duration;

use serde_json::json;
use weir::{app::App, app::Settings, domain::vault::RootKey};

use crate::support::{
    Receiver, TestApp,
    database::{is_postgres, number},
};

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

/// On SQLite the second host is the first one restarted.
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
    let there = app.client_of(&acme);
    let here = beside.as_ref().map_or(there.clone(), |_| acme.clone());
    there.emit(&name, json!({})).await;

    // Both hosts have the organization in their caches now. A subscription that is made there gets an event
    // that is emitted here.
    there.subscribe(&name, &receiver.url("/")).await;
    here.emit(&name, json!({ "n": 1 })).await;
    receiver.wait_for(1).await;
    // A registration archived here cannot be emitted there.
    here.delete(&format!("/api/v1/events/custom/{id}")).await.ok();
    let body = json!({ "name": name, "payload": {} });
    there.post("/api/v1/events/custom/emit", body).await.refused(409, "event_not_published");
    // A switched-off organization is refused by both hosts, although they have its key in their caches.
    here.emit_generic(json!({ "kind": "k" })).await;
    let path = format!("/api/admin/v1/organizations/{}", acme.id);
    app.admin().patch(&path, json!({ "isActive": false })).await.ok();
    let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
    here.post("/api/v1/events/custom/emit", body.clone()).await.refused(403, "organization_inactive");
    there.post("/api/v1/events/custom/emit", body).await.refused(403, "organization_inactive");
    app.stop_with(beside).await;
}

/// Two hosts never make the same attempt while both run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_share_the_work_without_doing_it_twice() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let beside = app.beside_on_postgres().await;
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let there = beside.as_ref().unwrap_or(&app).client_of(&acme);
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

/// An emit that a dead host left in the table, or that could not be routed at once, does not wait behind
/// traffic that never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_table_is_routed_although_traffic_never_stops() {
    let app = TestApp::start().await;
    let acme = app.organization("ENTERPRISE").await;
    let left_behind = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let location = app.database.location.clone();
    let undo = format!("update emit set routed_at = null, due_at = 1 where id = '{left_behind}' returning claims");
    number(&location, &undo).await;
    let traffic = tokio::spawn({
        let acme = acme.clone();
        async move {
            loop {
                acme.emit_generic(json!({ "kind": "k" })).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let routed = format!("select count(*) from emit where id = '{left_behind}' and routed_at is not null");
    let is_routed = async {
        while number(&location, &routed).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_routed).await.expect("the emit that was left behind is routed");
    traffic.abort();
    drop(traffic.await);
    app.stop().await;
}

#[tokio::test]
async fn a_root_key_of_another_database_is_refused_at_the_start() {
    let app = TestApp::start().await;
    app.organization("FREE").await;
    let database = app.database.clone();
    app.stop().await;
    let refused = App::start(Settings::new(database.location.clone(), RootKey::new([8; 32]))).await;
    let error = refused.err().expect("the key opens nothing here");
    let (needed, given) = (RootKey::new([7; 32]).id().to_string(), RootKey::new([8; 32]).id().to_string());
    for named in [needed.as_str(), given.as_str(), "WEIR_ROOT_KEY_PREVIOUS"] {
        assert!(error.message().contains(named), "{error}");
    }
}
