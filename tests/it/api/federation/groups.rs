//! Creating, reading and archiving groups.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GROUPS, add_peer, answer, archive, detail, group, invite, join, pushed, sound_peer};
use crate::support::{Client, TestApp, client::text};

async fn listed(client: &Client, query: &str) -> Vec<Value> {
    let data = client.get(&format!("{GROUPS}{query}")).await.ok();
    data["groups"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_group_answers_all_members_byte_for_byte() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let (name, description) = ("  Trusted – Partner 🎉 ", "two\nlines ");
    let created = owner.post(GROUPS, json!({ "name": name, "description": description })).await.created();
    let id = text(&created["id"]);
    assert!(id.starts_with("cefg_"), "{id}");
    let at = "2026-05-06T12:00:00.000Z";
    let mut expected = json!({
        "id": id, "ownerOrganizationId": owner.id, "name": name, "description": description, "createdBy": "default",
        "createdAt": at, "updatedAt": at, "archivedAt": null, "callerRole": "owner", "memberCount": 0, "pushCount": 0,
    });
    assert_eq!(created, expected);
    assert_eq!(listed(&owner, "").await, [expected.clone()]);
    expected["members"] = json!([]);
    expected["pushes"] = json!([]);
    assert_eq!(detail(&owner, &id).await.ok(), expected);
    let plain = owner.post(GROUPS, json!({ "name": "Plain" })).await.created();
    assert_eq!(plain["description"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn a_group_has_a_name_of_its_own_within_its_bounds() {
    let app = TestApp::start().await;
    let (owner, other) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": 7 }),
        json!({ "name": "" }),
        json!({ "name": "éé" }),
        json!({ "name": "    " }),
        json!({ "name": "a\u{0}bc" }),
        json!({ "name": "é".repeat(81) }),
        json!({ "name": "Partners", "description": "é".repeat(4_097) }),
        json!({ "name": "Partners", "description": "a\u{0}" }),
    ] {
        owner.post(GROUPS, body).await.refused(400, "invalid_request");
    }
    for name in ["ééé".to_owned(), "é".repeat(80), "Partners".to_owned()] {
        group(&owner, &name).await;
        owner.post(GROUPS, json!({ "name": name })).await.refused(409, "duplicate");
        group(&other, &name).await;
    }
    group(&owner, "partners").await;
    app.stop().await;
}

/// An archived group gives its name back, so that its owner can create another group of that name.
#[tokio::test]
async fn the_name_of_an_archived_group_is_free_again() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let first = group(&owner, "Partners").await;
    archive(&owner, &first).await.ok();
    let second = group(&owner, "Partners").await;
    archive(&owner, &second).await.ok();
    assert_ne!(first, second);
    assert_eq!(listed(&owner, "?includeArchived=true").await.len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn lists_have_what_one_owns_and_takes_part_in_the_newest_first() {
    let app = TestApp::start().await;
    let (owner, member) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let stranger = app.organization("ENTERPRISE").await;
    let mut ids = Vec::new();
    for (number, client) in [&owner, &member, &owner, &owner].into_iter().enumerate() {
        app.clock.advance(Duration::from_secs(1));
        ids.push(group(client, &format!("Group {number}")).await);
    }
    join(&owner, &ids[0], &member).await;
    invite(&owner, &ids[2], &member.id).await.created();
    let seen = |groups: Vec<Value>| -> Vec<(String, String)> {
        groups.iter().map(|group| (text(&group["id"]), text(&group["callerRole"]))).collect()
    };
    let expected = [(&ids[2], "pending"), (&ids[1], "owner"), (&ids[0], "accepted")];
    let expected: Vec<(String, String)> =
        expected.into_iter().map(|(id, role)| (id.clone(), role.to_owned())).collect();
    assert_eq!(seen(listed(&member, "").await), expected);
    assert_eq!(listed(&owner, "").await.len(), 3);
    assert_eq!(listed(&stranger, "").await, Vec::<Value>::new());
    archive(&owner, &ids[0]).await.ok();
    for (query, count) in [
        ("", 2),
        ("?includeArchived=false", 2),
        ("?includeArchived=nonsense", 2),
        ("?includeArchived=", 2),
        ("?includeArchived=true", 3),
    ] {
        assert_eq!(listed(&member, query).await.len(), count, "{query}");
        assert_eq!(listed(&owner, query).await.len(), count, "{query}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_archived_group_says_since_when_and_stays_readable() {
    let app = TestApp::start().await;
    let (owner, member) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let id = group(&owner, "Partners").await;
    join(&owner, &id, &member).await;
    pushed(&owner, &id, &owner.register("order", "1.0.0").await).await;
    app.clock.advance(Duration::from_secs(5));
    let archived = archive(&owner, &id).await.ok();
    let at = "2026-05-06T12:00:05.000Z";
    assert_eq!((&archived["archivedAt"], &archived["updatedAt"]), (&json!(at), &json!(at)));
    assert_eq!((&archived["memberCount"], &archived["pushCount"]), (&json!(1), &json!(1)));
    assert_eq!(archived["callerRole"], "owner");
    archive(&owner, &id).await.refused(409, "group_archived");
    for client in [&owner, &member] {
        let data = detail(client, &id).await.ok();
        assert_eq!(data["archivedAt"], at);
        assert_eq!(
            (data["members"].as_array().map(Vec::len), data["pushes"].as_array().map(Vec::len)),
            (Some(1), Some(1))
        );
    }
    app.stop().await;
}

/// External peers are shown to the owner only, and a removed member is shown no other member.
#[tokio::test]
async fn each_role_sees_its_own_part_of_a_group() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let id = group(&owner, "Partners").await;
    let mut clients = Vec::new();
    for role in ["pending", "accepted", "paused", "removed"] {
        let client = app.organization("ENTERPRISE").await;
        invite(&owner, &id, &client.id).await.created();
        if role != "pending" {
            let member = text(&answer(&client, &id, "accept").await.ok()["id"]);
            match role {
                "paused" => drop(super::change_member(&owner, &id, &member, "pause").await.ok()),
                "removed" => drop(answer(&client, &id, "leave").await.ok()),
                _ => {}
            }
        }
        clients.push((role, client));
    }
    let peer = text(&add_peer(&owner, &id, sound_peer()).await.created()["peer"]["id"]);
    pushed(&owner, &id, &owner.register("order", "1.0.0").await).await;
    let data = detail(&owner, &id).await.ok();
    assert_eq!((&data["memberCount"], &data["pushCount"]), (&json!(5), &json!(1)));
    assert_eq!(data["members"].as_array().map(Vec::len), Some(5));
    for (role, client) in &clients {
        let (seen, data) = (detail(client, &id).await, detail(client, &id).await.ok());
        let listed = listed(client, "").await;
        for hidden in [peer.as_str(), "booking.example", "Booking", "X-Token", "external_webhook"] {
            assert!(!seen.text.contains(hidden), "{hidden} is shown to {role}");
        }
        assert_eq!(data["callerRole"], **role);
        let (members, pushes) = if *role == "removed" { (1, 0) } else { (4, 1) };
        for counted in [&data, &listed[0]] {
            assert_eq!((&counted["memberCount"], &counted["pushCount"]), (&json!(members), &json!(pushes)), "{role}");
        }
        assert_eq!(data["members"].as_array().map(Vec::len), Some(members), "{role}");
        assert_eq!(data["pushes"].as_array().map(Vec::len), Some(pushes), "{role}");
        let own = data["members"].as_array().expect("a list").iter().find(|m| m["memberOrganizationId"] == *client.id);
        assert_eq!(own.map(|own| &own["status"]), Some(&json!(role)));
        let pushed = client.get(&format!("{GROUPS}/{id}/pushes?includeInactive=true")).await.ok();
        assert_eq!(pushed["pushes"].as_array().map(Vec::len), Some(pushes), "{role}");
    }
    app.stop().await;
}
