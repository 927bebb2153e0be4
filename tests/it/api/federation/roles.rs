//! Which role may do what in a group: the plan, when 404 and when 403, and the downgrade (contract 4.4).

use serde_json::{Value, json};

use super::{FEDERATION, GROUPS, add_peer, answer, change_member, group, invite, join, pushed, sound_peer};
use crate::{
    api::ROUTES,
    support::{
        Answer, Client, TestApp,
        client::{text, unknown_id},
    },
};

/// The ids of one of everything that a group has.
struct Ids {
    group: String,
    member: String,
    peer: String,
    push: String,
    registration: String,
}

impl Ids {
    /// Ids of the right form that belong to nothing.
    fn unknown() -> Self {
        Self {
            group: unknown_id("cefg_"),
            member: unknown_id("cefm_"),
            peer: unknown_id("cefm_"),
            push: unknown_id("cefp_"),
            registration: unknown_id("cer_"),
        }
    }

    /// The answers to each change that only the owner may make, with a body that is in order.
    async fn owners_mutations(&self, client: &Client) -> Vec<(&'static str, Answer)> {
        let Self { group, member, peer, push, registration } = self;
        vec![
            ("archive", client.delete(&format!("{GROUPS}/{group}")).await),
            ("invite", invite(client, group, &client.id).await),
            ("declare", super::push(client, group, registration).await),
            ("undeclare", super::undeclare(client, push).await),
            ("add peer", add_peer(client, group, sound_peer()).await),
            ("remove peer", super::remove_peer(client, peer).await),
            ("remove member", change_member(client, group, member, "remove").await),
        ]
    }
}

struct World {
    app: TestApp,
    owner: Client,
    member: Client,
    ids: Ids,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let (owner, member) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
        let group = group(&owner, "Partners").await;
        let registration = owner.register("order", "1.0.0").await;
        let ids = Ids {
            member: join(&owner, &group, &member).await,
            peer: text(&add_peer(&owner, &group, sound_peer()).await.created()["peer"]["id"]),
            push: pushed(&owner, &group, &registration).await,
            group,
            registration,
        };
        Self { app, owner, member, ids }
    }

    async fn seen_by_owner(&self) -> Value {
        super::detail(&self.owner, &self.ids.group).await.ok()
    }
}

#[tokio::test]
async fn a_stranger_gets_the_same_answers_as_for_what_never_was() {
    let world = World::start().await;
    let stranger = world.app.organization("ENTERPRISE").await;
    let before = world.seen_by_owner().await;
    let (real, made_up) =
        (world.ids.owners_mutations(&stranger).await, Ids::unknown().owners_mutations(&stranger).await);
    for ((what, real), (_, made_up)) in real.iter().zip(&made_up) {
        assert_eq!((real.status, &real.text), (404, &made_up.text), "{what}");
        let code = match *what {
            "undeclare" => "push_not_found",
            "remove peer" => "member_not_found",
            _ => "group_not_found",
        };
        real.refused(404, code);
    }
    let group = &world.ids.group;
    for verb in ["accept", "leave"] {
        answer(&stranger, group, verb).await.refused(404, "group_not_found");
    }
    for verb in ["pause", "resume"] {
        change_member(&stranger, group, &world.ids.member, verb).await.refused(404, "group_not_found");
    }
    super::detail(&stranger, group).await.refused(404, "group_not_found");
    stranger.get(&format!("{GROUPS}/{group}/pushes")).await.refused(404, "group_not_found");
    assert_eq!(world.seen_by_owner().await, before);
    world.app.stop().await;
}

/// A member of any status knows that the group exists, so it is refused with 403 and not with 404.
#[tokio::test]
async fn a_member_may_not_do_what_is_the_owners() {
    let world = World::start().await;
    let (group, own) = (&world.ids.group, &world.ids.member);
    for status in ["accepted", "paused", "removed", "pending"] {
        match status {
            "paused" => drop(change_member(&world.member, group, own, "pause").await.ok()),
            "removed" => drop(answer(&world.member, group, "leave").await.ok()),
            "pending" => drop(invite(&world.owner, group, &world.member.id).await.created()),
            _ => {}
        }
        let before = world.seen_by_owner().await;
        for (what, answer) in world.ids.owners_mutations(&world.member).await {
            assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{what} while {status}");
        }
        assert_eq!(world.seen_by_owner().await, before, "{status}");
    }
    world.app.stop().await;
}

