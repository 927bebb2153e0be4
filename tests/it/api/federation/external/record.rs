//! The log of relays to external peers, their lifecycle events, and how they show as deliveries
//! (contract 4.2, 14.2, 14.5).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Scene, text};
use crate::support::{Receiver, Reply};

#[tokio::test]
async fn each_attempt_has_its_row_and_its_event() {
    let (scene, news) = (Scene::start().await, Receiver::start().await);
    scene.listen(&news).await;
    scene.receiver.then(Reply::status(500)).then(Reply::Close);
    let emit = scene.emit_and_settle().await;
    for wait_s in [33, 132] {
        scene.app.clock.advance(Duration::from_secs(wait_s));
        scene.app.settle().await;
    }
    let log = scene.log(&format!("&emitId={emit}&memberId={}", scene.peer)).await;
    assert_eq!(log.len(), 3);
    for (row, (status, response)) in
        log.iter().zip([("failed", json!(500)), ("failed", Value::Null), ("relayed", json!(200))])
    {
        assert!(text(&row["id"]).starts_with("cefr_"));
        let facts = [&row["groupId"], &row["pushId"], &row["memberId"], &row["emitId"]];
        assert_eq!(facts, [&scene.group, &scene.push, &scene.peer, &emit].map(|id| json!(id)).each_ref());
        assert_eq!(row["peerType"], "external_webhook");
        assert_eq!((&row["peerOrganizationId"], &row["peerCanonicalName"]), (&Value::Null, &Value::Null));
        assert_eq!((&row["status"], &row["responseStatus"]), (&json!(status), &response));
        assert_eq!(row["errorMessage"].is_string(), status == "failed", "{row}");
    }
    let attempts: Vec<_> = log.iter().map(|row| row["attempt"].as_u64().expect("a number")).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert_eq!(log[0]["createdAt"], "2026-05-06T12:00:00.000Z");
    assert_eq!(scene.log("&status=failed").await.len(), 2);

    let mut said: Vec<Value> = news.requests().iter().map(crate::support::receiver::Received::json).collect();
    said.sort_by_key(|event| event["data"]["attempt"].as_u64());
    let names: Vec<_> = said.iter().map(|event| text(&event["event"])).collect();
    let (failed, relayed) = ("CUSTOM_EVENT_FEDERATION_RELAY_FAILED", "CUSTOM_EVENT_FEDERATION_RELAYED");
    assert_eq!(names, [failed, failed, relayed]);
    let expected = json!({
        "ownerOrganizationId": scene.owner.id, "groupId": scene.group, "pushId": scene.push, "memberId": scene.peer,
        "emitId": emit, "peerOrganizationId": null, "peerCanonicalName": null, "attempt": 1,
        "failedAt": "2026-05-06T12:00:00.000Z", "responseStatus": 500, "errorMessage": "the endpoint answered 500",
    });
    assert_eq!(said[0]["data"], expected);
    assert_eq!(said[2]["data"]["relayedAt"], "2026-05-06T12:02:45.000Z");
    scene.app.stop().await;
}

#[tokio::test]
async fn what_is_owed_is_shown_as_a_delivery_and_explained() {
    let scene = Scene::start().await;
    scene.owner.subscribe_all(&scene.receiver.url("/own")).await;
    let emit = scene.emit_and_settle().await;
    let delivery = scene.delivery(&emit).await;
    let expected = json!({ "kind": "external_peer", "url": scene.receiver.url("/in"), "component": null });
    assert_eq!(delivery["target"], expected);
    let ids = [&delivery["emitId"], &delivery["pushId"], &delivery["memberId"]];
    assert_eq!(ids, [&emit, &scene.push, &scene.peer].map(|id| json!(id)).each_ref());
    assert_eq!((&delivery["subscriptionId"], &delivery["status"]), (&Value::Null, &json!("SUCCESS")));
    assert_eq!(scene.owner.get(&format!("/api/v1/deliveries/{}", text(&delivery["id"]))).await.ok(), delivery);
    let both = format!("/api/v1/deliveries?memberId={}&subscriptionId=evs_{}", scene.peer, "0".repeat(26));
    scene.owner.get(&both).await.refused(400, "BAD_REQUEST");

    // The subscription comes first, and then the peer; pages of one row each have the same order.
    let all = scene.owner.get(&format!("/api/v1/emits/{emit}/explain")).await.ok();
    assert_eq!((&all["total"], all["items"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    assert_eq!(all["items"][0]["memberId"], Value::Null);
    for (page, item) in [(1, 0), (2, 1)] {
        let path = format!("/api/v1/emits/{emit}/explain?limit=1&page={page}");
        assert_eq!(scene.owner.get(&path).await.ok()["items"], json!([all["items"][item]]));
    }
    let only = scene.owner.get(&format!("/api/v1/emits/{emit}/explain?memberId={}", scene.peer)).await.ok();
    assert_eq!((&only["total"], &only["items"][0]), (&json!(1), &all["items"][1]));
    let explained = &only["items"][0];
    assert_eq!((&explained["matched"], &explained["reason"]), (&json!(true), &json!("delivered")));
    let steps = explained["steps"].as_array().expect("steps");
    let outcomes: Vec<_> = steps.iter().map(|step| text(&step["outcome"])).collect();
    assert_eq!(outcomes, ["matched", "pushed", "prepared", "acknowledged"]);
    assert!(steps[2]["componentDigest"].is_string() && steps[1]["componentDigest"].is_null());

    // The relay counts among the deliveries of the owner's emit, but leads to no lifecycle event of the emit.
    let shown = scene.owner.get(&format!("/api/v1/emits/{emit}")).await.ok();
    assert_eq!((&shown["deliveries"]["success"], &shown["deliveryStatus"]), (&json!(2), &json!("DELIVERED")));
    let told = scene.owner.get("/api/v1/event-log?eventType=CUSTOM_EVENT_EMIT_DELIVERED").await.ok();
    assert_eq!(told["total"], 1);
    scene.app.stop().await;
}

#[tokio::test]
async fn other_organizations_see_no_relay_to_a_peer() {
    let scene = Scene::start().await;
    let (member, other) = (scene.app.organization("ENTERPRISE").await, scene.app.organization("ENTERPRISE").await);
    super::super::join(&scene.owner, &scene.group, &member).await;
    let emit = scene.emit_and_settle().await;
    let delivery = text(&scene.delivery(&emit).await["id"]);
    for client in [&member, &other] {
        let path = format!("/api/v1/deliveries?memberId={}", scene.peer);
        assert_eq!(client.get(&path).await.ok()["total"], 0);
        client.get(&format!("/api/v1/deliveries/{delivery}")).await.refused(404, "NOT_FOUND");
        client
            .post(&format!("/api/v1/deliveries/{delivery}/replay"), json!({ "force": true }))
            .await
            .refused(404, "NOT_FOUND");
    }
    let rows = |client: crate::support::Client| {
        let path = format!("{}/{}/relays", super::GROUPS, scene.group);
        async move { client.get(&path).await.ok()["items"].clone() }
    };
    assert_eq!(rows(scene.owner.clone()).await.as_array().map(Vec::len), Some(2));
    let seen = rows(member.clone()).await;
    assert_eq!((seen.as_array().map(Vec::len), &seen[0]["peerOrganizationId"]), (Some(1), &json!(member.id)));
    let explained = member.get(&format!("/api/v1/emits/{emit}/explain")).await.ok();
    assert_eq!(explained["total"], 0);
    other.get(&format!("/api/v1/emits/{emit}/explain")).await.refused(404, "NOT_FOUND");
    scene.app.stop().await;
}
