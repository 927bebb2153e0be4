//! Requests that are sent again with an idempotency key (contract 1.11); emits have their own file.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use weir::service::{
    access,
    idempotency::{self, Asked, Begun, Claim, Repeatable, RequestOutcome, StoredAnswer},
};

use crate::support::{
    Answer, Client, Receiver, TestApp,
    client::text,
    database::{is_postgres, number},
};

const SUBSCRIPTIONS: &str = "/api/v1/event-subscriptions";
const EVENTS: &str = "/api/v1/events/custom";
const DAY: Duration = Duration::from_hours(24);

fn keyed(client: &Client, key: &str) -> Client {
    client.with_key(client.key()).with_header("idempotency-key", key)
}

fn subscription(tenant: &Client) -> Value {
    json!({ "eventTypes": [format!("TENANT_CUSTOM:{}:*", tenant.id)], "webhookUrl": "https://example.com/hook" })
}

async fn subscribe(tenant: &Client, key: &str) -> Answer {
    keyed(tenant, key).post(SUBSCRIPTIONS, subscription(tenant)).await
}

async fn subscriptions(tenant: &Client) -> usize {
    tenant.get(SUBSCRIPTIONS).await.ok()["subscriptions"].as_array().expect("a list").len()
}

async fn kept(app: &TestApp) -> i64 {
    number(&app.database.location, "select count(*) from idempotency").await
}

#[track_caller]
fn is_replay_of(answer: &Answer, first: &Answer) {
    assert_eq!((answer.status, &answer.text), (first.status, &first.text));
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("idempotency-replayed"), None);
}

#[tokio::test]
async fn a_repeated_request_gets_its_first_answer_byte_for_byte() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = subscribe(&tenant, "once").await;
    let secret = text(&first.created()["secret"]);
    app.clock.advance(Duration::from_secs(5));
    is_replay_of(&subscribe(&tenant, "once").await, &first);
    let other_header = tenant.with_key(tenant.key()).with_header("x-idempotency-key", "once");
    is_replay_of(&other_header.post(SUBSCRIPTIONS, subscription(&tenant)).await, &first);
    assert_eq!(subscriptions(&tenant).await, 1);
    // A request with another key, or with none, is another request.
    assert_ne!(text(&subscribe(&tenant, "twice").await.created()["secret"]), secret);
    tenant.post(SUBSCRIPTIONS, subscription(&tenant)).await.created();
    assert_eq!(subscriptions(&tenant).await, 3);
    app.stop().await;
}

#[tokio::test]
async fn every_kind_of_change_can_be_repeated() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let event = json!({
        "namespace": tenant.namespace, "name": "order", "version": "1.0.0", "payloadSchema": { "type": "object" },
    });
    let registered = keyed(&tenant, "a").post(EVENTS, event.clone()).await;
    let path = format!("{EVENTS}/{}", text(&registered.created()["id"]));
    // Without the key it would be version_already_exists.
    is_replay_of(&keyed(&tenant, "a").post(EVENTS, event.clone()).await, &registered);
    tenant.post(EVENTS, event).await.refused(400, "version_already_exists");

    let published = keyed(&tenant, "a").patch(&path, json!({ "status": "published" })).await;
    assert_eq!(published.ok()["status"], "published");
    tenant.patch(&path, json!({ "status": "archived" })).await.ok();
    is_replay_of(&keyed(&tenant, "a").patch(&path, json!({ "status": "published" })).await, &published);

    let body = json!({ "name": format!("{}.order", tenant.namespace), "webhookUrl": "https://example.com/" });
    let subscribed = keyed(&tenant, "a").post(&format!("{EVENTS}/subscribe"), body.clone()).await;
    is_replay_of(&keyed(&tenant, "a").post(&format!("{EVENTS}/subscribe"), body).await, &subscribed);

    let path = format!("{SUBSCRIPTIONS}/{}", text(&subscribed.created()["subscriptionId"]));
    let deleted = keyed(&tenant, "a").delete(&path).await;
    deleted.ok();
    // Without the key it would be NOT_FOUND.
    is_replay_of(&keyed(&tenant, "a").delete(&path).await, &deleted);
    tenant.delete(&path).await.refused(404, "NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn a_replay_of_deliveries_is_not_repeated() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let tenant = app.organization("PRO").await;
    tenant.subscribe_all(&receiver.url("/")).await;
    tenant.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let delivery = text(&tenant.get("/api/v1/deliveries").await.ok()["items"][0]["id"]);
    for _ in 0..3 {
        let path = format!("/api/v1/deliveries/{delivery}/replay");
        keyed(&tenant, "again").post(&path, json!({ "force": true })).await.ok();
        app.settle().await;
    }
    assert_eq!(receiver.requests().len(), 2);
    app.stop().await;
}

