//! Relays to members: a pushed event reaches each accepted member once, and no other organization
//! (contract 4.3, 7.3, 14.5).

use std::time::Duration;

use serde_json::{Value, json};

use super::{EVENTS, GROUPS, answer, archive, change_member, group, join, pushed, undeclare};
use crate::support::{Client, Receiver, Reply, TestApp, client::text, database::number};

async fn emit(owner: &Client, name: &str, payload: Value) -> String {
    let body = json!({ "name": format!("{}.{name}", owner.namespace), "payload": payload });
    text(&owner.post(&format!("{EVENTS}/emit"), body).await.accepted()["emitId"])
}

/// Subscribes a member to what an owner pushes.
async fn hear(member: &Client, owner: &Client, name: &str, more: Value) -> Value {
    let mut body = json!({ "name": format!("{}.{name}", owner.namespace), "version": "1.0.0" });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    member.post(&format!("{EVENTS}/subscribe"), body).await.created()
}

async fn relays(client: &Client, group: &str, query: &str) -> Vec<Value> {
    let page = client.get(&format!("{GROUPS}/{group}/relays?limit=100{query}")).await.ok();
    let items = page["items"].as_array().expect("a list").clone();
    assert_eq!(page["total"], items.len());
    items
}

#[tokio::test]
async fn a_member_gets_what_is_pushed_under_its_own_name() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let (owner, member) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let member_id = join(&owner, &group, &member).await;
    let push = pushed(&owner, &group, &registration).await;
    let terms = json!({ "webhookUrl": receiver.url("/"), "filter": { "n": [1] }, "headers": { "X-Own": "yes" } });
    let secret = text(&hear(&member, &owner, "order", terms).await["secret"]);
    emit(&owner, "order", json!({ "n": 2 })).await;
    let id = emit(&owner, "order", json!({ "n": 1 })).await;
    app.settle().await;

    let requests = receiver.requests();
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    let name = format!("TENANT_CUSTOM:{}:{}.order@1.0.0", member.id, owner.namespace);
    let body = request.json();
    assert_eq!(body["canonicalName"], name);
    assert_eq!(body["organizationId"], member.id);
    assert_eq!(body["payload"], json!({ "n": 1 }));
    assert_eq!((&body["isFederationRelay"], &body["sourceOrganizationId"]), (&json!(true), &json!(owner.id)));
    assert_eq!((&body["emitId"], &body["id"]), (&json!(id), &json!(id)));
    assert_eq!(request.header("x-event-id"), Some(id.as_str()));
    assert_eq!(request.header("x-own"), Some("yes"));
    assert!(request.is_signed_with(&secret));

    let seen = member.get(&format!("/api/v1/emits/{id}")).await.ok();
    assert_eq!((&seen["isFederationRelay"], &seen["sourceOrganizationId"]), (&json!(true), &json!(owner.id)));
    assert_eq!((&seen["emitId"], &seen["deliveryStatus"]), (&json!(id), &json!("DELIVERED")));
    let own = owner.get(&format!("/api/v1/emits/{id}")).await.ok();
    assert_eq!((&own["isFederationRelay"], &own["sourceOrganizationId"]), (&json!(false), &Value::Null));
    let deliveries = member.get(&format!("/api/v1/deliveries?emitId={id}")).await.ok();
    assert_eq!((&deliveries["total"], &deliveries["items"][0]["emitId"]), (&json!(1), &json!(id)));

    let log = relays(&owner, &group, &format!("&emitId={id}&memberId={member_id}&status=relayed")).await;
    let [row] = &log[..] else { panic!("{} rows", log.len()) };
    assert!(text(&row["id"]).starts_with("cefr_"));
    assert_eq!((&row["groupId"], &row["pushId"], &row["memberId"]), (&json!(group), &json!(push), &json!(member_id)));
    assert_eq!((&row["peerType"], &row["peerOrganizationId"]), (&json!("tenant_org"), &json!(member.id)));
    assert_eq!((&row["peerCanonicalName"], &row["emitId"], &row["attempt"]), (&json!(name), &json!(id), &json!(1)));
    // A relay does not count toward the member's monthly quota.
    let health = member.get(&format!("{EVENTS}/health")).await.ok();
    assert_eq!(health["emits"]["thisMonth"], 0);
    app.stop().await;
}

