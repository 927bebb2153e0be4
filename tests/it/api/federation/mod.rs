//! Federation groups, their members, pushes and external peers (contract 4, 14.5).

use serde_json::{Value, json};

use crate::support::{Answer, Client, client::text};

mod announcements;
mod change_counter;
mod external;
mod groups;
mod members;
mod peers;
mod pushes;
mod relays;
mod revisions;
mod roles;

const EVENTS: &str = "/api/v1/events/custom";
const FEDERATION: &str = "/api/v1/events/custom/federation";
const GROUPS: &str = "/api/v1/events/custom/federation/groups";

/// Creates a group and gives its id.
async fn group(owner: &Client, name: &str) -> String {
    text(&owner.post(GROUPS, json!({ "name": name })).await.created()["id"])
}

async fn detail(client: &Client, group: &str) -> Answer {
    client.get(&format!("{GROUPS}/{group}")).await
}

async fn archive(client: &Client, group: &str) -> Answer {
    client.delete(&format!("{GROUPS}/{group}")).await
}

async fn invite(client: &Client, group: &str, organization: &str) -> Answer {
    client.post(&format!("{GROUPS}/{group}/invite"), json!({ "memberOrganizationId": organization })).await
}

/// Accepts or leaves, as TypeScript's client does it: with a content type and no body.
async fn answer(client: &Client, group: &str, verb: &str) -> Answer {
    client.send("POST", &format!("{GROUPS}/{group}/{verb}"), None::<String>).await
}

/// Invites an organization, lets it accept, and gives the member's id.
async fn join(owner: &Client, group: &str, member: &Client) -> String {
    invite(owner, group, &member.id).await.created();
    text(&answer(member, group, "accept").await.ok()["id"])
}

/// Pauses, resumes or removes a member.
async fn change_member(client: &Client, group: &str, member: &str, what: &str) -> Answer {
    let path = format!("{GROUPS}/{group}/members/{member}");
    match what {
        "remove" => client.delete(&path).await,
        verb => client.send("POST", &format!("{path}/{verb}"), None::<String>).await,
    }
}

async fn push(client: &Client, group: &str, registration: &str) -> Answer {
    client.post(&format!("{GROUPS}/{group}/pushes"), json!({ "registrationId": registration })).await
}

/// Declares a push and gives its id.
async fn pushed(owner: &Client, group: &str, registration: &str) -> String {
    text(&push(owner, group, registration).await.created()["id"])
}

async fn undeclare(client: &Client, push: &str) -> Answer {
    client.delete(&format!("{FEDERATION}/pushes/{push}")).await
}

async fn add_peer(client: &Client, group: &str, body: Value) -> Answer {
    client.post(&format!("{GROUPS}/{group}/external-peers"), body).await
}

async fn remove_peer(client: &Client, peer: &str) -> Answer {
    client.delete(&format!("{FEDERATION}/external-peers/{peer}")).await
}

/// An external peer that is in order.
fn sound_peer() -> Value {
    json!({ "label": "Booking", "webhookUrl": "https://booking.example/inbound", "headers": { "X-Token": "secret" } })
}
