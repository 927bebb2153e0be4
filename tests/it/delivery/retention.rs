//! Housekeeping: how long finished rows are kept, and which rows it never deletes.

use std::time::Duration;

use serde_json::{Value, json};
use weir::{
    db::{
        Db, migrate,
        retention::{self, OldEvents},
    },
    domain::{
        id::EmitId,
        limits::{RETENTION_DAYS_DEFAULT, RETENTION_PAGE_ROWS, RETENTION_ROWS_MAX},
        retention::{Days, Retention},
        time::Time,
    },
};

use crate::support::{
    Client, Receiver, Reply, TestApp,
    client::text,
    database::{TestDatabase, execute, number},
};

const DAY: Duration = Duration::from_hours(24);
/// Long enough for everything to be old.
const AGES: Duration = Duration::from_hours(24 * (RETENTION_DAYS_DEFAULT as u64 + 1));

async fn with_retention(retention: Retention) -> TestApp {
    TestApp::with(move |settings| {
        settings.retention = retention;
        settings.retry_schedule = "30".parse().expect("two attempts");
    })
    .await
}

async fn keep_house(app: &TestApp) -> u64 {
    app.app().workers.keep_house().await.expect("housekeeping works")
}

/// How many events there are.
async fn emits(client: &Client) -> Value {
    client.get("/api/v1/emits").await.ok()["total"].clone()
}

async fn delivery(client: &Client, emit: &str) -> Value {
    client.get(&format!("/api/v1/deliveries?emitId={emit}")).await.ok()["items"][0].clone()
}

