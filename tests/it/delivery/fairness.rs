//! Slow endpoints and slow filters of one organization or subscription do not delay the others.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Receiver, Reply, TestApp};

/// Due deliveries of the organization whose endpoint hangs.
const DUE: i64 = 10_000;
/// How long routing may take to write the deliveries.
const ROUTED: Duration = Duration::from_secs(20);
/// Far below the ten seconds for which the endpoint hangs, and wide enough for a busy machine.
const UNDELAYED: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_due_deliveries_to_a_hanging_endpoint_delay_no_others() {
    let app = TestApp::start().await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    hanging.always(Reply::Hang);
    let (acme, other) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    // The bounds of ten subscriptions together allow every slot that there is.
    for number in 0..10 {
        acme.subscribe("platformxe.generic", &hanging.url(&format!("/{number}"))).await;
    }
    other.subscribe("platformxe.generic", &healthy.url("/")).await;
    acme.emit_many(1_024).await;
    let all_are_owed = async {
        while app.admin().get("/api/admin/v1/status").await.ok()["deliveries"]["owed"].as_i64() < Some(DUE) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(ROUTED, all_are_owed).await.expect("routing keeps up");
    hanging.wait_for(40).await;

    for number in 1..=20 {
        let began = Instant::now();
        other.emit_generic(json!({ "kind": "k" })).await;
        healthy.wait_for(number).await;
        assert!(began.elapsed() < UNDELAYED, "event {number} took {:?}", began.elapsed());
    }
    app.stop_with_work_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_worked_off_in_order_and_completely() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::Hang);
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_many(512).await;
    receiver.always(Reply::status(200));
    receiver.release();
    app.settle().await;
    assert_eq!(acme.get("/api/v1/deliveries?status=SUCCESS&limit=1").await.ok()["total"], 512);
    let mut ids = receiver.event_ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 512);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_hang_do_not_delay_those_of_the_same_organization() {
    let app = TestApp::start().await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    for number in 0..10 {
        acme.subscribe("platformxe.generic", &hanging.url(&format!("/{number}"))).await;
    }
    acme.subscribe("platformxe.generic", &healthy.url("/")).await;
    // The host knows the endpoints as quick when they stop answering.
    acme.emit_many(256).await;
    app.settle().await;
    hanging.always(Reply::Hang);
    acme.emit_many(256).await;
    healthy.wait_for(512).await;
    for number in 1..=20 {
        let began = Instant::now();
        acme.emit_generic(json!({ "kind": "k" })).await;
        healthy.wait_for(512 + number).await;
        assert!(began.elapsed() < UNDELAYED, "event {number} took {:?}", began.elapsed());
    }
    app.stop_with_work_left().await;
}

/// One organization has far more events with slow filters than can be routed soon; the other one emits
/// after it, and does not wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_organization_with_slow_filters_are_not_routed_in_front_of_all_others() {
    const SLOW_EMITS: usize = 60;
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (slow, quick) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    slow.register("order.placed", "1.0.0").await;
    let name = format!("{}.order.placed", slow.namespace);
    let filter = json!({ "a": [{ "wildcard": "*aaaaaaaab*b" }, { "wildcard": "*aaaaaaaab*c" }] });
    for number in 0..20 {
        let url = receiver.url(&format!("/slow/{number}"));
        let body = json!({ "name": name, "webhookUrl": url, "filter": filter });
        slow.post("/api/v1/events/custom/subscribe", body).await.created();
    }
    quick.subscribe("platformxe.generic", &receiver.url("/quick")).await;
    let payload = json!({ "a": "a".repeat(150_000) });
    for _ in 0..SLOW_EMITS {
        slow.emit(&name, payload.clone()).await;
    }
    for number in 1..=10 {
        let began = Instant::now();
        quick.emit_generic(json!({ "kind": "k" })).await;
        let arrived = async {
            while receiver.requests().iter().filter(|request| request.path == "/quick").count() < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(UNDELAYED, arrived).await.expect("the event arrives in time");
        assert!(began.elapsed() < UNDELAYED, "event {number} took {:?}", began.elapsed());
    }
    let routed = slow.get("/api/v1/emits?status=routed&limit=1").await.ok()["total"].as_u64();
    assert!(routed < Some(SLOW_EMITS as u64), "{routed:?} events with slow filters were routed before");
    app.stop_with_work_left().await;
}