#[tokio::test]
async fn the_log_of_relays_is_kept_for_a_quarter_of_a_year() {
    let app = TestApp::start().await;
    let (owner, member) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    join(&owner, &group, &member).await;
    pushed(&owner, &group, &registration).await;
    emit(&owner, "order", json!({})).await;
    app.settle().await;
    app.clock.advance(Duration::from_hours(24 * 90));
    app.app().workers.keep_house().await.expect("housekeeping works");
    assert_eq!(relays(&owner, &group, "").await.len(), 1, "not a moment too early");
    app.clock.advance(Duration::from_mins(1));
    app.app().workers.keep_house().await.expect("housekeeping works");
    assert_eq!(relays(&owner, &group, "").await.len(), 0);
    // Neither the owner nor the member has the event any more.
    for client in [&owner, &member] {
        assert_eq!(client.get("/api/v1/emits").await.ok()["total"], 0);
    }
    app.stop().await;
}

#[tokio::test]
async fn only_accepted_members_of_living_groups_get_anything() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let (owner, member, other) = (
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
    );
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let push = pushed(&owner, &group, &registration).await;
    let member_id = join(&owner, &group, &member).await;
    hear(&member, &owner, "order", json!({ "webhookUrl": receiver.url("/") })).await;
    let mut expected = Vec::new();
    macro_rules! emitted {
        ($arrives:literal) => {
            let id = emit(&owner, "order", json!({})).await;
            if $arrives {
                expected.push(id);
            }
        };
    }
    emitted!(true);
    change_member(&member, &group, &member_id, "pause").await.ok();
    emitted!(false);
    change_member(&member, &group, &member_id, "resume").await.ok();
    emitted!(true);
    undeclare(&owner, &push).await.ok();
    emitted!(false);
    pushed(&owner, &group, &registration).await;
    emitted!(true);
    answer(&member, &group, "leave").await.ok();
    emitted!(false);
    join(&owner, &group, &member).await;
    emitted!(true);
    archive(&owner, &group).await.ok();
    emitted!(false);
    // The relays are written only now, and yet by the state in which each event was accepted.
    app.settle().await;
    let mut arrived: Vec<String> = receiver.requests().iter().map(|request| text(&request.json()["emitId"])).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    assert_eq!(relays(&member, &group, "").await.len(), expected.len());
    other.get(&format!("{GROUPS}/{group}/relays")).await.refused(404, "group_not_found");
    app.stop().await;
}

#[tokio::test]
async fn a_ring_of_three_organizations_relays_each_event_once() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let mut ring = Vec::new();
    for _ in 0..3 {
        ring.push(app.organization("ENTERPRISE").await);
    }
    // All three register an event of the same name, and push it to the next one.
    for tenant in &ring {
        let path = format!("/api/admin/v1/organizations/{}/namespaces", tenant.id);
        app.admin().post(&path, json!({ "namespace": "shared" })).await.created();
    }
    for at in 0..3 {
        let (owner, next) = (&ring[at], &ring[(at + 1) % 3]);
        let body = json!({
            "namespace": "shared", "name": "order", "version": "1.0.0", "payloadSchema": { "type": "object" },
            "status": "published",
        });
        let registration = text(&owner.post(EVENTS, body).await.created()["id"]);
        let group = group(owner, "Next").await;
        join(owner, &group, next).await;
        pushed(owner, &group, &registration).await;
        let body = json!({ "name": "shared.order", "webhookUrl": receiver.url(&format!("/{at}")) });
        owner.post(&format!("{EVENTS}/subscribe"), body).await.created();
    }
    let body = json!({ "name": "shared.order", "payload": {} });
    ring[0].post(&format!("{EVENTS}/emit"), body).await.accepted();
    app.settle().await;
    let mut paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/0", "/1"]);
    assert_eq!(number(&app.database.location, "select count(*) from federation_relay_log").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn many_members_get_an_event_in_steps_and_once_through_several_groups() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let registration = owner.register("order", "1.0.0").await;
    let (one, two) = (group(&owner, "One").await, group(&owner, "Two").await);
    pushed(&owner, &one, &registration).await;
    pushed(&owner, &two, &registration).await;
    let mut members = Vec::new();
    for _ in 0..70 {
        let member = app.organization("ENTERPRISE").await;
        join(&owner, &one, &member).await;
        join(&owner, &two, &member).await;
        hear(&member, &owner, "order", json!({ "webhookUrl": receiver.url(&format!("/{}", member.id)) })).await;
        members.push(member);
    }
    let lifecycle = json!({ "eventTypes": ["CUSTOM_EVENT_FEDERATION_RELAYED"], "webhookUrl": "https://x.example/" });
    owner.post("/api/v1/event-subscriptions", lifecycle).await.created();
    let id = emit(&owner, "order", json!({})).await;
    app.settle().await;
    for member in &members {
        assert_eq!(member.get("/api/v1/emits").await.ok()["total"], 1);
    }
    let mut paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    let mut expected: Vec<String> = members.iter().map(|member| format!("/{}", member.id)).collect();
    paths.sort();
    expected.sort();
    assert_eq!(paths, expected);
    assert_eq!(relays(&owner, &one, "").await.len(), 70);
    assert_eq!(relays(&owner, &two, "").await.len(), 70);
    let told = owner.get("/api/v1/event-log?eventType=CUSTOM_EVENT_FEDERATION_RELAYED").await.ok();
    assert_eq!(told["total"], 140);
    assert_eq!(told["items"][0]["payload"]["emitId"], id);
    app.stop_with_work_left().await;
}

