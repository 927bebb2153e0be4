//! Several hosts on one database: any number on PostgreSQL, a single one on an SQLite file.

use std::time::Duration;

use serde_json::json;
use weir::{app::App, app::Settings, domain::vault::RootKey};

use crate::support::{
    Receiver, TestApp,
    database::{execute, is_postgres, number},
};

const EMIT: &str = "/api/v1/events/custom/emit";

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

/// Labels have nothing to do with whether an event is accepted: an organization that changes them all the time
/// emits as any other. Each change is faster than the look at an organization.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_labels_without_a_pause_keep_nobody_from_emitting() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    let (id, _) = acme.subscribe_all(&receiver.url("/")).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut changing = tokio::task::JoinSet::new();
    for client in 0..4 {
        let (acme, stop, path) = (acme.clone(), stop.clone(), format!("/api/v1/event-subscriptions/{id}"));
        changing.spawn(async move {
            let mut changes = 0;
            while !stop.is_cancelled() {
                acme.patch(&path, json!({ "labels": { "n": format!("{client}-{changes}") } })).await.ok();
                changes += 1;
            }
            changes
        });
    }
    for _ in 0..200 {
        acme.emit_generic(json!({ "kind": "k" })).await;
    }
    stop.cancel();
    let changes: u32 = changing.join_all().await.iter().sum();
    assert!(changes > 100, "{changes} changes are no storm");
    app.settle().await;
    assert_eq!(receiver.requests().len(), 200);
    app.stop().await;
}

/// An emit that was checked before a subscription was switched on, and is accepted after it, belongs to it.
#[tokio::test]
async fn an_emit_that_is_accepted_after_a_subscription_was_switched_on_comes_to_it() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let (id, _) = acme.subscribe_all(&receiver.url("/")).await;
    let path = format!("/api/v1/event-subscriptions/{id}");
    acme.patch(&path, json!({ "isActive": false })).await.ok();
    // The host remembers the organization at this revision, without a subscription that is switched on.
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    // Another host switches it on, which leaves the rules alone.
    let location = &app.database.location;
    execute(location, &format!("update subscription set is_active = (1 = 1) where id = '{id}'")).await;
    execute(location, &format!("update organization set revision = revision + 1 where id = '{}'", acme.id)).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    app.settle().await;
    let revision = number(location, "select revision from organization where id <> ''").await;
    let newest = number(location, "select max(revision) from emit").await;
    assert_eq!(newest, revision, "it is accepted under the present revision");
    app.stop().await;
}

/// A revision is the time of its change. So the change after a failover has another one than the change that
/// the new server had missed, although both come after the same one.
#[tokio::test]
async fn a_change_after_a_failover_is_not_taken_for_one_that_was_lost() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let location = app.database.location.clone();
    let acme = app.organization("PRO").await;
    let sql = format!("select revision from organization where id = '{}'", acme.id);
    assert_eq!(number(&location, &sql).await, app.clock.now().as_millis());
    let Some(beside) = app.beside_on_postgres().await else { return app.stop().await };
    let there = beside.client_of(&acme);
    let before = number(&location, &sql).await;

    app.clock.advance(Duration::from_secs(1));
    let (lost, _) = acme.subscribe_all(&receiver.url("/lost")).await;
    there.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    app.settle().await;
    // The new server never saw the subscription.
    for undo in [
        "delete from attempt".to_owned(),
        "delete from delivery".to_owned(),
        format!("delete from subscription where id = '{lost}'"),
        format!("update organization set revision = {before} where id = '{}'", acme.id),
    ] {
        execute(&location, &undo).await;
    }
    // Accepted and routed without the subscription that was lost.
    there.emit_generic(json!({ "kind": "k" })).await;
    app.clock.advance(Duration::from_secs(1));
    acme.subscribe_all(&receiver.url("/kept")).await;
    there.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(2).await;
    beside.settle().await;
    app.settle().await;
    let paths: Vec<String> = receiver.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/lost", "/kept"]);
    app.stop_with(Some(beside)).await;
}

/// The other host remembers the key and the organization, and a refused emit never meets the ledger.
#[tokio::test]
async fn a_revoked_key_is_refused_on_every_host_whatever_it_sends() {
    let app = TestApp::start().await;
    let acme = app.organization("PRO").await;
    let beside = app.beside_on_postgres().await;
    let there = beside.as_ref().unwrap_or(&app).client_of(&acme);
    there.emit_generic(json!({ "kind": "k" })).await;
    let keys = format!("/api/admin/v1/organizations/{}/keys", acme.id);
    let key = app.admin().get(&keys).await.ok()["keys"][0]["id"].as_str().expect("an id").to_owned();
    let wrong = [
        "no JSON".to_owned(),
        json!({ "name": "platformxe.generic", "payload": {} }).to_string(),
        json!({ "name": "nodot", "payload": {} }).to_string(),
        json!({ "name": "un.known", "payload": {} }).to_string(),
        json!({ "name": "platformxe.generic" }).to_string(),
        json!({ "name": "platformxe.generic", "payload": { "kind": "k" } }).to_string(),
        format!(r#"{{"name":"{}"}}"#, "x".repeat(2 << 20)),
    ];
    let organization = format!("/api/admin/v1/organizations/{}", acme.id);
    app.admin().patch(&organization, json!({ "isActive": false })).await.ok();
    for body in &wrong {
        there.send("POST", EMIT, Some(body.clone())).await.refused(403, "organization_inactive");
    }
    app.admin().patch(&organization, json!({ "isActive": true })).await.ok();
    there.emit_generic(json!({ "kind": "k" })).await;
    app.admin().delete(&format!("{keys}/{key}")).await.ok();
    for body in &wrong {
        there.send("POST", EMIT, Some(body.clone())).await.refused(401, "UNAUTHORIZED");
    }
    app.stop_with(beside).await;
}
