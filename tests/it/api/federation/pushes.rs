//! Declaring, reading and undeclaring pushes, and subscribing to a pushed event.

use std::time::Duration;

use serde_json::{Value, json};

use super::{EVENTS, GROUPS, answer, archive, change_member, detail, group, invite, join, push, pushed, undeclare};
use crate::support::{
    Answer, Client, TestApp,
    client::{text, unknown_id},
    database::number,
};

async fn listed(client: &Client, group: &str, query: &str) -> Vec<Value> {
    let data = client.get(&format!("{GROUPS}/{group}/pushes{query}")).await.ok();
    data["pushes"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_push_answers_all_members_and_stays_in_the_list_when_it_ends() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    join(&owner, &group, &tenant).await;
    let registration = owner.register("property.favorited", "1.2.3").await;
    let declared = push(&owner, &group, &registration).await.created();
    let id = text(&declared["id"]);
    assert!(id.starts_with("cefp_"), "{id}");
    let mut expected = json!({
        "id": id, "groupId": group, "sourceRegistrationId": registration, "sourceOrganizationId": owner.id,
        "namespace": owner.namespace, "name": "property.favorited", "version": "1.2.3",
        "sourceCanonicalName": format!("TENANT_CUSTOM:{}:{}.property.favorited@1.2.3", owner.id, owner.namespace),
        "pushedBy": "default", "pushedAt": "2026-05-06T12:00:00.000Z", "unpushedBy": null, "unpushedAt": null,
        "isActive": true,
    });
    assert_eq!(declared, expected);
    for client in [&owner, &tenant] {
        assert_eq!(listed(client, &group, "").await, [expected.clone()]);
        assert_eq!(detail(client, &group).await.ok()["pushes"], json!([expected]));
    }
    app.clock.advance(Duration::from_secs(1));
    expected["isActive"] = json!(false);
    expected["unpushedBy"] = json!("default");
    expected["unpushedAt"] = json!("2026-05-06T12:00:01.000Z");
    assert_eq!(undeclare(&owner, &id).await.ok(), expected);
    undeclare(&owner, &id).await.refused(409, "invalid_state");
    for client in [&owner, &tenant] {
        for query in ["", "?includeInactive=false"] {
            assert_eq!(listed(client, &group, query).await, Vec::<Value>::new());
        }
        assert_eq!(listed(client, &group, "?includeInactive=true").await, [expected.clone()]);
        assert_eq!(detail(client, &group).await.ok()["pushes"], json!([]), "the detail has active ones only");
    }
    // Declared again, the registration gets another push, and the old one stays undeclared.
    app.clock.advance(Duration::from_secs(1));
    let again = push(&owner, &group, &registration).await.created();
    assert_ne!(again["id"], expected["id"]);
    assert_eq!(listed(&owner, &group, "?includeInactive=true").await, [again, expected]);
    app.stop().await;
}

#[tokio::test]
async fn only_a_published_registration_of_ones_own_is_pushed_and_once() {
    let app = TestApp::start().await;
    let (owner, other) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let (one, two) = (group(&owner, "One").await, group(&owner, "Two").await);
    let foreign = other.register("order", "1.0.0").await;
    for id in [&foreign, &unknown_id("cer_"), "nonsense", ""] {
        push(&owner, &one, id).await.refused(404, "registration_not_found");
    }
    for body in [json!({}), json!({ "registrationId": null }), json!({ "registrationId": 7 })] {
        owner.post(&format!("{GROUPS}/{one}/pushes"), body).await.refused(400, "invalid_request");
    }
    let body = json!({
        "namespace": owner.namespace, "name": "draft", "version": "1.0.0", "payloadSchema": { "type": "object" },
    });
    let draft = text(&owner.post(EVENTS, body).await.created()["id"]);
    push(&owner, &one, &draft).await.refused(409, "invalid_state");
    let archived = owner.register("old", "1.0.0").await;
    owner.delete(&format!("{EVENTS}/{archived}")).await.ok();
    push(&owner, &one, &archived).await.refused(409, "invalid_state");
    let registration = owner.register("order", "1.0.0").await;
    pushed(&owner, &one, &registration).await;
    push(&owner, &one, &registration).await.refused(409, "duplicate");
    pushed(&owner, &two, &registration).await;
    // Each version is pushed by itself.
    pushed(&owner, &one, &owner.register("order", "1.0.1").await).await;
    assert_eq!(detail(&owner, &one).await.ok()["pushCount"], 2);
    app.stop().await;
}

/// Members see the schema of the push, also when the registration has changed or is gone.
#[tokio::test]
async fn the_schema_is_kept_as_it_was_and_the_push_outlives_its_registration() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let schema = r#"{"type":"object", "properties":{"n":{"maximum":1.0}}}"#;
    let body = format!(
        r#"{{"namespace":"{}","name":"order","version":"1.0.0","status":"published","payloadSchema":{schema}}}"#,
        owner.namespace
    );
    let registration = text(&owner.send("POST", EVENTS, Some(body)).await.created()["id"]);
    let id = pushed(&owner, &group, &registration).await;
    let kept = format!("select count(*) from federation_push where payload_schema = '{schema}'");
    assert_eq!(number(&app.database.location, &kept).await, 1);
    owner.delete(&format!("{EVENTS}/{registration}")).await.ok();
    let pushes = listed(&owner, &group, "").await;
    assert_eq!((&pushes[0]["id"], &pushes[0]["sourceRegistrationId"]), (&json!(id), &json!(registration)));
    app.stop().await;
}

