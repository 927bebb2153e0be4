//! The owner's revision under which an emit was accepted decides which members get it: an emit accepted
//! before a change goes by the old state, one accepted after it by the new state.

use serde_json::json;
use weir::{
    db::federation::{
        peer,
        relay::{self, Recipient},
    },
    domain::{
        federation::Refusal,
        id::{OrganizationId, RegistrationId},
    },
};

use super::{
    add_peer, answer, archive, change_counter::ChangeCounter, change_member, group, invite, join, pushed, sound_peer,
    undeclare,
};
use crate::support::{Client, TestApp, client::text, database::number};

/// The owner's revision at present.
async fn revision(app: &TestApp, owner: &Client) -> i64 {
    number(&app.database.location, &format!("select revision from organization where id = '{}'", owner.id)).await
}

/// A relay: the ids of a push and of a member.
type Pairs = Vec<(String, String)>;

/// The relays of an event of the registration that is accepted under this revision, without those that
/// are refused at present.
async fn relays(app: &TestApp, owner: &Client, registration: &str, revision: i64) -> Pairs {
    let mut tx = app.app().host.db.read().await.expect("the database works");
    let owner = OrganizationId::stored(owner.id.as_str());
    let registration = RegistrationId::stored(registration);
    let relays =
        relay::relays_for(&mut tx, &owner, &registration, revision, "", u32::MAX).await.expect("the database works");
    let possible = relays.iter().filter(|relay| relay.refusal.is_none() || relay.refusal == Some(Refusal::Removed));
    let mut ids: Vec<_> = possible.map(|relay| (relay.push_id.to_string(), relay.member_id.to_string())).collect();
    ids.sort();
    ids
}

