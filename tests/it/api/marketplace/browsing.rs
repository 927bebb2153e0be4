//! The list of listings: its order, its filters, its search, and who may read it.

use std::{collections::HashSet, time::Duration};

use serde_json::json;

use super::{MARKETPLACE, ids, listed, listing, unpublish};
use crate::support::{Client, TestApp, client::text};

#[tokio::test]
async fn the_newest_come_first_and_those_of_one_moment_by_id() {
    let app = TestApp::start().await;
    let (one, other) = (app.organization("PRO").await, app.organization("PRO").await);
    let mut expected = Vec::new();
    for moment in 0..3 {
        app.clock.advance(Duration::from_secs(1));
        let mut together = Vec::new();
        for tenant in [&one, &other] {
            for name in ["a-one", "b-two"] {
                together.push(listed(tenant, &format!("{name}{moment}"), "Orders").await);
            }
        }
        together.sort();
        expected.splice(0..0, together);
    }
    let reader = app.organization("FREE").await;
    assert_eq!(ids(&reader, "").await, expected);
    let mut paged = Vec::new();
    for offset in (0..expected.len()).step_by(5) {
        let data = reader.get(&format!("{MARKETPLACE}?limit=5&offset={offset}")).await.ok();
        assert_eq!((&data["total"], &data["limit"], &data["offset"]), (&json!(12), &json!(5), &json!(offset)));
        paged.extend(ids(&reader, &format!("limit=5&offset={offset}")).await);
    }
    assert_eq!(paged, expected, "pages neither overlap nor leave out");
    app.stop().await;
}

#[tokio::test]
async fn listings_default() {
    let app = TestApp::start().await;
    let tenant = app.organization("ENTERPRISE").await;
    for number in 0..26 {
        listed(&tenant, &format!("event-{number}"), "Orders").await;
    }
    assert_eq!(ids(&tenant, "").await.len(), 25);
    for (query, limit, offset, shown) in [
        ("", 25, 0, 25),
        ("limit=0", 1, 0, 1),
        ("limit=-7", 1, 0, 1),
        ("limit=101", 100, 0, 26),
        ("limit=99999999999999999999", 100, 0, 26),
        ("limit=nonsense", 25, 0, 25),
        ("offset=-1", 25, 0, 25),
        ("offset=20", 25, 20, 6),
        ("offset=26", 25, 26, 0),
        ("offset=99999999999999999999", 25, i64::from(u32::MAX), 0),
        ("limit=&offset=", 25, 0, 25),
    ] {
        let data = tenant.get(&format!("{MARKETPLACE}?{query}")).await.ok();
        let echoed = (&data["limit"], &data["offset"], &data["total"]);
        assert_eq!(echoed, (&json!(limit), &json!(offset), &json!(26)), "{query}");
        assert_eq!(data["listings"].as_array().map(Vec::len), Some(shown), "{query}");
    }
    app.stop().await;
}

#[tokio::test]
async fn listings_are_filtered_by_namespace_and_status() {
    let app = TestApp::start().await;
    let (one, other) = (app.organization("PRO").await, app.organization("PRO").await);
    let (shown, hidden) = (listed(&one, "shown", "Orders").await, listed(&one, "hidden", "Orders").await);
    let foreign = listed(&other, "foreign", "Orders").await;
    unpublish(&one, &hidden).await.ok();
    let of_one = format!("namespace={}", one.namespace);
    assert_eq!(ids(&other, &of_one).await, std::slice::from_ref(&shown));
    assert_eq!(ids(&one, &format!("{of_one}&status=unpublished")).await, [hidden]);
    assert_eq!(ids(&other, &format!("{of_one}&status=unpublished")).await, Vec::<String>::new());
    assert_eq!(ids(&one, "namespace=nobody").await, Vec::<String>::new());
    let published: HashSet<String> = ids(&one, "status=published").await.into_iter().collect();
    assert_eq!(published, HashSet::from([shown, foreign]));
    one.get(&format!("{MARKETPLACE}?status=hidden")).await.refused(400, "invalid_request");
    app.stop().await;
}