/// Two hosts may work on the same step of a fan-out: only one of them commits it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_relay_together_and_each_event_once() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let beside = app.beside_on_postgres().await;
    let owner = app.organization("ENTERPRISE").await;
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    pushed(&owner, &group, &registration).await;
    for number in 0..20 {
        let member = app.organization("ENTERPRISE").await;
        join(&owner, &group, &member).await;
        hear(&member, &owner, "order", json!({ "webhookUrl": receiver.url(&format!("/{number}")) })).await;
    }
    let there = beside.as_ref().unwrap_or(&app).client_of(&owner);
    for number in 0..40 {
        emit(if number % 2 == 0 { &owner } else { &there }, "order", json!({ "n": number })).await;
    }
    app.settle().await;
    if let Some(beside) = beside {
        beside.settle().await;
        beside.stop().await;
    }
    app.settle().await;
    let mut seen: Vec<_> =
        receiver.requests().iter().map(|request| (request.path.clone(), text(&request.json()["emitId"]))).collect();
    assert_eq!(seen.len(), 20 * 40);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20 * 40, "one member got an event twice, and another not at all");
    let location = &app.database.location;
    assert_eq!(number(location, "select count(*) from federation_relay_log").await, 20 * 40);
    assert_eq!(number(location, "select count(*) from federation_fan_out").await, 0);
    app.stop().await;
}

/// A member's slow filters are not evaluated in the step that relays to the other members.
#[tokio::test]
async fn a_member_whose_filters_take_long_gets_what_is_pushed_and_delays_no_other() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let owner = app.organization("ENTERPRISE").await;
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let (slow, quick) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    join(&owner, &group, &slow).await;
    join(&owner, &group, &quick).await;
    pushed(&owner, &group, &registration).await;
    let filter = json!({ "a": [{ "wildcard": "*aaaaaaaab*b" }, { "wildcard": "*aaaaaaaab*c" }] });
    for number in 0..20 {
        let terms = json!({ "webhookUrl": receiver.url(&format!("/slow/{number}")), "filter": filter });
        hear(&slow, &owner, "order", terms).await;
    }
    hear(&slow, &owner, "order", json!({ "webhookUrl": receiver.url("/slow") })).await;
    hear(&quick, &owner, "order", json!({ "webhookUrl": receiver.url("/quick") })).await;
    let id = emit(&owner, "order", json!({ "a": "a".repeat(150_000) })).await;
    // The relay to the quick one is written and delivered with the step, the other one is left.
    receiver.wait_for(1).await;
    assert_eq!(receiver.requests()[0].path, "/quick");
    app.settle().await;
    let mut paths: Vec<String> = receiver.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths.len(), 22, "{paths:?}");
    assert_eq!((&paths[0], paths.iter().filter(|path| *path == "/slow").count()), (&"/quick".to_owned(), 1));
    let found = slow.get(&format!("/api/v1/emits/{id}")).await.ok();
    assert_eq!((&found["status"], &found["deliveries"]["success"]), (&json!("routed"), &json!(21)));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_endpoint_hangs_delays_neither_owner_nor_others() {
    let app = TestApp::start().await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    hanging.always(Reply::Hang);
    let (owner, slow, quick) = (
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
    );
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    for member in [&slow, &quick] {
        join(&owner, &group, member).await;
    }
    pushed(&owner, &group, &registration).await;
    for number in 0..10 {
        hear(&slow, &owner, "order", json!({ "webhookUrl": hanging.url(&format!("/{number}")) })).await;
    }
    hear(&quick, &owner, "order", json!({ "webhookUrl": healthy.url("/member") })).await;
    hear(&owner, &owner, "order", json!({ "webhookUrl": healthy.url("/owner") })).await;
    // These are far more than the slow member may have under way.
    for _ in 0..200 {
        emit(&owner, "order", json!({})).await;
    }
    healthy.wait_for(400).await;
    hanging.release();
    app.stop().await;
}
