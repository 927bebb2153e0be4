//! Listings: publishing, reading, hiding and showing again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{EVENTS, MARKETPLACE, fork, ids, listed, listing, publish, republish, unpublish};
use crate::support::{
    TestApp,
    client::{text, unknown_id},
};

#[tokio::test]
async fn a_listing_answers_all_members_byte_for_byte() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let schema = r#"{"type":"object","required":["b","a"],"properties":{"b":{"maximum":1.50},"a":{}},"title":"Ünï"}"#;
    let example = r#"{"b":1.0e0,"a":null}"#;
    let body = format!(
        r#"{{"namespace":"{}","name":"property.favorited","version":"2.0.1","status":"published",
             "payloadSchema":{schema},"payloadExample":{example}}}"#,
        tenant.namespace
    );
    let registration = text(&tenant.send("POST", EVENTS, Some(body)).await.created()["id"]);
    app.clock.advance(Duration::from_secs(1));
    let (title, description) = ("  Property favorited – häufig 🎉 ", "two\nlines\t and \"quotes\" ");
    let body = json!({
        "registrationId": registration, "title": title, "description": description, "tags": ["z", "a b", "z", "é"],
    });
    let published = tenant.post(&format!("{MARKETPLACE}/publish"), body).await.created();
    let id = text(&published["id"]);
    assert!(id.starts_with("mkl_"), "{id}");
    let expected = json!({
        "id": id, "publisherOrganizationId": tenant.id, "namespace": tenant.namespace, "name": "property.favorited",
        "version": "2.0.1",
        "sourceCanonicalName": format!("TENANT_CUSTOM:{}:{}.property.favorited@2.0.1", tenant.id, tenant.namespace),
        "title": title, "description": description, "tags": ["z", "a b", "z", "é"], "status": "published",
        "forkCount": 0, "publishedBy": "default", "publishedAt": "2026-05-06T12:00:01.000Z", "unpublishedAt": null,
        "createdAt": "2026-05-06T12:00:01.000Z", "updatedAt": "2026-05-06T12:00:01.000Z",
    });
    assert_eq!(published, expected);
    let detail = listing(&tenant, &id).await;
    assert!(detail.text.contains(&format!(r#""payloadSchema":{schema},"payloadExample":{example}"#)), "{detail}");
    let mut summary = detail.ok();
    summary.as_object_mut().expect("an object").retain(|name, _| !name.starts_with("payload"));
    assert_eq!(summary, expected);
    assert_eq!(tenant.get(MARKETPLACE).await.ok()["listings"], json!([expected]));
    app.stop().await;
}

#[tokio::test]
async fn members_that_were_left_out_are_null_or_empty() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    let id = listed(&tenant, "order", "Orders").await;
    let data = listing(&tenant, &id).await.ok();
    assert_eq!((&data["description"], &data["tags"]), (&Value::Null, &json!([])));
    assert_eq!((&data["payloadExample"], &data["unpublishedAt"]), (&Value::Null, &Value::Null));
    app.stop().await;
}

#[tokio::test]
async fn only_a_published_registration_of_ones_own_is_listed() {
    let app = TestApp::start().await;
    let (tenant, stranger) = (app.organization("PRO").await, app.organization("PRO").await);
    let foreign = stranger.register("order", "1.0.0").await;
    for id in [&foreign, &unknown_id("cer_"), "nonsense", ""] {
        publish(&tenant, id, "Orders").await.refused(404, "registration_not_found");
    }
    let body = json!({
        "namespace": tenant.namespace, "name": "draft", "version": "1.0.0", "payloadSchema": { "type": "object" },
    });
    let draft = text(&tenant.post(EVENTS, body).await.created()["id"]);
    publish(&tenant, &draft, "Orders").await.refused(409, "registration_not_published");
    let archived = tenant.register("old", "1.0.0").await;
    tenant.delete(&format!("{EVENTS}/{archived}")).await.ok();
    publish(&tenant, &archived, "Orders").await.refused(409, "registration_not_published");
    let events = tenant.get(&format!("{EVENTS}?namespace=platformxe")).await.ok();
    publish(&tenant, &text(&events["events"][0]["id"]), "Orders").await.refused(400, "registration_is_generic");
    assert_eq!(tenant.get(MARKETPLACE).await.ok()["total"], 0);
    app.stop().await;
}

#[tokio::test]
async fn a_title_and_its_tags_keep_to_their_bounds() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let registration = tenant.register("order", "1.0.0").await;
    let path = format!("{MARKETPLACE}/publish");
    let say = |body: Value| {
        let mut body = body;
        body["registrationId"] = json!(registration);
        tenant.post(&path, body)
    };
    for title in ["", "ab", "éé", "    ", "a\u{0}bc", "two\nlines", &"é".repeat(201)] {
        say(json!({ "title": title })).await.refused(400, "invalid_title");
    }
    for body in [
        json!({}),
        json!({ "title": null }),
        json!({ "title": 7 }),
        json!({ "title": "Orders", "description": "é".repeat(4_097) }),
        json!({ "title": "Orders", "tags": "a" }),
        json!({ "title": "Orders", "tags": [1] }),
        json!({ "title": "Orders", "tags": [""] }),
        json!({ "title": "Orders", "tags": ["é".repeat(51)] }),
        json!({ "title": "Orders", "tags": vec!["a"; 21] }),
    ] {
        say(body).await.refused(400, "invalid_request");
    }
    let body = json!({
        "title": "é".repeat(200), "description": "é".repeat(4_096), "tags": vec!["é".repeat(50); 20],
    });
    let data = say(body.clone()).await.created();
    for member in ["title", "description", "tags"] {
        assert_eq!(data[member], body[member]);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_version_is_listed_once_for_ever() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let registration = tenant.register("order", "1.0.0").await;
    let id = text(&publish(&tenant, &registration, "Orders").await.created()["id"]);
    publish(&tenant, &registration, "Orders again").await.refused(409, "listing_already_exists");
    unpublish(&tenant, &id).await.ok();
    publish(&tenant, &registration, "Orders again").await.refused(409, "listing_already_exists");
    tenant.delete(&format!("{EVENTS}/{registration}")).await.ok();
    publish(&tenant, &registration, "Orders again").await.refused(409, "listing_already_exists");
    let next = tenant.register("order", "1.0.1").await;
    publish(&tenant, &next, "Orders").await.created();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_listed_once_however_many_try_at_once() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let registration = tenant.register("order", "1.0.0").await;
    let answers = futures_util::future::join_all((0..8).map(|_| publish(&tenant, &registration, "Orders"))).await;
    let (published, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((published.len(), refused.len()), (1, 7));
    for answer in refused {
        answer.refused(409, "listing_already_exists");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_listing_is_hidden_and_shown_again() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = listed(&tenant, "order", "Orders").await;
    republish(&tenant, &id).await.refused(409, "already_published");
    app.clock.advance(Duration::from_mins(1));
    let hidden = unpublish(&tenant, &id).await.ok();
    let at = "2026-05-06T12:01:00.000Z";
    assert_eq!(hidden, json!({ "id": id, "status": "unpublished", "unpublishedAt": at }));
    let data = listing(&tenant, &id).await.ok();
    assert_eq!((&data["status"], &data["unpublishedAt"]), (&json!("unpublished"), &json!(at)));
    unpublish(&tenant, &id).await.refused(409, "already_unpublished");
    app.clock.advance(Duration::from_mins(1));
    let shown = republish(&tenant, &id).await.ok();
    assert_eq!((&shown["status"], &shown["unpublishedAt"]), (&json!("published"), &Value::Null));
    assert_eq!(shown["publishedAt"], "2026-05-06T12:00:00.000Z", "it keeps its place");
    assert_eq!(shown["updatedAt"], "2026-05-06T12:02:00.000Z");
    republish(&tenant, &id).await.refused(409, "already_published");
    app.stop().await;
}

#[tokio::test]
async fn a_listing_is_changed_by_its_owner_only() {
    let app = TestApp::start().await;
    let (tenant, stranger) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&tenant, "order", "Orders").await;
    for id in [&id, &unknown_id("mkl_"), "nonsense"] {
        unpublish(&stranger, id).await.refused(404, "listing_not_found");
        republish(&stranger, id).await.refused(404, "listing_not_found");
    }
    assert_eq!(listing(&stranger, &id).await.ok()["status"], "published");
    app.stop().await;
}

#[tokio::test]
async fn what_a_publisher_hides_is_hidden_from_others_only() {
    let app = TestApp::start().await;
    let (tenant, stranger) = (app.organization("PRO").await, app.organization("PRO").await);
    let id = listed(&tenant, "order", "Orders").await;
    unpublish(&tenant, &id).await.ok();
    listing(&stranger, &id).await.refused(404, "listing_not_found");
    assert_eq!(listing(&tenant, &id).await.ok()["payloadSchema"], json!({ "type": "object" }));
    for status in ["published", "unpublished", "archived"] {
        let query = format!("status={status}");
        assert!(ids(&stranger, &query).await.is_empty(), "{status}");
        assert_eq!(ids(&tenant, &query).await.len(), usize::from(status == "unpublished"), "{status}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_listing_ends_with_its_registration() {
    let app = TestApp::start().await;
    let (tenant, other) = (app.organization("PRO").await, app.organization("PRO").await);
    let mut archived = Vec::new();
    for way in ["delete", "patch", "hidden"] {
        let registration = tenant.register(way, "1.0.0").await;
        let id = text(&publish(&tenant, &registration, "Orders").await.created()["id"]);
        let path = format!("{EVENTS}/{registration}");
        if way == "hidden" {
            unpublish(&tenant, &id).await.ok();
        }
        match way {
            "patch" => tenant.patch(&path, json!({ "status": "archived" })).await.ok(),
            _ => tenant.delete(&path).await.ok(),
        };
        archived.push(id);
    }
    // On BASIC a new version archives the one before.
    tenant.register("versioned", "1.0.0").await;
    let old = tenant.register("versioned", "1.0.1").await;
    archived.push(text(&publish(&tenant, &old, "Orders").await.created()["id"]));
    app.set_plan(&tenant, "BASIC").await;
    tenant.register("versioned", "1.0.2").await;
    app.set_plan(&tenant, "PRO").await;
    for id in &archived {
        assert_eq!(listing(&tenant, id).await.ok()["status"], "archived");
        unpublish(&tenant, id).await.refused(409, "already_unpublished");
        republish(&tenant, id).await.refused(409, "archived_listing");
        listing(&other, id).await.refused(404, "listing_not_found");
        fork(&other, id, "copy").await.refused(404, "listing_not_found");
    }
    assert!(ids(&other, "").await.is_empty());
    assert_eq!(ids(&tenant, "status=archived").await.len(), archived.len());
    app.stop().await;
}

#[tokio::test]
async fn publishing_needs_a_plan_and_hiding_does_not() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let registration = tenant.register("order", "1.0.0").await;
    let id = listed(&tenant, "listed", "Orders").await;
    for plan in ["FREE", "BASIC"] {
        app.set_plan(&tenant, "PRO").await;
        let _ = republish(&tenant, &id).await;
        app.set_plan(&tenant, plan).await;
        publish(&tenant, &registration, "Orders").await.refused(402, "MARKETPLACE_PUBLISH_NOT_AVAILABLE");
        publish(&tenant, "nonsense", "").await.refused(402, "MARKETPLACE_PUBLISH_NOT_AVAILABLE");
        listing(&tenant, &id).await.ok();
        assert_eq!(tenant.get(MARKETPLACE).await.ok()["total"], 1, "every plan may browse");
        unpublish(&tenant, &id).await.ok();
        republish(&tenant, &id).await.refused(402, "MARKETPLACE_PUBLISH_NOT_AVAILABLE");
        fork(&tenant, &id, "copy").await.refused(402, "MARKETPLACE_FORK_NOT_AVAILABLE");
    }
    app.stop().await;
}