#[tokio::test]
async fn retention_days_default() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let old = acme.emit_generic(json!({ "kind": "old" })).await;
    app.settle().await;
    app.clock.advance(DAY * RETENTION_DAYS_DEFAULT);
    assert_eq!(keep_house(&app).await, 0, "not a moment too early");
    app.clock.advance(Duration::from_mins(1));
    let young = acme.emit_generic(json!({ "kind": "young" })).await;
    app.settle().await;
    // The event, its attempt, and the organization's first event: `CUSTOM_EVENT_GENERIC_SEEDED`.
    assert_eq!(keep_house(&app).await, 3);
    acme.get(&format!("/api/v1/emits/{old}")).await.refused(404, "NOT_FOUND");
    assert_eq!(acme.get(&format!("/api/v1/deliveries?emitId={old}")).await.ok()["total"], 0);
    assert_eq!(emits(&acme).await, 1);
    assert_eq!(delivery(&acme, &young).await["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(keep_house(&app).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn what_is_owed_stays() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let owed = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    assert_eq!(delivery(&acme, &owed).await["status"], "RETRYING");
    app.clock.advance(AGES);
    keep_house(&app).await;
    assert_eq!(delivery(&acme, &owed).await["attempts"].as_array().map(Vec::len), Some(1));
    receiver.always(Reply::status(200));
    app.settle().await;
    assert_eq!(delivery(&acme, &owed).await["status"], "SUCCESS");
    keep_house(&app).await;
    assert_eq!(emits(&acme).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_large_payload_arrives_whole_and_is_deleted_with_its_event() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let payload = json!({ "kind": "large", "text": "ä\"\n".repeat(30_000) });
    acme.emit_generic(payload.clone()).await;
    app.settle().await;
    // The next attempt reads the payload from the table.
    app.clock.advance(Duration::from_mins(1));
    receiver.always(Reply::status(200));
    app.settle().await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.json()["payload"] == payload), "all of it arrived");
    let logged = acme.get("/api/v1/event-log").await.ok();
    assert_eq!(logged["items"][0]["payload"], payload, "and the log has all of it");
    let stored = "select count(*) from emit_payload";
    assert_eq!(number(&app.database.location, stored).await, 1);
    app.clock.advance(AGES);
    keep_house(&app).await;
    assert_eq!(emits(&acme).await, 0);
    assert_eq!(number(&app.database.location, stored).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn dead_letters_have_an_age_of_their_own() {
    let retention =
        Retention { events: Days::new(3), attempts: Days::new(3), dead_letters: Days::new(10), ..Retention::default() };
    let (app, receiver) = (with_retention(retention).await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let dead = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    assert_eq!(delivery(&acme, &dead).await["status"], "FAILED");
    app.clock.advance(DAY * 5);
    keep_house(&app).await;
    let letter = delivery(&acme, &dead).await;
    assert_eq!(letter["attempts"].as_array().map(Vec::len), Some(2), "a dead letter keeps its attempts");
    app.clock.advance(DAY * 6);
    assert_eq!(keep_house(&app).await, 1);
    assert_eq!(acme.get("/api/v1/dead-letters").await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn no_days_are_for_ever() {
    let retention =
        Retention { events: Days::new(0), attempts: Days::new(1), dead_letters: Days::new(0), ..Retention::default() };
    let (app, receiver) = (with_retention(retention).await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(AGES);
    // The attempt is deleted; the delivery with its status and the event stay.
    assert_eq!(keep_house(&app).await, 1);
    let kept = delivery(&acme, &emit).await;
    assert_eq!((&kept["status"], &kept["attempts"]), (&json!("SUCCESS"), &json!([])));
    app.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_outlives_its_event() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let body = |kind: &str| {
        json!({
            "name": "platformxe.generic", "idempotencyKey": "once",
            "payload": { "kind": kind, "data": {} },
        })
    };
    let emit = |kind: &str| acme.post("/api/v1/events/custom/emit", body(kind));
    let first = emit("k").await.accepted();
    app.settle().await;
    app.clock.advance(AGES);
    keep_house(&app).await;
    assert_eq!(emits(&acme).await, 0);
    let again = emit("k").await.accepted();
    assert_eq!((&again["emitId"], &again["canonicalName"]), (&first["emitId"], &first["canonicalName"]));
    emit("another").await.refused(409, "idempotency_key_reused");
    app.settle().await;
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(emits(&acme).await, 0);
    let health = acme.get("/api/v1/events/custom/health").await.ok();
    assert_eq!(health["emits"]["thisMonth"], 0, "a repeated emit is not counted");
    app.stop().await;
}

#[tokio::test]
async fn retention_page_rows() {
    let app = TestApp::start().await;
    let acme = app.organization("PRO").await;
    for number in 0..=RETENTION_PAGE_ROWS {
        acme.emit_generic(json!({ "kind": number.to_string() })).await;
    }
    app.clock.advance(AGES);
    assert!(keep_house(&app).await > u64::from(RETENTION_PAGE_ROWS));
    assert_eq!(emits(&acme).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn an_event_with_more_deliveries_than_one_transaction_deletes() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    for number in 0..=RETENTION_ROWS_MAX {
        acme.subscribe("platformxe.generic", &receiver.url(&format!("/{number}"))).await;
    }
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let deliveries = || async { acme.get(&format!("/api/v1/deliveries?emitId={emit}")).await.ok()["total"].clone() };
    assert_eq!(deliveries().await, RETENTION_ROWS_MAX + 1);
    app.clock.advance(AGES);
    keep_house(&app).await;
    assert_eq!(deliveries().await, 0);
    assert_eq!(emits(&acme).await, 0);
    app.stop().await;
}

#[tokio::test]
async fn answers_to_requests_go_after_their_day() {
    let app = TestApp::start().await;
    let acme = app.organization("PRO").await;
    let register = |name: &str| {
        let body = json!({
            "namespace": acme.namespace, "name": name, "version": "1.0.0", "payloadSchema": { "type": "object" },
        });
        let client = acme.clone().with_header("idempotency-key", "the same");
        async move { client.post("/api/v1/events/custom", body).await }
    };
    let first = text(&register("one").await.created()["id"]);
    assert_eq!(text(&register("one").await.created()["id"]), first);
    register("two").await.refused(409, "idempotency_key_reused");
    app.clock.advance(DAY + Duration::from_mins(1));
    keep_house(&app).await;
    register("two").await.created();
    app.stop().await;
}

#[tokio::test]
async fn what_is_still_to_be_relayed_stays() {
    // No host runs on this database: it would relay the event.
    let database = TestDatabase::create().await;
    let db = Db::connect(&database.location).await.expect("it opens");
    migrate::run(&db).await.expect("the migrations run");
    let at = Time::from_millis(1_700_000_000_000);
    for number in 0..2 {
        let (id, at) = (EmitId::new(at, number), at.as_millis());
        let sql = format!(
            "insert into emit (id, organization_id, registration_id, namespace, name, version, payload, chain_depth,
                               emitted_by, accepted_at, routed_at, claims)
             values ('{id}', 'old', 'old', 'old', 'event', '1.0.0', '{{}}', 0, 'test', {at}, {at}, 1)"
        );
        execute(&database.location, &sql).await;
    }
    let old = || async {
        let later = at.plus_millis(1);
        let wanted = OldEvents { after: "", before: later, dead_letters_before: later, page: 10 };
        let mut tx = db.read().await.expect("it is there");
        retention::old_events(&mut tx, wanted).await.expect("it is there").old
    };
    let both = old().await;
    assert_eq!(both.len(), 2);
    let sql = format!(
        "insert into federation_fan_out (organization_id, emit_id, after_member) values ('old', '{}', '')",
        both[0].id
    );
    execute(&database.location, &sql).await;
    assert_eq!(old().await, both[1..]);
}
