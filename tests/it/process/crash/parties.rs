//! The receivers of the events that are emitted while hosts are killed, and the account of each.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use weir::db::Location;

use super::super::host::Process;
use crate::support::{
    Client, Receiver, Reply,
    client::{Answer, text},
    database::number,
};

const CUSTOM: &str = "/api/v1/events/custom";

/// A receiver of the test: a subscription, or an external peer.
pub(super) struct Party {
    /// Its line in the table.
    pub(super) name: &'static str,
    pub(super) receiver: Receiver,
    /// Its subscription, or its membership as an external peer.
    pub(super) id: String,
    pub(super) secret: String,
    /// The key of the organization whose deliveries these are.
    key: String,
}

/// The owner's organization, and all parties.
pub(super) struct Cast {
    pub(super) key: String,
    pub(super) event: String,
    pub(super) parties: Vec<Party>,
}

impl Cast {
    /// Four subscriptions of an owner, and a group with a member and an external peer to which it
    /// pushes what it emits.
    pub(super) async fn assemble(host: &Process) -> Self {
        let owner = host.organization("Acme").await;
        let registration = owner.register("order", "1.0.0").await;
        let event = format!("{}.order", owner.namespace);
        let mut cast = Self { key: owner.key().to_owned(), event, parties: Vec::new() };
        for name in ["all", "even", "failing", "rotated"] {
            let terms = match name {
                "even" => json!({ "filter": { "kind": ["even"] } }),
                "failing" => json!({ "retrySchedule": [1] }),
                _ => json!({}),
            };
            cast.subscribe(&owner, name, terms).await;
        }
        cast.share(host, &owner, &registration).await;
        for party in cast.parties.iter().filter(|party| ["failing", "peer"].contains(&party.name)) {
            fail_now_and_then(&party.receiver);
        }
        cast
    }

    async fn subscribe(&mut self, client: &Client, name: &'static str, mut body: Value) {
        let receiver = Receiver::start().await;
        (body["name"], body["webhookUrl"]) = (json!(self.event), json!(receiver.url("/")));
        let data = client.post(&format!("{CUSTOM}/subscribe"), body).await.created();
        let (id, secret) = (text(&data["subscriptionId"]), text(&data["secret"]));
        self.parties.push(Party { name, receiver, id, secret, key: client.key().to_owned() });
    }

    async fn share(&mut self, host: &Process, owner: &Client, registration: &str) {
        let member = host.organization("Partner").await;
        let groups = format!("{CUSTOM}/federation/groups");
        let group = text(&owner.post(&groups, json!({ "name": "Partners" })).await.created()["id"]);
        let group = format!("{groups}/{group}");
        owner.post(&format!("{group}/pushes"), json!({ "registrationId": registration })).await.created();
        owner.post(&format!("{group}/invite"), json!({ "memberOrganizationId": member.id })).await.created();
        member.post(&format!("{group}/accept"), json!({})).await.ok();
        self.subscribe(&member, "member", json!({})).await;
        let receiver = Receiver::start().await;
        let peer = json!({ "label": "Peer", "webhookUrl": receiver.url("/") });
        let added = owner.post(&format!("{group}/external-peers"), peer).await.created();
        let (id, secret) = (text(&added["peer"]["id"]), text(&added["secret"]));
        self.parties.push(Party { name: "peer", receiver, id, secret, key: owner.key().to_owned() });
    }

    pub(super) fn party(&self, name: &str) -> &Party {
        self.parties.iter().find(|party| party.name == name).expect("it is in the cast")
    }

    /// How many emits, relays and deliveries are still to be finished.
    pub(super) async fn left(&self, host: &Process, location: &Location) -> i64 {
        let mut left = number(location, "select count(*) from federation_fan_out").await;
        for key in [&self.key, &self.party("member").key] {
            for list in ["emits?status=queued", "deliveries?status=PENDING", "deliveries?status=RETRYING"] {
                let total: Answer = host.client(key).get(&format!("/api/v1/{list}&limit=1")).await;
                left += total.ok()["total"].as_i64().expect("a number");
            }
        }
        left
    }
}

/// A quarter of the requests fail, so that there are retries and dead letters.
fn fail_now_and_then(receiver: &Receiver) {
    for n in 0..20_000 {
        receiver.then(Reply::status(if n % 4 == 3 { 500 } else { 200 }));
    }
}

impl Party {
    /// The events that reached it.
    pub(super) fn arrived(&self) -> HashSet<String> {
        self.receiver.event_ids().into_iter().collect()
    }

    /// Its dead letters: event and reason.
    pub(super) async fn dead_letters(&self, host: &Process) -> HashMap<String, String> {
        let filter = if self.name == "peer" { "memberId" } else { "subscriptionId" };
        let mut dead = HashMap::new();
        for page in 1.. {
            let path = format!("/api/v1/dead-letters?{filter}={}&limit=100&page={page}", self.id);
            let data = host.client(&self.key).get(&path).await.ok();
            let items = data["items"].as_array().expect("a page").clone();
            if items.is_empty() {
                break;
            }
            dead.extend(items.iter().map(|item| (text(&item["emitId"]), text(&item["errorMessage"]))));
        }
        dead
    }

    /// Checks that each owed event arrived, or is a dead letter with a reason. Gives the party's line of the
    /// table.
    pub(super) async fn account(&self, host: &Process, location: &Location, owed: &HashSet<&String>) -> Line {
        let (arrived, dead) = (self.arrived(), self.dead_letters(host).await);
        let missing: Vec<_> = owed.iter().filter(|id| !arrived.contains(**id) && !dead.contains_key(**id)).collect();
        let name = self.name;
        assert!(missing.is_empty(), "{name}: {} of {} never arrived: {missing:?}", missing.len(), owed.len());
        assert!(dead.values().all(|reason| !reason.is_empty()), "{name}: a dead letter without a reason");
        let sql = format!(
            "select count(*) from attempt join delivery on delivery.id = attempt.delivery_id
              where delivery.receiver_id = '{}'",
            self.id
        );
        let attempts = number(location, &sql).await;
        let requests = self.receiver.requests().len();
        Line { name, owed: owed.len(), arrived: arrived.len(), dead: dead.len(), requests, attempts }
    }
}

/// One line of the table.
pub(super) struct Line {
    pub(super) name: &'static str,
    owed: usize,
    arrived: usize,
    dead: usize,
    requests: usize,
    pub(super) attempts: i64,
}

impl Line {
    /// Requests of which no attempt is recorded.
    pub(super) fn surplus(&self) -> i64 {
        i64::try_from(self.requests).expect("few") - self.attempts
    }

    pub(super) fn print(lines: &[Self]) {
        println!(
            "{:<12}{:>8}{:>9}{:>7}{:>10}{:>10}{:>11}",
            "", "owed", "arrived", "dead", "requests", "attempts", "surplus"
        );
        for line in lines {
            let Self { name, owed, arrived, dead, requests, attempts } = line;
            println!("{name:<12}{owed:>8}{arrived:>9}{dead:>7}{requests:>10}{attempts:>10}{:>11}", line.surplus());
        }
    }
}
