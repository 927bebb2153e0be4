//! Kill −9 under full load, again and again: an event that was answered 202 reaches every receiver that
//! it is for, members of a group and an external peer among them, or is a dead letter with its reason.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use super::host::{Process, serve};
use crate::support::{
    Client,
    client::{Answer, text},
    database::{TestDatabase, number},
};
use parties::{Cast, Line};

mod parties;

/// Kills in a row.
const KILLS: u32 = 50;
/// Clients that emit all the time, each with a pause between: the point is the moments, not the load.
const CLIENTS: usize = 6;
const PAUSE: Duration = Duration::from_millis(5);
/// How long everything may take to arrive after the last start: leases of a PostgreSQL host that
/// was killed end by themselves after a minute at most.
const ARRIVAL_MAX: Duration = Duration::from_mins(3);
/// Requests per kill that may arrive although no attempt of them is recorded: those under way, on
/// six endpoints.
const UNRECORDED_PER_KILL: usize = 64;

/// An emit that was answered 202.
#[derive(Clone)]
struct Accepted {
    id: String,
    kind: &'static str,
    /// The key it was emitted with, if any.
    key: Option<String>,
}

/// The load while hosts live and die, and the answers that it got.
#[derive(Clone)]
struct Scene {
    event: String,
    accepted: Arc<Mutex<Vec<Accepted>>>,
    /// Keys whose answer never came.
    unanswered: Arc<Mutex<Vec<(String, &'static str)>>>,
    /// Every secret of the subscription whose secret is rotated.
    secrets: Arc<Mutex<Vec<String>>>,
    rotated: String,
    failing: String,
}

fn locked<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answer, or `None` when the host died before it gave one. [`Client`] panics without an answer, which
/// ends only the spawned task.
async fn answer(asked: impl Future<Output = Answer> + Send + 'static) -> Option<Answer> {
    tokio::spawn(asked).await.ok()
}

async fn post(client: &Client, path: String, body: Value) -> Option<Answer> {
    let client = client.clone();
    answer(async move { client.post(&path, body).await }).await
}

impl Scene {
    /// Emits until the host dies. Every other emit has an idempotency key; one whose answer got lost
    /// is emitted again in the next life, as clients do.
    async fn emit(self, client: Client, emitter: usize, life: u32) {
        for count in 0.. {
            let again = locked(&self.unanswered).pop();
            let kind = if count % 2 == 0 { "even" } else { "odd" };
            let (key, kind) = match again {
                Some((key, kind)) => (Some(key), kind),
                None if count % 4 < 2 => (Some(format!("{life}-{emitter}-{count}")), kind),
                None => (None, kind),
            };
            let body = json!({ "name": self.event, "payload": { "kind": kind }, "idempotencyKey": key.clone() });
            let Some(answer) = post(&client, "/api/v1/events/custom/emit".to_owned(), body).await else {
                locked(&self.unanswered).extend(key.map(|key| (key, kind)));
                return;
            };
            // With a 503 (too many changes at once, or no database yet) nothing was accepted.
            if answer.status == 503 {
                locked(&self.unanswered).extend(key.map(|key| (key, kind)));
                continue;
            }
            let id = text(&answer.accepted()["emitId"]);
            locked(&self.accepted).push(Accepted { id, kind, key });
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Rotates a secret, once at the beginning of each life and then now and again. The secret
    /// before goes on signing, so that one whose answer got lost does no harm.
    async fn rotate(self, client: Client) {
        loop {
            let path = format!("/api/v1/event-subscriptions/{}/rotate", self.rotated);
            let Some(answer) = post(&client, path, json!({ "overlapSeconds": 3_600 })).await else { return };
            locked(&self.secrets).push(text(&answer.ok()["secret"]));
            tokio::time::sleep(PAUSE * 3).await;
        }
    }

    /// Replays dead letters, and all events of a time.
    async fn replay(self, client: Client) {
        loop {
            tokio::time::sleep(PAUSE * 4).await;
            let only = json!({ "subscriptionId": self.failing });
            let Some(answer) = post(&client, "/api/v1/dead-letters/replay".to_owned(), only).await else { return };
            // A refusal because enough replays are under way already is fine.
            assert!(answer.status < 500, "{answer:?}");
            let path = format!("/api/v1/event-subscriptions/{}/replay", self.rotated);
            let Some(answer) = post(&client, path, json!({ "from": "2026-01-01T00:00:00Z" })).await else { return };
            assert!(answer.status < 500, "{answer:?}");
        }
    }

    /// One life of a host: everything at once, until it is killed.
    async fn live(&self, host: Process, key: &str, life: u32) {
        let mut tasks = JoinSet::new();
        for emitter in 0..CLIENTS {
            tasks.spawn(self.clone().emit(host.client(key), emitter, life));
        }
        tasks.spawn(self.clone().rotate(host.client(key)));
        tasks.spawn(self.clone().replay(host.client(key)));
        // A different moment of the work each time.
        tokio::time::sleep(Duration::from_millis(u64::from(60 + life * 37 % 350))).await;
        host.kill();
        while let Some(ended) = tasks.join_next().await {
            ended.expect("every answer was a success");
        }
    }
}

/// Waits until nothing is owed any more; fails with the number of rows that are left.
async fn settle(cast: &Cast, host: &Process, database: &TestDatabase) {
    let settled = async {
        while cast.left(host, &database.location).await > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let in_time = timeout(ARRIVAL_MAX, settled).await;
    let left = cast.left(host, &database.location).await;
    assert!(in_time.is_ok(), "{left} deliveries, emits and relays are stuck");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_everything_at_once_lose_nothing() {
    let database = Arc::new(TestDatabase::create().await);
    let mut host = Process::start(serve(&database));
    let cast = Cast::assemble(&host).await;
    let scene = Scene {
        event: cast.event.clone(),
        accepted: Arc::default(),
        unanswered: Arc::default(),
        secrets: Arc::new(Mutex::new(vec![cast.party("rotated").secret.clone()])),
        rotated: cast.party("rotated").id.clone(),
        failing: cast.party("failing").id.clone(),
    };
    for life in 0..KILLS {
        scene.live(host, &cast.key, life).await;
        host = Process::start(serve(&database));
    }
    settle(&cast, &host, &database).await;

    let accepted = locked(&scene.accepted).clone();
    assert!(accepted.len() > KILLS as usize, "only {} emits were accepted", accepted.len());
    one_answer_for_each_key(&accepted);
    let mut lines = Vec::new();
    for party in &cast.parties {
        let wanted = accepted.iter().filter(|emit| party.name != "even" || emit.kind == "even");
        let owed: HashSet<&String> = wanted.map(|emit| &emit.id).collect();
        lines.push(party.account(&host, &database.location, &owed).await);
    }
    println!("{KILLS} kills, {} accepted, {} secrets", accepted.len(), locked(&scene.secrets).len());
    Line::print(&lines);
    for line in &lines {
        // Every recorded attempt was sent; a request that was sent at a kill may not be recorded.
        let allowance = i64::try_from(KILLS as usize * UNRECORDED_PER_KILL).expect("few");
        let surplus = line.surplus();
        assert!((0..=allowance).contains(&surplus), "{}: {surplus} requests without an attempt", line.name);
    }
    relays_are_on_record(&cast, &lines, &database).await;
    let secrets = locked(&scene.secrets).clone();
    let requests = cast.party("rotated").receiver.requests();
    let unsigned = requests.iter().filter(|one| !one.is_signed_with_any(&secrets)).count();
    assert_eq!(unsigned, 0, "deliveries with no signature that a known secret verifies");
    assert!(host.terminate().await.success());
}

/// The log has one row for each attempt at the peer, and one for each emit that the member has.
async fn relays_are_on_record(cast: &Cast, lines: &[Line], database: &TestDatabase) {
    let location = &database.location;
    let peer = cast.party("peer");
    let of_peer = format!("select count(*) from federation_relay_log where member_id = '{}'", peer.id);
    let attempts = lines.iter().find(|line| line.name == "peer").map(|line| line.attempts);
    assert_eq!(Some(number(location, &of_peer).await), attempts, "one row for each attempt at the peer");
    let (emits, relayed) = ("kind = 'custom' and source_organization_id is", "peer_organization_id is not null");
    let own = number(location, &format!("select count(*) from emit where {emits} null")).await;
    let members = number(location, &format!("select count(*) from emit where {emits} not null")).await;
    let logged = number(location, &format!("select count(*) from federation_relay_log where {relayed}")).await;
    assert_eq!((members, logged), (own, own), "each emit is relayed to the member once, and logged");
    let owed = format!("select count(*) from delivery where receiver_id = '{}'", peer.id);
    assert_eq!(number(location, &owed).await, own, "each emit is owed to the peer once");
}

/// An emit that was repeated because its answer got lost is the same emit.
#[track_caller]
fn one_answer_for_each_key(accepted: &[Accepted]) {
    let mut ids: HashMap<&str, &str> = HashMap::new();
    for emit in accepted {
        let Some(key) = &emit.key else { continue };
        assert_eq!(*ids.entry(key).or_insert(&emit.id), emit.id, "two emits for the key {key}");
    }
}
