//! Announcements of listings and forks: which organizations get which events (contract 7.4).

use serde_json::{Value, json};

use super::{EVENTS, fork, fork_with, listed, listing, republish, unpublish};
use crate::support::{
    Client, Receiver, TestApp,
    client::{text, unknown_id},
};

/// Names and payloads of an organization's marketplace events, the oldest first.
async fn announced(tenant: &Client) -> Vec<(String, Value)> {
    let log = tenant.event_log("entityType=marketplace_listing").await;
    log.into_iter().map(|item| (text(&item["eventType"]), item["payload"].clone())).collect()
}

#[tokio::test]
async fn a_publisher_is_told_of_each_move_of_its_listing() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = listed(&tenant, "order", "Orders").await;
    unpublish(&tenant, &id).await.ok();
    unpublish(&tenant, &id).await.refused(409, "already_unpublished");
    republish(&tenant, &id).await.ok();
    let canonical = text(&listing(&tenant, &id).await.ok()["sourceCanonicalName"]);
    let facts = json!({ "listingId": id, "publisherOrganizationId": tenant.id, "sourceCanonicalName": canonical });
    let expected: Vec<(String, Value)> = ["PUBLISHED", "UNPUBLISHED", "REPUBLISHED"]
        .map(|move_| (format!("MARKETPLACE_LISTING_{move_}"), facts.clone()))
        .into();
    assert_eq!(announced(&tenant).await, expected);
    app.stop().await;
}

/// The publisher learns of a fork only by the listing's `forkCount`.
#[tokio::test]
async fn a_fork_is_announced_to_the_forking_organization_only() {
    let (app, receiver, deaf) = (TestApp::start().await, Receiver::start().await, Receiver::start().await);
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    for (client, url) in [(&tenant, receiver.url("/")), (&publisher, deaf.url("/"))] {
        let body = json!({ "eventTypes": ["MARKETPLACE_LISTING_FORK*"], "webhookUrl": url });
        client.post("/api/v1/event-subscriptions", body).await.created();
    }
    let before = announced(&publisher).await;
    let forked = fork(&tenant, &id, "copy").await.created();
    app.settle().await;
    let [delivered] = &receiver.requests()[..] else { panic!("the fork is announced") };
    let body = delivered.json();
    assert_eq!(body["event"], "MARKETPLACE_LISTING_FORKED");
    assert_eq!(
        body["data"],
        json!({
            "listingId": id, "publisherOrganizationId": publisher.id,
            "sourceCanonicalName": forked["sourceCanonicalName"], "forkId": forked["forkId"],
            "forkRegistrationId": forked["forkRegistrationId"], "forkOrganizationId": tenant.id,
        })
    );
    assert_eq!(announced(&publisher).await, before);
    assert_eq!(deaf.requests().len(), 0);
    // The fork's registration is announced like any other.
    let path =
        format!("/api/v1/event-log?eventType=CUSTOM_EVENT_REGISTERED&entityId={}", text(&forked["forkRegistrationId"]));
    assert_eq!(tenant.get(&path).await.ok()["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn a_fork_that_fails_is_told_with_its_reason() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    let canonical = text(&listing(&publisher, &id).await.ok()["sourceCanonicalName"]);
    let before = announced(&publisher).await;
    tenant.register("taken", "1.0.0").await;
    for body in [
        json!({ "namespace": "No", "name": "copy" }),
        json!({ "namespace": publisher.namespace, "name": "copy" }),
        json!({ "namespace": tenant.namespace, "name": "taken" }),
    ] {
        assert!(fork_with(&tenant, &id, body).await.status >= 400);
    }
    for number in 0..24 {
        tenant.register(&format!("event-{number}"), "1.0.0").await;
    }
    fork(&tenant, &id, "copy").await.refused(402, "registration_quota_exceeded");
    let codes = ["invalid_namespace", "namespace_not_allowed", "fork_already_exists", "registration_quota_exceeded"];
    let expected: Vec<(String, Value)> = codes
        .map(|code| {
            let data = json!({
                "listingId": id, "publisherOrganizationId": publisher.id, "sourceCanonicalName": canonical,
                "forkOrganizationId": tenant.id, "errorCode": code,
            });
            ("MARKETPLACE_LISTING_FORK_FAILED".to_owned(), data)
        })
        .into();
    assert_eq!(announced(&tenant).await, expected);
    assert_eq!(announced(&publisher).await, before);
    app.stop().await;
}

/// Forks that fail because the caller may not see the listing, or may not fork at all.
#[tokio::test]
async fn forks_that_may_not_be_are_not_announced() {
    let app = TestApp::start().await;
    let (publisher, tenant) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&publisher, "order", "Orders").await;
    unpublish(&publisher, &id).await.ok();
    fork(&tenant, &id, "copy").await.refused(404, "listing_not_found");
    fork(&tenant, &unknown_id("mkl_"), "copy").await.refused(404, "listing_not_found");
    app.set_plan(&tenant, "BASIC").await;
    republish(&publisher, &id).await.ok();
    fork(&tenant, &id, "copy").await.refused(402, "MARKETPLACE_FORK_NOT_AVAILABLE");
    assert_eq!(announced(&tenant).await, []);
    assert_eq!(tenant.get(EVENTS).await.ok()["events"].as_array().map(Vec::len), Some(1));
    app.stop().await;
}
