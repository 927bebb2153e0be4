//! Kill −9 under everything at once, again and again: what was answered 202 reached everybody whom
//! it was for, or is a dead letter that says why.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use super::host::{Process, serve};
use crate::support::{
    Client, Receiver, Reply,
    client::{Answer, text},
    database::{TestDatabase, number},
    receiver::Received,
};

/// Kills in a row.
const KILLS: u32 = 50;
/// Clients that emit all the time, each with a pause between: the point is the moments, not the load.
const CLIENTS: usize = 6;
const PAUSE: Duration = Duration::from_millis(5);
/// How long everything may take to arrive after the last start: leases of a PostgreSQL host that
/// was killed end by themselves after a minute at most.
const ARRIVAL_MAX: Duration = Duration::from_mins(3);
/// Requests per kill that may arrive although no attempt of them is recorded: those under way, on
/// four endpoints.
const UNRECORDED_PER_KILL: usize = 64;

/// What one answered emit was.
#[derive(Clone)]
struct Accepted {
    id: String,
    kind: &'static str,
    /// The key it was emitted with, if any.
    key: Option<String>,
}

/// What goes on while hosts live and die.
#[derive(Clone)]
struct Scene {
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

/// The answer, or nothing when the host died before it gave one: the client asserts that it is
/// answered.
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
            let body =
                json!({ "name": "platformxe.generic", "payload": { "kind": kind }, "idempotencyKey": key.clone() });
            let Some(answer) = post(&client, "/api/v1/events/custom/emit".to_owned(), body).await else {
                locked(&self.unanswered).extend(key.map(|key| (key, kind)));
                return;
            };
            // Too many changes at once, or a database that is not back yet: accepted is nothing.
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

    /// Has dead letters sent again, and everything of a time.
    async fn replay(self, client: Client) {
        loop {
            tokio::time::sleep(PAUSE * 4).await;
            let only = json!({ "subscriptionId": self.failing });
            let Some(answer) = post(&client, "/api/v1/dead-letters/replay".to_owned(), only).await else { return };
            // Replays that are not finished are few; that there are enough already is an answer, too.
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
            ended.expect("whatever was answered was a success");
        }
    }
}

/// A quarter of the requests fail, so that there are retries and dead letters.
fn fail_now_and_then(receiver: &Receiver) {
    for n in 0..20_000 {
        receiver.then(Reply::status(if n % 4 == 3 { 500 } else { 200 }));
    }
}

async fn subscribe(client: &Client, body: Value) -> (String, String) {
    let data = client.post("/api/v1/events/custom/subscribe", body).await.created();
    (text(&data["subscriptionId"]), text(&data["secret"]))
}