#[tokio::test]
async fn the_owner_is_no_member_and_members_speak_for_themselves() {
    let world = World::start().await;
    let (group, other) = (&world.ids.group, world.app.organization("ENTERPRISE").await);
    for verb in ["accept", "leave"] {
        answer(&world.owner, group, verb).await.refused(403, "forbidden");
    }
    let others = join(&world.owner, group, &other).await;
    for verb in ["pause", "resume"] {
        change_member(&world.member, group, &others, verb).await.refused(403, "forbidden");
        // External peers do not exist for members.
        change_member(&world.member, group, &world.ids.peer, verb).await.refused(404, "member_not_found");
    }
    for verb in ["pause", "resume", "remove"] {
        let peer = change_member(&world.owner, group, &world.ids.peer, verb).await.ok();
        assert_eq!(peer["peerType"], "external_webhook", "the owner may, with either kind");
    }
    world.app.stop().await;
}

/// The caller is checked before the body: the refusals are the same for an empty body and for a sound one.
#[tokio::test]
async fn the_caller_is_checked_before_the_body() {
    let world = World::start().await;
    let stranger = world.app.organization("ENTERPRISE").await;
    for end in ["invite", "pushes", "external-peers"] {
        let path = format!("{GROUPS}/{}/{end}", world.ids.group);
        stranger.post(&path, json!({})).await.refused(404, "group_not_found");
        world.member.post(&path, json!({})).await.refused(403, "forbidden");
        world.owner.post(&path, json!({})).await.refused(400, "invalid_request");
    }
    world.app.stop().await;
}

#[tokio::test]
async fn every_route_needs_the_plan_before_anything_else() {
    let world = World::start().await;
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.path.starts_with(FEDERATION)).collect();
    assert!(routes.len() >= 15, "{} routes", routes.len());
    for plan in ["FREE", "BASIC", "PRO"] {
        for client in [&world.owner, &world.member, &world.app.organization(plan).await] {
            world.app.set_plan(client, plan).await;
            for route in &routes {
                let path = route.path.replace("{id}", &world.ids.group).replace("{member}", &world.ids.member);
                for body in ["{}", "nonsense"] {
                    let answer = client.send(route.method, &path, Some(body)).await;
                    answer.refused(402, "FEDERATION_NOT_AVAILABLE");
                }
            }
        }
    }
    world.app.stop().await;
}

#[tokio::test]
async fn a_downgrade_closes_the_door_and_leaves_everything_where_it_is() {
    let world = World::start().await;
    let before = world.seen_by_owner().await;
    for client in [&world.owner, &world.member] {
        world.app.set_plan(client, "PRO").await;
        super::detail(client, &world.ids.group).await.refused(402, "FEDERATION_NOT_AVAILABLE");
    }
    // The organization's events are still accepted, and are not relayed.
    world.owner.emit(&format!("{}.order", world.owner.namespace), json!({})).await;
    for client in [&world.owner, &world.member] {
        world.app.set_plan(client, "ENTERPRISE").await;
    }
    assert_eq!(world.seen_by_owner().await, before);
    world.app.stop().await;
}

#[tokio::test]
async fn keys_without_the_scope_may_not() {
    let world = World::start().await;
    let path = format!("/api/admin/v1/organizations/{}/keys", world.owner.id);
    for (scopes, reads) in [(json!(["events:read"]), true), (json!(["webhooks:manage"]), false)] {
        let body = json!({ "callerService": "c", "scopes": scopes });
        let client = world.owner.with_key(&text(&world.app.admin().post(&path, body).await.created()["apiKey"]));
        for (what, answer) in world.ids.owners_mutations(&client).await {
            assert_eq!(answer.refusal(), (403, "FORBIDDEN".to_owned()), "{what}");
        }
        let seen = super::detail(&client, &world.ids.group).await;
        assert_eq!(seen.status, if reads { 200 } else { 403 });
    }
    world.app.stop().await;
}
