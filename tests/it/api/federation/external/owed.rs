//! Deliveries to external peers behave as all deliveries do: schedule, dead letters, replays, the
//! outbound guard, and an end when the endpoint is gone.

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::{address::Policy, time::Time};

use super::{Scene, text};
use crate::support::Reply;

const DAY: Duration = Duration::from_hours(24);

/// Status and who did it of the scene's peer.
async fn state(scene: &Scene) -> (Value, Value) {
    let detail = super::super::detail(&scene.owner, &scene.group).await.ok();
    (detail["members"][0]["status"].clone(), detail["members"][0]["pausedBy"].clone())
}

async fn change(scene: &Scene, verb: &str) {
    super::super::change_member(&scene.owner, &scene.group, &scene.peer, verb).await.ok();
}

#[tokio::test]
async fn the_schedule_ends_in_a_dead_letter_that_can_be_replayed() {
    let scene = Scene::start().await;
    scene.receiver.always(Reply::status(500));
    let emit = scene.emit_and_settle().await;
    for (attempt, step_s) in (1_usize..).zip([30, 120, 900, 3_600]) {
        let delivery = scene.delivery(&emit).await;
        assert_eq!(delivery["status"], "RETRYING", "after attempt {attempt}");
        let next = Time::parse(&text(&delivery["nextAttemptAt"])).expect("a time");
        let wait_ms = next.millis_since(scene.app.clock.now());
        assert!((step_s * 1_000..=step_s * 1_100).contains(&wait_ms), "{wait_ms} ms after attempt {attempt}");
        scene.app.clock.advance(Duration::from_millis(u64::try_from(wait_ms).expect("positive")));
        scene.app.settle().await;
        assert_eq!(scene.receiver.requests().len(), attempt + 1);
    }
    let dead = scene.owner.get("/api/v1/dead-letters").await.ok();
    let delivery = scene.delivery(&emit).await;
    assert_eq!((&dead["total"], &dead["items"][0]), (&json!(1), &delivery));
    assert_eq!(delivery["status"], "FAILED");
    assert_eq!(scene.log("&status=failed").await.len(), 5);

    scene.receiver.always(Reply::status(200));
    let path = format!("/api/v1/deliveries/{}/replay", text(&delivery["id"]));
    assert_eq!(scene.owner.post(&path, json!({})).await.ok()["status"], "PENDING");
    scene.app.settle().await;
    let requests = scene.receiver.requests();
    let (first, last) = (&requests[0], requests.last().expect("a replay"));
    assert_eq!((requests.len(), &last.body), (6, &first.body));
    assert_eq!((first.header("x-weir-replay"), last.header("x-weir-replay")), (None, Some("true")));
    let log = scene.log("").await;
    assert_eq!((&log[5]["attempt"], &log[5]["status"]), (&json!(6), &json!("relayed")));
    scene.app.stop().await;
}

#[tokio::test]
async fn a_peer_may_name_its_own_wait() {
    let scene = Scene::start().await;
    scene.receiver.then(Reply::status(503).with_header("retry-after", "55"));
    scene.emit_and_settle().await;
    scene.app.clock.advance(Duration::from_secs(54));
    scene.app.settle().await;
    assert_eq!(scene.receiver.requests().len(), 1);
    scene.app.clock.advance(Duration::from_secs(7));
    scene.app.settle().await;
    assert_eq!(scene.receiver.requests().len(), 2);
    scene.app.stop().await;
}

#[tokio::test]
async fn the_guard_stands_in_front_of_peers_too() {
    let scene = Scene::start().await;
    let (id, namespace, key) = (scene.owner.id.clone(), scene.owner.namespace.clone(), scene.owner.key().to_owned());
    let strict = |settings: &mut weir::app::Settings| {
        settings.address_policy = Policy { allow_private: false, allowed: Vec::new() };
    };
    let app = scene.app.restart_with(strict).await;
    let scene = Scene { owner: app.client(&id, &namespace, &key), app, ..scene };
    let emit = scene.emit_and_settle().await;
    let delivery = scene.delivery(&emit).await;
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("PENDING"), &json!([])));
    assert!(text(&delivery["errorMessage"]).starts_with("guard_refused"), "{delivery}");
    assert_eq!((scene.receiver.requests().len(), scene.log("").await.len()), (0, 0));

    let app = scene.app.restart_with(|settings| settings.address_policy.allow_private = true).await;
    let scene = Scene { owner: app.client(&id, &namespace, &key), app, ..scene };
    scene.app.clock.advance(Duration::from_mins(5));
    scene.app.settle().await;
    assert_eq!(scene.delivery(&emit).await["status"], "SUCCESS");
    scene.app.stop().await;
}