/// Makes changes one after the other, and asks afterwards for the relays at each of the revisions.
#[tokio::test]
async fn each_moment_has_the_members_and_pushes_of_its_own() {
    let app = TestApp::start().await;
    let (owner, one, two) = (
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
        app.organization("ENTERPRISE").await,
    );
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let mut moments: Vec<(&str, i64, Pairs)> = Vec::new();
    macro_rules! moment {
        ($what:literal, $expected:expr) => {
            let mut expected: Pairs = $expected;
            expected.sort();
            moments.push(($what, revision(&app, &owner).await, expected));
        };
    }
    let pair = |push: &str, member: &str| (push.to_owned(), member.to_owned());
    moment!("nothing", vec![]);
    let push = pushed(&owner, &group, &registration).await;
    moment!("a push without members", vec![]);
    let first = text(&invite(&owner, &group, &one.id).await.created()["id"]);
    moment!("an invitation", vec![]);
    answer(&one, &group, "accept").await.ok();
    moment!("a member", vec![pair(&push, &first)]);
    let second = join(&owner, &group, &two).await;
    moment!("two members", vec![pair(&push, &first), pair(&push, &second)]);
    change_member(&one, &group, &first, "pause").await.ok();
    moment!("one paused", vec![pair(&push, &second)]);
    let peer = text(&add_peer(&owner, &group, sound_peer()).await.created()["peer"]["id"]);
    moment!("an external peer", vec![pair(&push, &second), pair(&push, &peer)]);
    change_member(&owner, &group, &first, "resume").await.ok();
    moment!("one resumed", vec![pair(&push, &first), pair(&push, &second), pair(&push, &peer)]);
    undeclare(&owner, &push).await.ok();
    moment!("no push", vec![]);
    let again = pushed(&owner, &group, &registration).await;
    moment!("another push", vec![pair(&again, &first), pair(&again, &second), pair(&again, &peer)]);
    answer(&one, &group, "leave").await.ok();
    super::remove_peer(&owner, &peer).await.ok();
    moment!("one left", vec![pair(&again, &second)]);
    invite(&owner, &group, &one.id).await.created();
    answer(&one, &group, "accept").await.ok();
    moment!("one came back", vec![pair(&again, &first), pair(&again, &second)]);
    archive(&owner, &group).await.ok();
    moment!("the end", vec![]);
    undeclare(&owner, &again).await.ok();
    moment!("after the end", vec![]);
    for (what, revision, expected) in &moments {
        assert_eq!(&relays(&app, &owner, &registration, *revision).await, expected, "{what}");
    }
    // At the revision before a change the state is that before the change.
    for pair in moments.windows(2) {
        let [(_, _, before), (what, revision, _)] = pair else { continue };
        if *what != "one left" {
            assert_eq!(&relays(&app, &owner, &registration, revision - 1).await, before, "before {what}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn pushes_of_one_organization_concern_no_other() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let (registration, own) = (owner.register("order", "1.0.0").await, tenant.register("order", "1.0.0").await);
    let other_version = owner.register("order", "1.0.1").await;
    let group = group(&owner, "Partners").await;
    let member = join(&owner, &group, &tenant).await;
    let push = pushed(&owner, &group, &registration).await;
    let now = revision(&app, &owner).await + 100;
    assert_eq!(relays(&app, &owner, &registration, now).await, [(push, member)]);
    assert!(relays(&app, &owner, &other_version, now).await.is_empty());
    assert!(relays(&app, &tenant, &registration, now).await.is_empty());
    assert!(relays(&app, &tenant, &own, now).await.is_empty());
    app.stop().await;
}

/// Without the plan an organization cannot leave or undeclare anything, so nothing is relayed either.
#[tokio::test]
async fn nothing_goes_from_or_to_a_plan_without_federation() {
    let app = TestApp::start().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let member = join(&owner, &group, &tenant).await;
    let peer = text(&add_peer(&owner, &group, sound_peer()).await.created()["peer"]["id"]);
    pushed(&owner, &group, &registration).await;
    let members = async || -> Vec<String> {
        let now = revision(&app, &owner).await;
        let mut members: Vec<_> =
            relays(&app, &owner, &registration, now).await.into_iter().map(|(_, member)| member).collect();
        members.sort();
        members
    };
    let mut both = vec![member, peer.clone()];
    both.sort();
    assert_eq!(members().await, both);
    app.set_plan(&tenant, "PRO").await;
    assert_eq!(members().await, [peer]);
    app.set_plan(&tenant, "ENTERPRISE").await;
    app.set_plan(&owner, "PRO").await;
    assert!(members().await.is_empty());
    app.set_plan(&owner, "ENTERPRISE").await;
    assert_eq!(members().await, both, "members and pushes are as before");
    let path = format!("/api/admin/v1/organizations/{}", tenant.id);
    app.admin().patch(&path, json!({ "isActive": false })).await.ok();
    assert_eq!(members().await.len(), 1, "a switched-off organization gets nothing");
    app.stop().await;
}

#[tokio::test]
async fn an_external_peer_comes_with_what_it_takes_to_reach_it() {
    let app = TestApp::start().await;
    let owner = app.organization("ENTERPRISE").await;
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    add_peer(&owner, &group, sound_peer()).await.created();
    let plain = json!({ "label": "Plain", "webhookUrl": "https://plain.example/" });
    add_peer(&owner, &group, plain).await.created();
    pushed(&owner, &group, &registration).await;
    let now = revision(&app, &owner).await;
    let mut tx = app.app().host.db.read().await.expect("the database works");
    let (id, registration) = (OrganizationId::stored(owner.id.as_str()), RegistrationId::stored(registration));
    let relays = relay::relays_for(&mut tx, &id, &registration, now, "", u32::MAX).await.expect("the database works");
    let mut found = Vec::new();
    for relay in &relays {
        assert_eq!((&relay.to, relay.refusal), (&Recipient::External, None));
        let peer = peer::endpoint(&mut tx, &id, &relay.member_id).await.expect("the database works");
        let peer = peer.expect("it is there");
        assert!(!peer.secret_encrypted.is_empty());
        found.push((peer.webhook_url, peer.headers_encrypted.is_some()));
    }
    found.sort_unstable();
    let expected = [("https://booking.example/inbound", true), ("https://plain.example/", false)];
    assert_eq!(found, expected.map(|(url, has_headers)| (url.to_owned(), has_headers)));
    let pushed_by = relay::pushed(&mut tx, &id).await.expect("the database works");
    assert_eq!(pushed_by, [registration]);
    let unknown = OrganizationId::stored("org_0");
    assert_eq!(relay::pushed(&mut tx, &unknown).await.expect("the database works"), []);
    drop(tx);
    app.stop().await;
}

/// Emits without a pause while the push and the member come and go, on two hosts where the
/// database allows it. An emit that was sent after one change was answered, and answered before
/// the next one was asked for, goes by the state in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_emit_obeys_the_state_in_which_it_was_accepted() {
    let app = TestApp::start().await;
    let beside = app.beside_on_postgres().await;
    let (owner, tenant) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let there = |client: &Client| beside.as_ref().unwrap_or(&app).client_of(client);
    let registration = owner.register("order", "1.0.0").await;
    let group = group(&owner, "Partners").await;
    let member = join(&owner, &group, &tenant).await;
    let mut push = pushed(&owner, &group, &registration).await;
    let counter = ChangeCounter::default();
    let name = format!("{}.order", owner.namespace);
    let emitters = [owner.clone(), there(&owner)].map(|client| {
        let name = name.as_str();
        counter.emit_until_end(async move || client.emit(name, json!({})).await)
    });
    let tenant = there(&tenant);
    let changes = async {
        for _ in 0..6 {
            for step in 0..4 {
                let change = async {
                    match step {
                        0 => drop(undeclare(&owner, &push).await.ok()),
                        1 => push = pushed(&owner, &group, &registration).await,
                        2 => drop(change_member(&tenant, &group, &member, "pause").await.ok()),
                        _ => drop(change_member(&tenant, &group, &member, "resume").await.ok()),
                    }
                };
                counter.change(4, change).await;
            }
        }
        counter.end();
    };
    let ((), emits) = tokio::join!(changes, futures_util::future::join_all(emitters));
    let mut seen = [0, 0];
    for (emit, changes) in emits.into_iter().flatten() {
        // Every second change stops the relays, and the one after it lets them go on.
        let flows = changes.is_multiple_of(2);
        let sql = format!("select revision from emit where id = '{emit}'");
        let accepted = number(&app.database.location, &sql).await;
        let relays = relays(&app, &owner, &registration, accepted).await;
        assert_eq!(!relays.is_empty(), flows, "{emit} was accepted at {accepted}");
        seen[usize::from(flows)] += 1;
    }
    assert!(seen.iter().all(|count| *count >= 48), "{seen:?}");
    app.stop_with(beside).await;
}
