//! Relays that fail delay no others: an endpoint that hangs, a member on another plan, an emit that
//! cannot be read.

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::join, Scene, add_peer};
use crate::support::{
    Receiver, Reply,
    database::{execute, number},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_hangs_delays_neither_owner_nor_others() {
    let (scene, healthy) = (Scene::start().await, Receiver::start().await);
    scene.receiver.always(Reply::Hang);
    let name = format!("{}.order", scene.owner.namespace);
    for hanging in 0..5 {
        let body = json!({ "label": "Hangs", "webhookUrl": scene.receiver.url(&format!("/{hanging}")) });
        add_peer(&scene.owner, &scene.group, body).await.created();
    }
    let body = json!({ "label": "Healthy", "webhookUrl": healthy.url("/peer") });
    add_peer(&scene.owner, &scene.group, body).await.created();
    scene.owner.subscribe(&name, &healthy.url("/owner")).await;
    let member = scene.app.organization("ENTERPRISE").await;
    join(&scene.owner, &scene.group, &member).await;
    let body = json!({ "name": name, "version": "1.0.0", "webhookUrl": healthy.url("/member") });
    member.post("/api/v1/events/custom/subscribe", body).await.created();
    // These are far more than the peers that hang may have under way.
    for _ in 0..200 {
        scene.emit(json!({})).await;
    }
    let arrived = healthy.wait_for(600).await;
    for path in ["/peer", "/owner", "/member"] {
        assert_eq!(arrived.iter().filter(|request| request.path == path).count(), 200, "{path}");
    }
    scene.receiver.release();
    scene.app.stop().await;
}

#[tokio::test]
async fn a_member_that_cannot_have_an_event_is_in_the_log_with_the_reason() {
    let (scene, news) = (Scene::start().await, Receiver::start().await);
    scene.listen(&news).await;
    let member = scene.app.organization("ENTERPRISE").await;
    let id = join(&scene.owner, &scene.group, &member).await;
    scene.app.set_plan(&member, "PRO").await;
    let emit = scene.emit_and_settle().await;
    let log = scene.log(&format!("&memberId={id}")).await;
    let [row] = &log[..] else { panic!("{} rows", log.len()) };
    let reason = "plan_without_federation: the member's plan has no federation at present";
    let facts = [&row["status"], &row["errorMessage"], &row["peerOrganizationId"], &row["emitId"]];
    assert_eq!(facts, [json!("failed"), json!(reason), json!(member.id), json!(emit)].each_ref());
    let failed = news.requests().into_iter().map(|said| said.json()).filter(|said| said["data"]["memberId"] == id);
    let failed: Vec<Value> = failed.collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["data"]["errorMessage"], &failed[0]["event"]),
        (&json!(reason), &json!("CUSTOM_EVENT_FEDERATION_RELAY_FAILED"))
    );
    assert_eq!(member.get("/api/v1/emits").await.ok()["total"], 0);
    assert_eq!(scene.arrived(), [emit], "the others have it");
    scene.app.stop().await;
}

/// A row that cannot be read should not exist. If one does, it stays until an operator repairs it, and
/// no other emit waits for it.
#[tokio::test]
async fn an_emit_that_cannot_be_relayed_delays_no_other() {
    let scene = Scene::start().await;
    let broken = scene.emit_and_settle().await;
    let location = &scene.app.database.location;
    execute(location, &format!("update emit set version = 'broken' where id = '{broken}'")).await;
    let fan_out = format!(
        "insert into federation_fan_out (organization_id, emit_id, after_member) values ('{}', '{broken}', '')",
        scene.owner.id
    );
    execute(location, &fan_out).await;
    let next = scene.emit_and_settle().await;
    assert_eq!(scene.arrived(), [&broken, &next].map(String::as_str));
    let left = "select count(*) from federation_fan_out where failures > 0";
    assert_eq!(number(location, left).await, 1);
    // The repaired row is relayed without further help.
    execute(location, &format!("update emit set version = '1.0.0' where id = '{broken}'")).await;
    scene.app.clock.advance(Duration::from_mins(5));
    scene.app.settle().await;
    assert_eq!(number(location, "select count(*) from federation_fan_out").await, 0);
    assert_eq!(scene.arrived(), [&broken, &next, &broken].map(String::as_str));
    scene.app.stop().await;
}
