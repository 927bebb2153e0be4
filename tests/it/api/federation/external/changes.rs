//! Changes of external peers while events flow: a peer gets the events that were accepted while it was
//! one, and is owed nothing once it is removed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{archive, change_counter::ChangeCounter, change_member, pushed, remove_peer, undeclare},
    Scene, add_peer, text,
};
use crate::support::{Receiver, Reply, database::number};

#[tokio::test]
async fn a_removed_peer_is_owed_nothing_any_more() {
    let (scene, news) = (Scene::start().await, Receiver::start().await);
    scene.listen(&news).await;
    scene.receiver.always(Reply::status(500));
    let emit = scene.emit_and_settle().await;
    remove_peer(&scene.owner, &scene.peer).await.ok();
    let delivery = scene.delivery(&emit).await;
    let reason = "peer_removed: the external peer was removed before it had the event";
    let facts = [&delivery["status"], &delivery["errorMessage"], &delivery["nextAttemptAt"]];
    assert_eq!(facts, [&json!("FAILED"), &json!(reason), &Value::Null]);
    scene.app.clock.advance(Duration::from_hours(2));
    scene.emit_and_settle().await;
    assert_eq!(scene.receiver.requests().len(), 1);
    // The dead letter is in the log of relays, and was announced.
    let log = scene.log(&format!("&emitId={emit}")).await;
    let [_, given_up] = &log[..] else { panic!("{} rows", log.len()) };
    let facts = [&given_up["attempt"], &given_up["status"], &given_up["errorMessage"]];
    assert_eq!(facts, [&json!(2), &json!("failed"), &json!(reason)]);
    assert!(news.requests().iter().any(|said| said.json()["data"]["errorMessage"] == reason));
    let path = format!("/api/v1/deliveries/{}/replay", text(&delivery["id"]));
    scene.owner.post(&path, json!({})).await.refused(409, "invalid_state");
    scene.app.stop().await;
}

/// The result of an attempt that is under way when its peer is removed changes nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_under_way_does_not_outlive_its_peer() {
    let scene = Scene::start().await;
    scene.receiver.always(Reply::Hang);
    let emit = scene.emit(json!({})).await;
    scene.receiver.wait_for(1).await;
    remove_peer(&scene.owner, &scene.peer).await.ok();
    scene.receiver.release();
    scene.app.settle().await;
    assert_eq!(scene.delivery(&emit).await["status"], "FAILED");
    assert_eq!(scene.log("").await.len(), 1);
    scene.app.stop().await;
}

/// Work for a peer that appears after its removal is given up: a delivery that was about to be written
/// meanwhile, or an event that was accepted before and not relayed yet.
#[tokio::test]
async fn work_that_appears_after_the_removal_is_given_up_too() {
    let scene = Scene::start().await;
    let emit = scene.emit_and_settle().await;
    remove_peer(&scene.owner, &scene.peer).await.ok();
    let location = &scene.app.database.location;
    let again = format!("update delivery set status = 'PENDING', due_at = 0 where emit_id = '{emit}'");
    crate::support::database::execute(location, &again).await;
    let fan_out = format!(
        "insert into federation_fan_out (organization_id, emit_id, after_member) values ('{}', '{emit}', '')",
        scene.owner.id
    );
    crate::support::database::execute(location, &fan_out).await;
    scene.app.settle().await;
    assert_eq!(scene.receiver.requests().len(), 1);
    let failed = "select count(*) from delivery where status = 'FAILED' and error_message like 'peer_removed%'";
    assert_eq!(number(location, failed).await, 2);
    assert_eq!(scene.log("&status=failed").await.len(), 2);
    scene.app.stop().await;
}

#[tokio::test]
async fn every_change_holds_for_what_is_accepted_after_its_answer() {
    let scene = Scene::start().await;
    let mut expected = Vec::new();
    macro_rules! emitted {
        ($arrives:literal) => {
            let id = scene.emit(json!({})).await;
            if $arrives {
                expected.push(id);
            }
        };
    }
    emitted!(true);
    change_member(&scene.owner, &scene.group, &scene.peer, "pause").await.ok();
    emitted!(false);
    change_member(&scene.owner, &scene.group, &scene.peer, "resume").await.ok();
    emitted!(true);
    undeclare(&scene.owner, &scene.push).await.ok();
    emitted!(false);
    pushed(&scene.owner, &scene.group, &scene.registration).await;
    emitted!(true);
    archive(&scene.owner, &scene.group).await.ok();
    emitted!(false);
    scene.app.settle().await;
    let mut arrived = scene.arrived();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    scene.app.stop().await;
}

/// Pushes and peers come and go while emits flow and are delivered. Each peer has an endpoint's path
/// of its own; a removed one may have missed what was accepted before, and then there is a dead letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_emit_obeys_the_state_in_which_it_was_accepted() {
    let mut scene = Scene::start().await;
    let counter = ChangeCounter::default();
    let (mut push, mut peer) = (scene.push.clone(), scene.peer.clone());
    let mut peers = vec![peer.clone()];
    let changes = async {
        for round in 0..5 {
            for step in 0..4 {
                let change = async {
                    match step {
                        0 => drop(undeclare(&scene.owner, &push).await.ok()),
                        1 => push = pushed(&scene.owner, &scene.group, &scene.registration).await,
                        2 => drop(remove_peer(&scene.owner, &peer).await.ok()),
                        _ => {
                            let url = scene.receiver.url(&format!("/{round}"));
                            let body = json!({ "label": "Next", "webhookUrl": url });
                            peer = text(&add_peer(&scene.owner, &scene.group, body).await.created()["peer"]["id"]);
                            peers.push(peer.clone());
                        }
                    }
                };
                counter.change(3, change).await;
            }
        }
        counter.end();
    };
    let ((), emits) = tokio::join!(changes, counter.emit_until_end(async || scene.emit(json!({})).await));
    scene.app.settle().await;
    let arrived = scene.arrived();
    for (emit, changes) in emits {
        // The push is undeclared after the first change of a round, and the peer is removed after the third.
        let flows = changes.is_multiple_of(2);
        // The emits of a round, as far as they are relayed, go to the peer that the round began with.
        scene.peer.clone_from(&peers[changes / 4]);
        let path = format!("/api/v1/deliveries?emitId={emit}&limit=100");
        let deliveries = scene.owner.get(&path).await.ok();
        assert_eq!(deliveries["total"], usize::from(flows), "{emit} was accepted after {changes} changes");
        if !flows {
            assert!(!arrived.contains(&emit));
            continue;
        }
        let delivery = &deliveries["items"][0];
        assert_eq!(delivery["memberId"], scene.peer);
        match delivery["status"].as_str() {
            Some("SUCCESS") => assert!(arrived.contains(&emit)),
            _ => assert!(text(&delivery["errorMessage"]).starts_with("peer_removed"), "{delivery}"),
        }
    }
    scene.app.stop().await;
}
