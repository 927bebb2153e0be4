//! Announcements of groups: which organizations get which events (contract 4.2).

use serde_json::{Value, json};

use super::{
    add_peer, answer, archive, change_member, detail, group, invite, join, pushed, remove_peer, sound_peer, undeclare,
};
use crate::support::{Client, Receiver, TestApp, client::text};

/// Names, without their common beginning, and payloads of an organization's federation events, the
/// oldest first.
async fn announced(tenant: &Client) -> Vec<(String, Value)> {
    let log = tenant.event_log("entityType=federation_group").await;
    let short = |name: &Value| text(name).trim_start_matches("CUSTOM_EVENT_FEDERATION_").to_owned();
    log.into_iter().map(|item| (short(&item["eventType"]), item["payload"].clone())).collect()
}

#[tokio::test]
async fn each_move_is_told_to_the_owner_and_to_those_whom_it_concerns() {
    let app = TestApp::start().await;
    let (owner, one, two) = (
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
    );
    let group = group(&owner, "Partners").await;
    let first = join(&owner, &group, &one).await;
    let second = text(&invite(&owner, &group, &two.id).await.created()["id"]);
    let registration = owner.register("order", "1.0.0").await;
    let push = pushed(&owner, &group, &registration).await;
    undeclare(&owner, &push).await.ok();
    answer(&two, &group, "leave").await.ok();
    change_member(&owner, &group, &first, "pause").await.ok();
    change_member(&owner, &group, &first, "remove").await.ok();
    let third = join(&owner, &group, &two).await;
    assert_eq!(third, second);
    archive(&owner, &group).await.ok();
    let with = |name: &str, mut data: Value| {
        data["groupId"] = json!(group);
        data["ownerOrganizationId"] = json!(owner.id);
        (name.to_owned(), data)
    };
    let of = |name: &str, (id, organization): (&str, &str), mut data: Value| {
        data["memberId"] = json!(id);
        data["memberOrganizationId"] = json!(organization);
        with(name, data)
    };
    let (a, b) = ((first.as_str(), one.id.as_str()), (second.as_str(), two.id.as_str()));
    let by = "default";
    let created = with("GROUP_CREATED", json!({ "name": "Partners", "createdBy": by }));
    let invited = |member| of("MEMBER_INVITED", member, json!({ "invitedBy": by }));
    let accepted = |member| of("MEMBER_ACCEPTED", member, json!({ "acceptedBy": by }));
    let removed = |member, reason: &str| of("MEMBER_REMOVED", member, json!({ "removedBy": by, "reason": reason }));
    let declared = with(
        "PUSH_DECLARED",
        json!({
            "pushId": push, "sourceRegistrationId": registration, "namespace": owner.namespace, "name": "order",
            "version": "1.0.0", "pushedBy": by,
        }),
    );
    let undeclared = with("PUSH_UNDECLARED", json!({ "pushId": push, "unpushedBy": by }));
    let archived = with("GROUP_ARCHIVED", json!({ "archivedBy": by }));
    assert_eq!(
        announced(&owner).await,
        [
            created,
            invited(a),
            accepted(a),
            invited(b),
            declared.clone(),
            undeclared.clone(),
            removed(b, "member_left"),
            removed(a, "owner_removed"),
            invited(b),
            accepted(b),
            archived.clone(),
        ]
    );
    // A member gets the announcements about itself, and those about the group while it takes part.
    assert_eq!(announced(&one).await, [invited(a), accepted(a), declared, undeclared, removed(a, "owner_removed")]);
    assert_eq!(announced(&two).await, [invited(b), removed(b, "member_left"), invited(b), accepted(b), archived]);
    app.stop().await;
}

#[tokio::test]
async fn an_external_peer_is_told_like_a_member_and_to_the_owner_only() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    join(&owner, &group, &tenant).await;
    let (before, others) = (announced(&owner).await.len(), announced(&tenant).await);
    let peer = text(&add_peer(&owner, &group, sound_peer()).await.created()["peer"]["id"]);
    remove_peer(&owner, &peer).await.ok();
    let now = announced(&owner).await;
    let names: Vec<&str> = now[before..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["MEMBER_INVITED", "MEMBER_ACCEPTED", "MEMBER_REMOVED"]);
    for (_, data) in &now[before..] {
        assert_eq!((&data["memberId"], &data["memberOrganizationId"]), (&json!(peer), &Value::Null));
        assert!(!data.to_string().contains("booking"), "{data}");
    }
    assert_eq!(now[now.len() - 1].1["reason"], "owner_removed");
    assert_eq!(announced(&tenant).await, others);
    app.stop().await;
}

#[tokio::test]
async fn an_invitation_reaches_a_subscription_that_waits_for_it() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let body = json!({ "eventTypes": ["CUSTOM_EVENT_FEDERATION_*"], "webhookUrl": receiver.url("/") });
    tenant.post("/api/v1/event-subscriptions", body).await.created();
    let group = group(&owner, "Partners").await;
    invite(&owner, &group, &tenant.id).await.created();
    app.settle().await;
    let [delivered] = &receiver.requests()[..] else { panic!("one event concerns the organization") };
    let body = delivered.json();
    assert_eq!(body["event"], "CUSTOM_EVENT_FEDERATION_MEMBER_INVITED");
    assert_eq!((&body["organizationId"], &body["data"]["groupId"]), (&json!(tenant.id), &json!(group)));
    app.stop().await;
}

/// A refused request changes nothing and is not announced.
#[tokio::test]
async fn refused_changes_are_not_announced() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    join(&owner, &group, &tenant).await;
    let (before, seen) = (announced(&owner).await, detail(&owner, &group).await.ok());
    invite(&owner, &group, &tenant.id).await.refused(409, "duplicate");
    answer(&tenant, &group, "accept").await.refused(409, "invalid_state");
    archive(&tenant, &group).await.refused(403, "forbidden");
    assert_eq!(announced(&owner).await, before);
    assert_eq!(detail(&owner, &group).await.ok(), seen);
    app.stop().await;
}