/// Waits until nothing is owed any more; says what is left when that does not happen.
async fn settle(client: &Client) {
    let left = || async {
        let mut left = 0;
        for list in ["emits?status=queued", "deliveries?status=PENDING", "deliveries?status=RETRYING"] {
            let total = client.get(&format!("/api/v1/{list}&limit=1")).await.ok()["total"].as_i64();
            left += total.expect("a number");
        }
        left
    };
    let settled = async {
        while left().await > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let in_time = timeout(ARRIVAL_MAX, settled).await;
    assert!(in_time.is_ok(), "{} deliveries and emits are stuck", left().await);
}

/// The dead letters of a subscription: event and reason.
async fn dead_letters(client: &Client, subscription: &str) -> HashMap<String, String> {
    let mut dead = HashMap::new();
    for page in 1.. {
        let path = format!("/api/v1/dead-letters?subscriptionId={subscription}&limit=100&page={page}");
        let data = client.get(&path).await.ok();
        let items = data["items"].as_array().expect("a page").clone();
        if items.is_empty() {
            break;
        }
        dead.extend(items.iter().map(|item| (text(&item["emitId"]), text(&item["errorMessage"]))));
    }
    dead
}

/// One line of the table.
struct Line {
    subscription: &'static str,
    owed: usize,
    arrived: usize,
    dead: usize,
    requests: usize,
    attempts: i64,
}

impl Line {
    fn print(lines: &[Self]) {
        println!(
            "{:<12}{:>8}{:>9}{:>7}{:>10}{:>10}{:>11}",
            "", "owed", "arrived", "dead", "requests", "attempts", "surplus"
        );
        for line in lines {
            let surplus = i64::try_from(line.requests).expect("few") - line.attempts;
            println!(
                "{:<12}{:>8}{:>9}{:>7}{:>10}{:>10}{surplus:>11}",
                line.subscription, line.owed, line.arrived, line.dead, line.requests, line.attempts
            );
        }
    }
}

fn distinct(requests: &[Received]) -> HashSet<String> {
    requests.iter().filter_map(|request| request.header("x-event-id").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_under_everything_at_once_lose_nothing() {
    let database = Arc::new(TestDatabase::create().await);
    let mut host = Process::start(serve(&database));
    let key = host.organization_key().await;
    let mut receivers = BTreeMap::new();
    let mut ids = BTreeMap::new();
    let mut secrets = Vec::new();
    for name in ["all", "even", "failing", "rotated"] {
        let receiver = Receiver::start().await;
        let mut body = json!({ "name": "platformxe.generic", "webhookUrl": receiver.url("/") });
        match name {
            "even" => body["filter"] = json!({ "kind": ["even"] }),
            "failing" => {
                body["retrySchedule"] = json!([1]);
                fail_now_and_then(&receiver);
            }
            _ => {}
        }
        let (id, secret) = subscribe(&host.client(&key), body).await;
        if name == "rotated" {
            secrets.push(secret);
        }
        ids.insert(name, id);
        receivers.insert(name, receiver);
    }
    let scene = Scene {
        accepted: Arc::default(),
        unanswered: Arc::default(),
        secrets: Arc::new(Mutex::new(secrets)),
        rotated: ids["rotated"].clone(),
        failing: ids["failing"].clone(),
    };
    for life in 0..KILLS {
        scene.live(host, &key, life).await;
        host = Process::start(serve(&database));
    }
    let client = host.client(&key);
    settle(&client).await;

    let accepted = locked(&scene.accepted).clone();
    assert!(accepted.len() > KILLS as usize, "only {} emits were accepted", accepted.len());
    one_answer_for_each_key(&accepted);
    let mut lines = Vec::new();
    for (name, receiver) in &receivers {
        let requests = receiver.requests();
        let arrived = distinct(&requests);
        let dead = dead_letters(&client, &ids[name]).await;
        let wanted = accepted.iter().filter(|emit| *name != "even" || emit.kind == "even");
        let owed: HashSet<&String> = wanted.map(|emit| &emit.id).collect();
        let missing: Vec<_> = owed.iter().filter(|id| !arrived.contains(**id) && !dead.contains_key(**id)).collect();
        assert!(missing.is_empty(), "{name}: {} of {} never arrived: {missing:?}", missing.len(), owed.len());
        assert!(dead.values().all(|reason| !reason.is_empty()), "{name}: a dead letter without a reason");
        let sql = format!(
            "select count(*) from attempt join delivery on delivery.id = attempt.delivery_id
              where delivery.subscription_id = '{}'",
            ids[name]
        );
        let attempts = number(&database.location, &sql).await;
        let (owed, arrived, dead, requests) = (owed.len(), arrived.len(), dead.len(), requests.len());
        lines.push(Line { subscription: name, owed, arrived, dead, requests, attempts });
    }
    println!("{KILLS} kills, {} accepted, {} secrets", accepted.len(), locked(&scene.secrets).len());
    Line::print(&lines);
    for line in &lines {
        // Whatever is recorded was sent; what was sent at a kill may not be recorded.
        let surplus = i64::try_from(line.requests).expect("few") - line.attempts;
        let allowance = i64::try_from(KILLS as usize * UNRECORDED_PER_KILL).expect("few");
        assert!((0..=allowance).contains(&surplus), "{}: {surplus} requests without an attempt", line.subscription);
    }
    let secrets = locked(&scene.secrets).clone();
    let unsigned = receivers["rotated"].requests().iter().filter(|one| !one.is_signed_with_any(&secrets)).count();
    assert_eq!(unsigned, 0, "deliveries with no signature that a known secret verifies");
    assert!(host.terminate().await.success());
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