#[tokio::test]
async fn a_pause_keeps_new_events_away_and_nothing_that_is_owed() {
    let scene = Scene::start().await;
    scene.receiver.then(Reply::status(500));
    let before = scene.emit_and_settle().await;
    change(&scene, "pause").await;
    scene.emit_and_settle().await;
    scene.app.clock.advance(Duration::from_secs(33));
    scene.app.settle().await;
    assert_eq!(scene.arrived(), [&before, &before].map(String::as_str));
    change(&scene, "resume").await;
    let after = scene.emit_and_settle().await;
    assert_eq!(scene.arrived().last(), Some(&after));
    assert_eq!(scene.receiver.requests().len(), 3);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_peer_that_says_it_is_gone_is_paused() {
    let scene = Scene::start().await;
    scene.receiver.then(Reply::status(410));
    let emit = scene.emit_and_settle().await;
    assert_eq!(scene.delivery(&emit).await["status"], "FAILED");
    assert_eq!(state(&scene).await, (json!("paused"), json!("platform")));
    scene.emit_and_settle().await;
    assert_eq!(scene.receiver.requests().len(), 1);
    change(&scene, "resume").await;
    let after = scene.emit_and_settle().await;
    assert_eq!(scene.arrived(), [emit, after]);
    scene.app.stop().await;
}

#[tokio::test]
async fn a_peer_that_does_nothing_but_fail_is_paused_after_days() {
    let scene = Scene::with(|settings| settings.disable_after = Some(DAY * 2)).await;
    scene.receiver.always(Reply::status(500));
    for day in 0..3 {
        assert_eq!(state(&scene).await.0, "accepted", "on day {day}");
        scene.emit_and_settle().await;
        scene.app.clock.advance(DAY);
    }
    assert_eq!(state(&scene).await, (json!("paused"), json!("platform")));
    // A resumed peer has as many days again.
    change(&scene, "resume").await;
    scene.emit_and_settle().await;
    assert_eq!(state(&scene).await.0, "accepted");
    scene.app.stop().await;
}

#[tokio::test]
async fn a_success_in_between_is_a_new_beginning() {
    let scene = Scene::with(|settings| settings.disable_after = Some(DAY * 2)).await;
    for status in [500, 200, 500, 500] {
        scene.receiver.always(Reply::status(status));
        scene.emit_and_settle().await;
        scene.app.clock.advance(DAY);
    }
    assert_eq!(state(&scene).await.0, "accepted");
    scene.app.stop().await;
}

#[tokio::test]
async fn all_dead_letters_of_a_peer_are_sent_again_at_once() {
    let scene = Scene::with(|settings| settings.retry_schedule = "".parse().expect("one attempt")).await;
    scene.owner.subscribe_all(&scene.receiver.url("/own")).await;
    scene.receiver.always(Reply::status(500));
    for _ in 0..3 {
        scene.emit(json!({})).await;
    }
    scene.app.settle().await;
    scene.receiver.always(Reply::status(200));
    let replay = async |body: Value| -> Value {
        let answer = scene.owner.post("/api/v1/dead-letters/replay", body).await.ok();
        scene.app.settle().await;
        answer["replayedCount"].clone()
    };
    assert_eq!(replay(json!({ "memberId": scene.peer })).await, 3);
    let log = scene.log("&status=relayed").await;
    assert_eq!((log.len(), &log[0]["attempt"]), (3, &json!(2)));
    let dead = scene.owner.get("/api/v1/dead-letters").await.ok();
    assert_eq!((&dead["total"], &dead["items"][0]["memberId"]), (&json!(3), &Value::Null));
    assert_eq!(replay(json!({ "memberId": scene.peer })).await, 0);

    // Without `memberId` all dead letters are sent again, as long as their receivers exist.
    scene.receiver.always(Reply::status(500));
    scene.emit_and_settle().await;
    scene.receiver.always(Reply::status(200));
    assert_eq!(replay(json!({})).await, 5);
    scene.receiver.always(Reply::status(500));
    scene.emit_and_settle().await;
    super::super::remove_peer(&scene.owner, &scene.peer).await.ok();
    assert_eq!(replay(json!({ "memberId": scene.peer })).await, 0);
    scene.app.stop().await;
}

/// A replay that is under way ends when its peer is removed.
#[tokio::test]
async fn a_replay_ends_with_its_peer() {
    let scene = Scene::with(|settings| settings.retry_schedule = "".parse().expect("one attempt")).await;
    scene.receiver.always(Reply::status(500));
    for _ in 0..40 {
        scene.emit(json!({})).await;
    }
    scene.app.settle().await;
    let body = json!({ "memberId": scene.peer });
    assert_eq!(scene.owner.post("/api/v1/dead-letters/replay", body).await.ok()["replayedCount"], 40);
    super::super::remove_peer(&scene.owner, &scene.peer).await.ok();
    let location = &scene.app.database.location;
    assert_eq!(crate::support::database::number(location, "select count(*) from replay").await, 0);
    scene.app.settle().await;
    assert_eq!(scene.owner.get("/api/v1/dead-letters").await.ok()["total"], 40);
    scene.app.stop().await;
}