/// Ingested events keep their keys for good, as emits do.
#[tokio::test]
async fn an_event_of_another_application_is_taken_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let body = json!({ "eventType": "email.sent", "payload": { "to": "a@example.org" } });
    let first = keyed(&tenant, "sent").post("/api/v1/events", body.clone()).await;
    is_replay_of(&keyed(&tenant, "sent").post("/api/v1/events", body.clone()).await, &first);
    app.clock.advance(DAY);
    let much_later = keyed(&tenant, "sent").post("/api/v1/events", body.clone()).await;
    assert_eq!(much_later.accepted()["eventId"], first.accepted()["eventId"]);
    app.clock.advance(DAY);
    let other = json!({ "eventType": "email.sent", "payload": {} });
    keyed(&tenant, "sent").post("/api/v1/events", other).await.refused(409, "idempotency_key_reused");
    // Keys of emits are apart from those of ingested events.
    let emit = json!({ "name": "platformxe.generic", "payload": { "kind": "k" }, "idempotencyKey": "sent" });
    assert_ne!(tenant.post("/api/v1/events/custom/emit", emit).await.accepted()["emitId"], first.accepted()["eventId"]);
    assert_eq!(tenant.get("/api/v1/event-log?eventType=email.sent").await.ok()["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_route_and_one_organization() {
    let app = TestApp::start().await;
    let (tenant, stranger) = (app.organization("PRO").await, app.organization("PRO").await);
    let first = subscribe(&tenant, "key").await;
    let mut other = subscription(&tenant);
    other["name"] = "another".into();
    keyed(&tenant, "key").post(SUBSCRIPTIONS, other).await.refused(409, "idempotency_key_reused");
    // A key counts for one route and one organization: an alias is another route.
    let alias = keyed(&tenant, "key").post("/api/v1/events/subscriptions", subscription(&tenant)).await;
    assert_ne!(alias.created()["id"], first.created()["id"]);
    assert_ne!(subscribe(&stranger, "key").await.created()["id"], first.created()["id"]);
    // The same body for another object is another request.
    let path = |answer: &Answer| format!("{SUBSCRIPTIONS}/{}", text(&answer.created()["id"]));
    keyed(&tenant, "gone").delete(&path(&first)).await.ok();
    keyed(&tenant, "gone").delete(&path(&alias)).await.refused(409, "idempotency_key_reused");
    assert_eq!(subscriptions(&tenant).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_answer_is_not_shown_to_a_key_with_other_rights() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = subscribe(&tenant, "key").await;
    let keys = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
    let reader = json!({ "callerService": "reader", "scopes": ["events:read"] });
    let reader = tenant.with_key(&text(&app.admin().post(&keys, reader).await.created()["apiKey"]));
    subscribe(&reader, "key").await.refused(409, "idempotency_key_reused");
    // The refused request does not use up the key for callers with the scope.
    subscribe(&reader, "fresh").await.refused(403, "FORBIDDEN");
    subscribe(&tenant, "fresh").await.created();
    let twin = json!({ "callerService": "twin" });
    let twin = tenant.with_key(&text(&app.admin().post(&keys, twin).await.created()["apiKey"]));
    is_replay_of(&subscribe(&twin, "key").await, &first);
    app.stop().await;
}

#[tokio::test]
async fn what_was_refused_is_judged_anew() {
    let app = TestApp::start().await;
    let tenant = app.organization("FREE").await;
    let event = json!({
        "namespace": tenant.namespace, "name": "order", "version": "1.0.0", "payloadSchema": { "type": "object" },
    });
    keyed(&tenant, "key").post(EVENTS, event.clone()).await.refused(402, "registration_quota_exceeded");
    assert_eq!(kept(&app).await, 0);
    app.set_plan(&tenant, "PRO").await;
    let mut wrong = event.clone();
    wrong["version"] = "1".into();
    keyed(&tenant, "key").post(EVENTS, wrong).await.refused(400, "invalid_version_format");
    let created = keyed(&tenant, "key").post(EVENTS, event.clone()).await;
    created.created();
    is_replay_of(&keyed(&tenant, "key").post(EVENTS, event).await, &created);
    app.stop().await;
}

#[tokio::test]
async fn reading_takes_no_key() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    assert_eq!(keyed(&tenant, "key").get(SUBSCRIPTIONS).await.ok()["subscriptions"], json!([]));
    tenant.post(SUBSCRIPTIONS, subscription(&tenant)).await.created();
    assert_ne!(keyed(&tenant, "key").get(SUBSCRIPTIONS).await.ok()["subscriptions"], json!([]));
    assert_eq!(kept(&app).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_the_code_of_its_routes() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for wrong in [String::new(), "x".repeat(256)] {
        let client = keyed(&tenant, &wrong);
        client.post(SUBSCRIPTIONS, subscription(&tenant)).await.refused(400, "BAD_REQUEST");
        client.post(EVENTS, json!({})).await.refused(400, "invalid_request");
    }
    let odd = tenant.with_key(tenant.key()).with_header("idempotency-key", "é");
    odd.post(SUBSCRIPTIONS, subscription(&tenant)).await.refused(400, "BAD_REQUEST");
    subscribe(&tenant, &"x".repeat(255)).await.created();
    assert_eq!(subscriptions(&tenant).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn idempotency_window_hours() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = subscribe(&tenant, "key").await;
    app.clock.advance_to("2026-05-07T11:59:59.999Z");
    is_replay_of(&subscribe(&tenant, "key").await, &first);
    app.clock.advance(Duration::from_millis(1));
    let second = subscribe(&tenant, "key").await;
    assert_ne!(second.created()["id"], first.created()["id"]);
    is_replay_of(&subscribe(&tenant, "key").await, &second);
    app.stop().await;
}

#[tokio::test]
async fn answers_whose_time_is_over_are_deleted_on_the_way() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    for number in 0..40 {
        subscribe(&tenant, &format!("old-{number}")).await.created();
    }
    assert_eq!(kept(&app).await, 40);
    app.clock.advance(DAY);
    for number in 0..3 {
        subscribe(&tenant, &format!("new-{number}")).await.created();
    }
    assert_eq!(kept(&app).await, 3);
    app.stop().await;
}

#[tokio::test]
async fn answers_are_sealed_where_they_are_kept() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = subscribe(&tenant, "key").await;
    let secret = text(&first.created()["secret"]);
    let holds = |text: &str| {
        let text =
            if is_postgres() { format!("convert_to('{text}', 'UTF8')") } else { format!("cast('{text}' as blob)") };
        let position =
            if is_postgres() { format!("position({text} in answer)") } else { format!("instr(answer, {text})") };
        format!("select count(*) from idempotency where {position} > 0")
    };
    for shown in [secret.as_str(), "whsec_", "success"] {
        assert_eq!(number(&app.database.location, &holds(shown)).await, 0, "{shown}");
    }
    assert_eq!(kept(&app).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_with_one_key_are_one_and_get_one_answer() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let beside = app.beside_on_postgres().await;
    let there = beside.as_ref().map_or(tenant.clone(), |app| app.client_of(&tenant));
    let tries = (0..64).map(|number| subscribe(if number % 2 == 0 { &tenant } else { &there }, "one"));
    let answers: Vec<Answer> = join_all(tries).await;
    for answer in &answers {
        answer.created();
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
    assert_eq!(subscriptions(&tenant).await, 1);
    app.stop_with(beside).await;
}

#[tokio::test]
async fn an_answer_survives_a_restart() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let first = subscribe(&tenant, "key").await;
    let app = app.restart().await;
    let tenant = app.client_of(&tenant);
    is_replay_of(&subscribe(&tenant, "key").await, &first);
    app.stop().await;
}

/// The request that [`subscribe`] sends, as the host sees it.
async fn repeatable(app: &TestApp, tenant: &Client, key: &str) -> Repeatable {
    let caller = access::caller(&app.app().host, tenant.key()).await.expect("a valid key");
    let body = subscription(tenant).to_string();
    let asked = Asked { route: "POST /api/v1/event-subscriptions", target: SUBSCRIPTIONS, body: body.as_bytes() };
    Repeatable::new(&caller, key, asked)
}

async fn claimed(app: &TestApp, tenant: &Client, key: &str) -> Claim {
    match idempotency::begin(&app.app().host, &repeatable(app, tenant, key).await).await.expect("it can begin") {
        Begun::Claimed(claim) => claim,
        Begun::Answered(answer) => panic!("it was answered before: {answer:?}"),
    }
}

/// A change of the organization, as a handler makes one.
async fn change(app: &TestApp, tenant: &Client) -> weir::error::Result<()> {
    let id = weir::domain::id::OrganizationId::stored(tenant.id.as_str());
    app.app().host.change(&id).await?.commit().await
}

async fn revision(app: &TestApp) -> i64 {
    number(&app.database.location, "select cast(sum(revision) as bigint) from organization").await
}

/// The claim of the request is dropped, which leaves the table as a host does that dies under it.
#[tokio::test]
async fn a_request_that_died_without_an_effect_runs_again() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    drop(claimed(&app, &tenant, "key").await);
    // On SQLite the next host knows that it is alone. On PostgreSQL the claim has to end.
    let app = app.restart().await;
    let tenant = app.client_of(&tenant);
    if is_postgres() {
        app.clock.advance(Duration::from_secs(30));
    }
    let first = subscribe(&tenant, "key").await;
    is_replay_of(&subscribe(&tenant, "key").await, &first);
    assert_eq!(subscriptions(&tenant).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_request_that_died_after_its_effect_is_not_done_again() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let claim = claimed(&app, &tenant, "key").await;
    claim.run(change(&app, &tenant)).await.expect("it is committed");
    drop(claim);
    let app = app.restart().await;
    let tenant = app.client_of(&tenant);
    if is_postgres() {
        app.clock.advance(Duration::from_secs(30));
    }
    for _ in 0..2 {
        subscribe(&tenant, "key").await.refused(409, "idempotency_answer_lost");
    }
    assert_eq!(subscriptions(&tenant).await, 0);
    app.clock.advance(DAY);
    subscribe(&tenant, "key").await.created();
    app.stop().await;
}

#[tokio::test]
async fn a_request_that_failed_after_its_effect_is_not_done_again_and_another_one_is() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let host = &app.app().host;
    let claim = claimed(&app, &tenant, "with").await;
    claim.run(change(&app, &tenant)).await.expect("it is committed");
    idempotency::finish(host, claim, RequestOutcome::Failed).await.expect("the database works");
    subscribe(&tenant, "with").await.refused(409, "idempotency_answer_lost");
    let claim = claimed(&app, &tenant, "without").await;
    idempotency::finish(host, claim, RequestOutcome::Failed).await.expect("the database works");
    subscribe(&tenant, "without").await.created();
    // A recorded refusal is no effect of the request.
    let claim = claimed(&app, &tenant, "refused").await;
    claim.run(change(&app, &tenant)).await.expect("it is committed");
    idempotency::finish(host, claim, RequestOutcome::Refused).await.expect("the database works");
    subscribe(&tenant, "refused").await.created();
    app.stop().await;
}

/// A request that lost its claim may change nothing any more: the host that took the claim may have run
/// it meanwhile.
#[tokio::test]
async fn a_change_whose_claim_was_lost_is_not_committed() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let slow = claimed(&app, &tenant, "key").await;
    app.clock.advance(Duration::from_secs(30));
    // A second host takes the claim, and then the slow request goes on.
    let taken = "update idempotency set claims = claims + 1 returning claims";
    assert_eq!(number(&app.database.location, taken).await, 2);
    let before = revision(&app).await;
    let refused = slow.run(change(&app, &tenant)).await.expect_err("the claim was lost");
    assert_eq!(refused.code(), weir::error::Code::Unavailable);
    assert_eq!(revision(&app).await, before);
    app.stop().await;
}