/// Terraform destroys a push after its group when nothing links the two (contract 8).
#[tokio::test]
async fn a_push_to_an_archived_group_can_still_be_undeclared() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let registration = owner.register("order", "1.0.0").await;
    let id = pushed(&owner, &group, &registration).await;
    archive(&owner, &group).await.ok();
    push(&owner, &group, &owner.register("other", "1.0.0").await).await.refused(409, "group_archived");
    assert_eq!(undeclare(&owner, &id).await.ok()["isActive"], false);
    for id in [&unknown_id("cefp_"), "nonsense"] {
        undeclare(&owner, id).await.refused(404, "push_not_found");
    }
    app.stop().await;
}

async fn subscribe(client: &Client, name: &str, version: Option<&str>) -> Answer {
    let body = json!({ "name": name, "version": version, "webhookUrl": "https://receiver.example/" });
    client.post(&format!("{EVENTS}/subscribe"), body).await
}

/// Contract 2.8: the member names the owner's event, and its subscription is bound to the member's own
/// canonical name.
#[tokio::test]
async fn a_member_subscribes_to_what_is_pushed_to_it() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    let name = format!("{}.order.placed", owner.namespace);
    let registration = owner.register("order.placed", "1.0.0").await;
    let later = owner.register("order.placed", "1.0.1").await;
    let push = pushed(&owner, &group, &registration).await;
    let heard = |version: Option<&'static str>| subscribe(&tenant, &name, version);
    let silence = || async {
        for version in [None, Some("*"), Some("1.0.0")] {
            heard(version).await.refused(404, "event_not_registered");
        }
    };
    silence().await;
    invite(&owner, &group, &tenant.id).await.created();
    silence().await;
    let member = text(&answer(&tenant, &group, "accept").await.ok()["id"]);
    for (version, bound) in [(Some("1.0.0"), "1.0.0"), (Some("*"), "*"), (None, "*")] {
        let data = heard(version).await.created();
        assert_eq!(data["canonicalName"], format!("TENANT_CUSTOM:{}:{name}@{bound}", tenant.id));
    }
    heard(Some("1.0.1")).await.refused(404, "event_not_registered");
    heard(Some("2.0.0")).await.refused(404, "event_not_registered");
    subscribe(&tenant, &format!("{}.order", owner.namespace), None).await.refused(404, "event_not_registered");
    let listed = tenant.get("/api/v1/event-subscriptions").await.ok();
    assert_eq!(listed["subscriptions"].as_array().map(Vec::len), Some(3));
    // A change that ends the push for the member also ends subscribing to it.
    change_member(&owner, &group, &member, "pause").await.ok();
    silence().await;
    change_member(&owner, &group, &member, "resume").await.ok();
    heard(None).await.created();
    app.set_plan(&tenant, "PRO").await;
    silence().await;
    app.set_plan(&tenant, "ENTERPRISE").await;
    pushed(&owner, &group, &later).await;
    undeclare(&owner, &push).await.ok();
    heard(Some("1.0.0")).await.refused(404, "event_not_registered");
    heard(Some("1.0.1")).await.created();
    archive(&owner, &group).await.ok();
    silence().await;
    app.stop().await;
}
