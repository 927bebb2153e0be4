//! Creating, reading and removing external peers.

use std::time::Duration;

use serde_json::{Value, json};
use weir::domain::address::Policy;

use super::{add_peer, archive, change_member, detail, group, join, remove_peer, sound_peer};
use crate::support::{
    TestApp,
    client::{text, unknown_id},
    database::number,
};

#[tokio::test]
async fn a_peer_answers_all_members_and_its_secret_once() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let (label, url) = (" Booking.com – EU ", "HTTPS://Booking.Example:443/in/../inbound?b=2&a=%7e#x");
    let body = json!({
        "label": label, "webhookUrl": url, "headers": { "X-B": "two", "Authorization": "Bearer top-secret", "x-a": "" },
    });
    let added = add_peer(&owner, &group, body).await.created();
    let (id, secret) = (text(&added["peer"]["id"]), text(&added["secret"]));
    assert!(id.starts_with("cefm_"), "{id}");
    let body = secret.strip_prefix("whsec_").expect("a prefix");
    assert!(body.len() == 44 && body.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
    let at = "2026-05-06T12:00:00.000Z";
    let mut expected = json!({
        "id": id, "groupId": group, "peerType": "external_webhook", "memberOrganizationId": null,
        "externalWebhookUrl": url, "externalWebhookLabel": label,
        "externalWebhookHeaderNames": ["Authorization", "X-B", "x-a"], "status": "accepted",
        "invitedBy": "default", "invitedAt": at, "acceptedBy": "default", "acceptedAt": at,
        "pausedBy": null, "pausedAt": null, "removedBy": null, "removedAt": null,
    });
    assert_eq!(added, json!({ "peer": expected, "secret": secret }));
    let seen = detail(&owner, &group).await;
    for hidden in [secret.as_str(), "top-secret", "two"] {
        assert!(!seen.text.contains(hidden), "{seen}");
    }
    assert_eq!(seen.ok()["members"], json!([expected]));
    app.clock.advance(Duration::from_secs(1));
    for (name, value) in [("status", "removed"), ("removedBy", "default"), ("removedAt", "2026-05-06T12:00:01.000Z")] {
        expected[name] = json!(value);
    }
    assert_eq!(remove_peer(&owner, &id).await.ok(), expected);
    assert_eq!(detail(&owner, &group).await.ok()["members"], json!([expected]));
    remove_peer(&owner, &id).await.refused(409, "invalid_state");
    app.stop().await;
}

/// Terraform compares lists with what it sent: no headers are an empty list, and never null.
#[tokio::test]
async fn no_headers_are_an_empty_list_at_creation_and_later() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    for headers in [json!(null), json!({})] {
        let body = json!({ "label": "Booking", "webhookUrl": "https://booking.example/", "headers": headers });
        assert_eq!(add_peer(&owner, &group, body).await.created()["peer"]["externalWebhookHeaderNames"], json!([]));
    }
    let body = json!({ "label": "Booking", "webhookUrl": "https://booking.example/" });
    assert_eq!(add_peer(&owner, &group, body).await.created()["peer"]["externalWebhookHeaderNames"], json!([]));
    for member in detail(&owner, &group).await.ok()["members"].as_array().expect("a list") {
        assert_eq!(member["externalWebhookHeaderNames"], json!([]));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_peer_that_cannot_be_is_refused() {
    let app = TestApp::with(|settings| {
        settings.address_policy = Policy { allow_private: false, allowed: Vec::new() };
    })
    .await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let changed = |changes: Value| {
        let mut body = sound_peer();
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    for changes in [
        json!({ "label": null }),
        json!({ "label": "" }),
        json!({ "label": "é".repeat(201) }),
        json!({ "label": "a\u{0}" }),
        json!({ "label": 7 }),
        json!({ "webhookUrl": null }),
        json!({ "webhookUrl": "" }),
        json!({ "webhookUrl": "booking.example" }),
        json!({ "webhookUrl": "http://booking.example/" }),
        json!({ "webhookUrl": "https://localhost/" }),
        json!({ "webhookUrl": "https://10.0.0.1/" }),
        json!({ "webhookUrl": "https://user:pass@booking.example/" }),
        json!({ "headers": [] }),
        json!({ "headers": { "X-A": 7 } }),
        json!({ "headers": { "X A": "a" } }),
        json!({ "headers": { "": "a" } }),
        json!({ "headers": { "X-A": "a\r\nX-B: b" } }),
        json!({ "headers": { "X-A": "a", "x-a": "b" } }),
        json!({ "headers": { "Host": "evil.example" } }),
        json!({ "headers": { "content-length": "0" } }),
        json!({ "headers": { "User-Agent": "me" } }),
        json!({ "headers": { "X-Caldera-Signature": "sha256=00" } }),
        json!({ "headers": { "webhook-id": "1" } }),
    ] {
        let answer = add_peer(&owner, &group, changed(changes.clone())).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{changes}");
    }
    let sound = changed(json!({ "label": "é".repeat(200) }));
    add_peer(&owner, &group, sound).await.created();
    assert_eq!(detail(&owner, &group).await.ok()["memberCount"], 1);
    app.stop().await;
}

#[tokio::test]
async fn what_is_secret_is_encrypted_and_goes_with_the_peer() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let kept =
        "select count(*) from federation_member where secret_encrypted is not null and headers_encrypted is not null";
    let mut secrets = Vec::new();
    for way in ["external-peers", "members"] {
        let added = add_peer(&owner, &group, sound_peer()).await.created();
        let id = text(&added["peer"]["id"]);
        secrets.push(text(&added["secret"]));
        assert_eq!(number(&app.database.location, kept).await, 1);
        match way {
            "members" => change_member(&owner, &group, &id, "remove").await.ok(),
            _ => remove_peer(&owner, &id).await.ok(),
        };
        assert_eq!(number(&app.database.location, kept).await, 0, "{way}");
    }
    assert_ne!(secrets[0], secrets[1]);
    app.stop().await;
}

#[tokio::test]
async fn a_peer_is_removed_by_its_own_route_only_if_it_is_one() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let group = group(&owner, "Partners").await;
    let member = join(&owner, &group, &tenant).await;
    for id in [&member, &unknown_id("cefm_"), "nonsense"] {
        remove_peer(&owner, id).await.refused(404, "member_not_found");
    }
    assert_eq!(detail(&tenant, &group).await.ok()["callerRole"], "accepted");
    app.stop().await;
}

/// Terraform destroys a peer after its group when nothing links the two (contract 8).
#[tokio::test]
async fn a_peer_of_an_archived_group_can_still_be_removed() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let group = group(&owner, "Partners").await;
    let peer = text(&add_peer(&owner, &group, sound_peer()).await.created()["peer"]["id"]);
    archive(&owner, &group).await.ok();
    add_peer(&owner, &group, sound_peer()).await.refused(409, "group_archived");
    assert_eq!(remove_peer(&owner, &peer).await.ok()["status"], "removed");
    app.stop().await;
}