#[tokio::test]
async fn a_repeated_request_waits_for_the_first_one() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let claim = claimed(&app, &tenant, "key").await;
    let waiting = subscribe(&tenant, "key");
    let finishing = async {
        tokio::task::yield_now().await;
        let body = br#"{"success":true,"data":{"first":1}}"#.to_vec();
        let outcome = RequestOutcome::Done(StoredAnswer { status: 201, body });
        idempotency::finish(&app.app().host, claim, outcome).await.expect("the database works");
    };
    let (answer, ()) = tokio::join!(waiting, finishing);
    assert_eq!(answer.created(), json!({ "first": 1 }));
    app.stop().await;
}

#[tokio::test]
async fn idempotency_answer_bytes_max() {
    const ANSWER_BYTES_MAX: usize = 2 << 20;
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let host = &app.app().host;
    let padded = |bytes: usize| {
        let (head, tail) = (r#"{"success":true,"data":{"pad":""#, r#""}}"#);
        format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len())).into_bytes()
    };
    for (key, bytes) in [("fits", ANSWER_BYTES_MAX), ("does-not", ANSWER_BYTES_MAX + 1)] {
        let claim = claimed(&app, &tenant, key).await;
        claim.run(change(&app, &tenant)).await.expect("it is committed");
        let outcome = RequestOutcome::Done(StoredAnswer { status: 201, body: padded(bytes) });
        idempotency::finish(host, claim, outcome).await.expect("the database works");
    }
    assert_eq!(subscribe(&tenant, "fits").await.text.len(), ANSWER_BYTES_MAX);
    subscribe(&tenant, "does-not").await.refused(409, "idempotency_answer_lost");
    app.stop().await;
}
