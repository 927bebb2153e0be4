//! `GET /api/v1/emits/{id}/explain`: why an event reached a subscription, or did not (contract 14.2).

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::{address::Policy, explain::Reason};

use crate::support::{Client, Receiver, Reply, TestApp, client::text};

/// The explanation for one subscription.
async fn explained(client: &Client, emit: &str, subscription: &str) -> Value {
    let path = format!("/api/v1/emits/{emit}/explain?subscriptionId={subscription}");
    let data = client.get(&path).await.ok();
    assert_eq!(data["total"], 1);
    assert_eq!(data["items"][0]["subscriptionId"], subscription);
    data["items"][0].clone()
}

#[track_caller]
fn check(explained: &Value, matched: bool, reason: Reason) {
    assert_eq!(
        (&explained["matched"], &explained["reason"]),
        (&json!(matched), &json!(reason.as_str())),
        "{explained}"
    );
    for step in explained["steps"].as_array().expect("steps") {
        for member in ["stage", "outcome", "componentDigest", "fuel", "durationUs", "message", "at"] {
            assert!(step.get(member).is_some(), "{member} in {step}");
        }
    }
}

fn stages(explained: &Value) -> Vec<(&str, &str)> {
    let steps = explained["steps"].as_array().expect("steps").iter();
    steps.map(|step| (step["stage"].as_str().expect("a stage"), step["outcome"].as_str().expect("a word"))).collect()
}

#[tokio::test]
async fn a_delivered_event_is_explained_step_by_step() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let explained = explained(&acme, &emit, &subscription).await;
    check(&explained, true, Reason::Delivered);
    let expected = [("match", "matched"), ("route", "chosen"), ("adapt", "prepared"), ("send", "acknowledged")];
    assert_eq!(stages(&explained), expected);
    let steps = &explained["steps"];
    for (index, has_component) in [(0, false), (1, true), (2, true), (3, false)] {
        assert_eq!(steps[index]["componentDigest"].is_string(), has_component, "{}", steps[index]);
    }
    assert!(steps[2]["fuel"].as_u64().is_some_and(|fuel| fuel > 0));
    assert!(steps[3]["durationUs"].is_u64());
    app.stop().await;
}

#[tokio::test]
async fn what_is_on_its_way_or_failed_is_explained() {
    let (app, receiver) = (TestApp::with_retries("30").await, Receiver::start().await);
    receiver.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    check(&explained(&acme, &emit, &subscription).await, true, Reason::Retrying);
    app.clock.advance(Duration::from_mins(1));
    app.settle().await;
    let dead = explained(&acme, &emit, &subscription).await;
    check(&dead, true, Reason::DeadLetter);
    assert_eq!(stages(&dead).last(), Some(&("send", "failed")));
    assert_eq!(dead["steps"][5]["message"], "the endpoint answered 500");
    app.stop().await;
}