/// Lists an event with these texts; gives the listing's id.
async fn described(tenant: &Client, name: &str, title: &str, description: &str) -> String {
    let registration = tenant.register(name, "1.0.0").await;
    let body = json!({
        "registrationId": registration, "title": title, "description": description, "tags": ["only-a-tag"],
    });
    text(&tenant.post(&format!("{MARKETPLACE}/publish"), body).await.created()["id"])
}

#[tokio::test]
async fn a_search_finds_any_part_of_title_and_description_in_any_case() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let plain = described(&tenant, "plain", "Property favorited", "Fired by a customer").await;
    let odd = described(&tenant, "odd", "100% of_it \\ 'quoted'", "Straße und ÉTÉ").await;
    let world = described(&tenant, "world", "Привет, Мир", "日本語 ΟΔΟΣ").await;
    for (term, found) in [
        ("property", vec![&plain]),
        ("PERTY FAV", vec![&plain]),
        ("customer", vec![&plain]),
        ("favorited fired", vec![]),
        ("only-a-tag", vec![]),
        ("plain", vec![]),
        ("100%25", vec![&odd]),
        ("1%25%25", vec![]),
        ("%25", vec![&odd]),
        ("_", vec![&odd]),
        ("of_it", vec![&odd]),
        ("o__it", vec![]),
        ("%5C", vec![&odd]),
        ("%27quoted%27", vec![&odd]),
        ("stra%C3%9Fe", vec![&odd]),
        ("STRASSE", vec![&odd]),
        ("%C3%A9t%C3%A9", vec![&odd]),
        ("%D0%BF%D0%A0%D0%98%D0%92%D0%95%D0%A2", vec![&world]),
        ("%E6%97%A5%E6%9C%AC", vec![&world]),
        ("%CE%BF%CE%B4%CE%BF%CF%82", vec![&world]),
        ("nothing", vec![]),
    ] {
        let data = tenant.get(&format!("{MARKETPLACE}?search={}", term.replace(' ', "%20"))).await.ok();
        let listings: Vec<String> =
            data["listings"].as_array().expect("a list").iter().map(|listing| text(&listing["id"])).collect();
        assert_eq!(listings.iter().collect::<Vec<_>>(), found, "{term}");
        assert_eq!(data["total"], found.len(), "{term}");
    }
    assert_eq!(ids(&tenant, "search=").await.len(), 3, "an empty parameter is no filter");
    let long = "a".repeat(201);
    tenant.get(&format!("{MARKETPLACE}?search={long}")).await.refused(400, "invalid_request");
    assert_eq!(ids(&tenant, &format!("search={}", &long[1..])).await.len(), 0);
    tenant.get(&format!("{MARKETPLACE}?search=a%0Ab")).await.refused(400, "invalid_request");
    app.stop().await;
}

#[tokio::test]
async fn a_key_that_may_only_read_may_only_browse() {
    let app = TestApp::start().await;
    let tenant = app.organization("PRO").await;
    let id = listed(&tenant, "order", "Orders").await;
    let path = format!("/api/admin/v1/organizations/{}/keys", tenant.id);
    let body = json!({ "callerService": "reader", "scopes": ["events:read"] });
    let reader = tenant.with_key(&text(&app.admin().post(&path, body).await.created()["apiKey"]));
    assert_eq!(ids(&reader, "").await, std::slice::from_ref(&id));
    listing(&reader, &id).await.ok();
    super::publish(&reader, "nonsense", "Orders").await.refused(403, "FORBIDDEN");
    unpublish(&reader, &id).await.refused(403, "FORBIDDEN");
    super::republish(&reader, &id).await.refused(403, "FORBIDDEN");
    super::fork(&reader, &id, "copy").await.refused(403, "FORBIDDEN");
    app.stop().await;
}
