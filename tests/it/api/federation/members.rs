//! Members of groups: inviting, accepting, pausing, resuming, leaving, removing.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GROUPS, answer, archive, change_member, detail, group, invite, join};
use crate::support::{
    Client, TestApp,
    client::{text, unknown_id},
};

async fn member(client: &Client, group: &str, id: &str) -> Value {
    let data = detail(client, group).await.ok();
    let members = data["members"].as_array().expect("a list");
    members.iter().find(|member| member["id"] == *id).expect("the member is listed").clone()
}

#[tokio::test]
async fn a_member_answers_all_members_at_each_step() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let path = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
    let key = app.admin().post(&path, json!({ "callerService": "partner-app" })).await.created();
    let tenant = tenant.with_key(&text(&key["apiKey"]));
    let group = group(&owner, "Partners").await;
    let invited = invite(&owner, &group, &tenant.id).await.created();
    let id = text(&invited["id"]);
    assert!(id.starts_with("cefm_"), "{id}");
    let at = |second: u32| format!("2026-05-06T12:00:{second:02}.000Z");
    let mut expected = json!({
        "id": id, "groupId": group, "peerType": "tenant_org", "memberOrganizationId": tenant.id,
        "externalWebhookUrl": null, "externalWebhookLabel": null, "externalWebhookHeaderNames": null,
        "status": "pending", "invitedBy": "default", "invitedAt": at(0), "acceptedBy": null, "acceptedAt": null,
        "pausedBy": null, "pausedAt": null, "removedBy": null, "removedAt": null,
    });
    assert_eq!(invited, expected);
    assert_eq!(member(&owner, &group, &id).await, expected);
    let set = |expected: &mut Value, changes: Value| {
        for (name, value) in changes.as_object().expect("an object") {
            expected[name] = value.clone();
        }
    };
    let tick = || app.clock.advance(Duration::from_secs(1));
    tick();
    set(&mut expected, json!({ "status": "accepted", "acceptedBy": "partner-app", "acceptedAt": at(1) }));
    assert_eq!(answer(&tenant, &group, "accept").await.ok(), expected);
    tick();
    set(&mut expected, json!({ "status": "paused", "pausedBy": "default", "pausedAt": at(2) }));
    assert_eq!(change_member(&owner, &group, &id, "pause").await.ok(), expected);
    tick();
    set(&mut expected, json!({ "status": "accepted", "pausedBy": null, "pausedAt": null }));
    assert_eq!(change_member(&tenant, &group, &id, "resume").await.ok(), expected);
    tick();
    set(&mut expected, json!({ "status": "removed", "removedBy": "partner-app", "removedAt": at(4) }));
    assert_eq!(answer(&tenant, &group, "leave").await.ok(), expected);
    assert_eq!(member(&owner, &group, &id).await, expected);
    tick();
    set(
        &mut expected,
        json!({
            "status": "pending", "invitedAt": at(5), "acceptedBy": null, "acceptedAt": null, "removedBy": null,
            "removedAt": null,
        }),
    );
    assert_eq!(invite(&owner, &group, &tenant.id).await.created(), expected, "the same row, reset");
    app.stop().await;
}