#[tokio::test]
async fn each_subscription_of_a_page_has_its_own_explanation() {
    let (app, works, fails) = (TestApp::with_retries("30").await, Receiver::start().await, Receiver::start().await);
    fails.always(Reply::status(500));
    let acme = app.organization("PRO").await;
    let (delivered, _) = acme.subscribe("platformxe.generic", &works.url("/")).await;
    // Lists show the newest first, and ids of one moment do not sort.
    app.clock.advance(Duration::from_millis(1));
    let (retrying, _) = acme.subscribe("platformxe.generic", &fails.url("/")).await;
    acme.emit_generic(json!({ "kind": "another" })).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let all = acme.get(&format!("/api/v1/emits/{emit}/explain")).await.ok();
    assert_eq!(all["total"], 2);
    let expected = [(&retrying, Reason::Retrying, "failed"), (&delivered, Reason::Delivered, "acknowledged")];
    for (item, (subscription, reason, outcome)) in all["items"].as_array().expect("a list").iter().zip(expected) {
        assert_eq!(&item["subscriptionId"], subscription.as_str());
        check(item, true, reason);
        assert_eq!(stages(item), [("match", "matched"), ("route", "chosen"), ("adapt", "prepared"), ("send", outcome)]);
        assert!(item["steps"][2]["componentDigest"].is_string(), "{item}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_delivery_that_waits_for_its_turn_is_pending() {
    let (app, receiver) = (TestApp::with(|s| s.deliveries_max = 1).await, Receiver::start().await);
    receiver.always(Reply::Hang);
    let acme = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    let second = acme.emit_generic(json!({ "kind": "k" })).await;
    check(&explained(&acme, &second, &subscription).await, true, Reason::Pending);
    receiver.release();
    app.stop().await;
}

#[tokio::test]
async fn other_names_and_other_versions_are_told_apart() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    acme.register("order", "1.0.0").await;
    acme.register("order", "1.1.0").await;
    let name = format!("{}.order", acme.namespace);
    let body = json!({ "name": name, "version": "1.0.0", "webhookUrl": receiver.url("/") });
    let old = text(&acme.post("/api/v1/events/custom/subscribe", body).await.created()["subscriptionId"]);
    // Lists show the newest first, and ids of one moment do not sort.
    app.clock.advance(Duration::from_millis(1));
    let (other, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit(&name, json!({})).await;
    app.settle().await;
    check(&explained(&acme, &emit, &old).await, false, Reason::VersionDiffers);
    check(&explained(&acme, &emit, &other).await, false, Reason::NameDiffers);
    // Without `subscriptionId` the answer has all of them.
    let all = acme.get(&format!("/api/v1/emits/{emit}/explain?limit=1&page=2")).await.ok();
    assert_eq!((&all["total"], &all["page"], &all["limit"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(all["items"][0]["subscriptionId"], old);
    app.stop().await;
}

#[tokio::test]
async fn paused_and_later_subscriptions_are_told_apart() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let create = |is_active: bool| {
        let body = json!({
            "eventTypes": [format!("TENANT_CUSTOM:{}:*", acme.id)], "webhookUrl": receiver.url("/"), "isActive": is_active,
        });
        let acme = acme.clone();
        async move { text(&acme.post("/api/v1/event-subscriptions", body).await.created()["id"]) }
    };
    let paused = create(false).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(1));
    let later = create(true).await;
    check(&explained(&acme, &emit, &paused).await, true, Reason::Inactive);
    check(&explained(&acme, &emit, &later).await, true, Reason::CreatedLater);
    // That the subscription was paused before is not kept: once resumed, it counts as newer than
    // the event.
    let path = format!("/api/v1/event-subscriptions/{paused}");
    acme.patch(&path, json!({ "isActive": true })).await.ok();
    let resumed = explained(&acme, &emit, &paused).await;
    check(&resumed, true, Reason::CreatedLater);
    assert!(text(&resumed["steps"][0]["message"]).contains("changed after"));
    app.stop().await;
}

#[tokio::test]
async fn a_filter_that_does_not_match_is_the_routers_choice() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("PRO").await;
    let body = json!({
        "name": "platformxe.generic", "webhookUrl": receiver.url("/"), "filter": { "kind": ["wanted"] },
    });
    let subscription = text(&acme.post("/api/v1/events/custom/subscribe", body).await.created()["subscriptionId"]);
    let emit = acme.emit_generic(json!({ "kind": "other" })).await;
    app.settle().await;
    let explained = explained(&acme, &emit, &subscription).await;
    check(&explained, true, Reason::NotRouted);
    assert_eq!(stages(&explained), [("match", "matched"), ("route", "left_out")]);
    app.stop().await;
}

#[tokio::test]
async fn a_target_that_may_not_be_reached_is_the_guards_refusal() {
    let app = TestApp::with_retries("").await;
    let acme = app.organization("PRO").await;
    // The tests' policy allows the target at the subscription. The host is restarted under a stricter
    // policy, which refuses it at the delivery.
    let receiver = Receiver::start().await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let (id, namespace, key) = (acme.id.clone(), acme.namespace.clone(), acme.key().to_owned());
    let app = app
        .restart_with(|settings| settings.address_policy = Policy { allow_private: false, allowed: Vec::new() })
        .await;
    let acme = app.client(&id, &namespace, &key);
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let explained = explained(&acme, &emit, &subscription).await;
    check(&explained, true, Reason::GuardRefused);
    assert_eq!(stages(&explained).last(), Some(&("send", "refused")));
    assert_eq!(receiver.requests().len(), 0);

    // The refusal used up no attempt: once the operator allows the target, the only attempt succeeds.
    let app = app.restart_with(|settings| settings.address_policy.allow_private = true).await;
    let acme = app.client(&id, &namespace, &key);
    app.clock.advance(Duration::from_mins(5));
    app.settle().await;
    check(&self::explained(&acme, &emit, &subscription).await, true, Reason::Delivered);
    let delivery = acme.get(&format!("/api/v1/deliveries?emitId={emit}")).await.ok()["items"][0].clone();
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1), "{delivery}");
    app.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_was_given_up_is_the_reason() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    receiver.always(Reply::status(410));
    let acme = app.organization("PRO").await;
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let gone = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(1));
    let after = acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    check(&explained(&acme, &gone, &subscription).await, true, Reason::EndpointDisabled);
    check(&explained(&acme, &after, &subscription).await, true, Reason::EndpointDisabled);
    app.stop().await;
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_explained() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (acme, globex) = (app.organization("PRO").await, app.organization("PRO").await);
    let (subscription, _) = acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let emit = acme.emit_generic(json!({ "kind": "k" })).await;
    let foreign = globex.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    globex.get(&format!("/api/v1/emits/{emit}/explain")).await.refused(404, "NOT_FOUND");
    let path = format!("/api/v1/emits/{foreign}/explain?subscriptionId={subscription}");
    assert_eq!(globex.get(&path).await.ok()["total"], 0);
    acme.get("/api/v1/emits/evt_1/explain").await.refused(404, "NOT_FOUND");
    app.stop().await;
}