#[tokio::test]
async fn only_another_organization_of_the_host_is_invited() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    for id in [owner.id.clone(), unknown_id("org_"), "nonsense".to_owned(), String::new(), "org_\u{0}".to_owned()] {
        invite(&owner, &group, &id).await.refused(400, "invalid_request");
    }
    let path = format!("{GROUPS}/{group}/invite");
    for body in [json!({}), json!({ "memberOrganizationId": null }), json!({ "memberOrganizationId": [owner.id] })] {
        owner.post(&path, body).await.refused(400, "invalid_request");
    }
    assert_eq!(detail(&owner, &group).await.ok()["memberCount"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_member_is_invited_once_until_it_is_removed() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    let again = || invite(&owner, &group, &tenant.id);
    let id = text(&again().await.created()["id"]);
    again().await.refused(409, "duplicate");
    answer(&tenant, &group, "accept").await.ok();
    again().await.refused(409, "duplicate");
    change_member(&owner, &group, &id, "pause").await.ok();
    again().await.refused(409, "duplicate");
    change_member(&owner, &group, &id, "remove").await.ok();
    assert_eq!(text(&again().await.created()["id"]), id);
    answer(&tenant, &group, "accept").await.ok();
    app.stop().await;
}

/// Each state with the changes that it refuses, asked for by each client that may make them.
#[tokio::test]
async fn a_move_that_the_state_does_not_allow_is_refused() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let id = group(&owner, "Partners").await;
    for (state, refused) in [
        ("pending", &["pause", "resume"][..]),
        ("accepted", &["accept", "resume"]),
        ("paused", &["accept", "pause"]),
        ("removed", &["accept", "leave", "pause", "resume", "remove"]),
    ] {
        let tenant = app.organization("ENTERPRISE").await;
        let member = text(&invite(&owner, &id, &tenant.id).await.created()["id"]);
        if state != "pending" {
            answer(&tenant, &id, "accept").await.ok();
        }
        match state {
            "paused" => drop(change_member(&tenant, &id, &member, "pause").await.ok()),
            "removed" => drop(change_member(&owner, &id, &member, "remove").await.ok()),
            _ => {}
        }
        for verb in refused {
            let answers = match *verb {
                "accept" | "leave" => vec![answer(&tenant, &id, verb).await],
                "remove" => vec![change_member(&owner, &id, &member, verb).await],
                _ => vec![
                    change_member(&owner, &id, &member, verb).await,
                    change_member(&tenant, &id, &member, verb).await,
                ],
            };
            for refusal in answers {
                refusal.refused(409, "invalid_state");
            }
        }
        let data = detail(&owner, &id).await.ok();
        let members = data["members"].as_array().expect("a list");
        assert!(members.iter().any(|row| row["id"] == *member && row["status"] == state), "{state}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_invitation_is_declined_by_leaving() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    invite(&owner, &group, &tenant.id).await.created();
    assert_eq!(answer(&tenant, &group, "leave").await.ok()["status"], "removed");
    assert_eq!(detail(&tenant, &group).await.ok()["callerRole"], "removed");
    app.stop().await;
}

/// The invited organization's plan counts only when it accepts.
#[tokio::test]
async fn an_organization_without_the_plan_is_invited_and_cannot_accept() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("PRO").await);
    let group = group(&owner, "Partners").await;
    invite(&owner, &group, &tenant.id).await.created();
    answer(&tenant, &group, "accept").await.refused(402, "FEDERATION_NOT_AVAILABLE");
    app.set_plan(&tenant, "ENTERPRISE").await;
    assert_eq!(answer(&tenant, &group, "accept").await.ok()["status"], "accepted");
    app.stop().await;
}

#[tokio::test]
async fn members_of_another_group_are_not_found() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let (one, other) = (group(&owner, "One").await, group(&owner, "Other").await);
    let member = join(&owner, &one, &tenant).await;
    join(&owner, &other, &tenant).await;
    for verb in ["pause", "resume", "remove"] {
        for id in [&member, &unknown_id("cefm_"), "nonsense"] {
            change_member(&owner, &other, id, verb).await.refused(404, "member_not_found");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn an_archived_group_has_no_more_comings_and_goings() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let invited = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let member = join(&owner, &group, &tenant).await;
    invite(&owner, &group, &invited.id).await.created();
    archive(&owner, &group).await.ok();
    invite(&owner, &group, &app.organization("ENTERPRISE").await.id).await.refused(409, "group_archived");
    answer(&invited, &group, "accept").await.refused(409, "group_archived");
    answer(&tenant, &group, "leave").await.refused(409, "group_archived");
    for verb in ["pause", "resume", "remove"] {
        change_member(&owner, &group, &member, verb).await.refused(409, "group_archived");
    }
    app.stop().await;
}

/// Changes of one group come one after the other, also when several clients make them on two hosts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_accepted_once_however_many_try_at_once() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    let answers = futures_util::future::join_all((0..8).map(|_| invite(&owner, &group, &tenant.id))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(409, "duplicate");
    }
    let answers = futures_util::future::join_all((0..8).map(|_| answer(&tenant, &group, "accept"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.refused(409, "invalid_state");
    }
    app.stop().await;
}

/// Two organizations that are members of each other's groups change both at once: the transactions do
/// not wait for each other in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_each_other_never_wait_for_each_other() {
    let app = TestApp::start().await;
    let (one, other) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let (first, second) = (group(&one, "One").await, group(&other, "Other").await);
    let (of_first, of_second) = (join(&one, &first, &other).await, join(&other, &second, &one).await);
    for _ in 0..10 {
        for verb in ["pause", "resume"] {
            let (a, b) = tokio::join!(
                change_member(&one, &second, &of_second, verb),
                change_member(&other, &first, &of_first, verb)
            );
            a.ok();
            b.ok();
        }
    }
    app.stop().await;
}
