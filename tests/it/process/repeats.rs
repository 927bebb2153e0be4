//! Kill −9 while requests with idempotency keys are under way: each request takes effect once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::task::JoinSet;

use super::host::{Process, serve};
use crate::support::{
    Answer, Client,
    database::{TestDatabase, is_postgres},
};

const SUBSCRIPTIONS: &str = "/api/v1/event-subscriptions";
/// Clients that subscribe all the time.
const CLIENTS: usize = 8;
/// Far more than the 30 seconds after which claims of a killed host end on PostgreSQL.
const PATIENCE: Duration = Duration::from_mins(2);

/// Subscribes with an idempotency key; `None` when the host died meanwhile.
async fn subscribe(client: &Client, key: &str) -> Option<Answer> {
    let client = client.clone().with_header("idempotency-key", key);
    let body = json!({ "eventTypes": ["TENANT_CUSTOM:*"], "webhookUrl": "https://example.com/", "name": key });
    // The client asserts that it is answered; when the host is dead it is not.
    tokio::spawn(async move { client.post(SUBSCRIPTIONS, body).await }).await.ok()
}

/// Whether a key is settled: its subscription exists, and the answer says so.
fn is_settled(answer: &Answer) -> bool {
    match answer.status {
        201 => true,
        409 => {
            answer.refused(409, "idempotency_answer_lost");
            true
        }
        _ => {
            answer.refused(503, "unavailable");
            false
        }
    }
}

/// Subscribes with new keys until the host dies; keys without a settled answer stay in `open`.
async fn subscribe_until_it_dies(client: Client, name: String, open: Arc<Mutex<BTreeSet<String>>>) -> usize {
    let mut asked = 0;
    loop {
        let key = format!("{name}-{asked}");
        asked += 1;
        open.lock().expect("not poisoned").insert(key.clone());
        match subscribe(&client, &key).await {
            None => return asked,
            Some(answer) if is_settled(&answer) => drop(open.lock().expect("not poisoned").remove(&key)),
            Some(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_key_takes_effect_once_however_often_the_host_dies() {
    let database = Arc::new(TestDatabase::create().await);
    let mut host = Process::start(serve(&database));
    let key = host.organization_key().await;
    let kills = if is_postgres() { 1 } else { 5 };
    let mut asked = 0;
    let mut lost = 0;
    for kill in 0..kills {
        let open = Arc::new(Mutex::new(BTreeSet::new()));
        let mut subscribing = JoinSet::new();
        for client in 0..CLIENTS {
            subscribing.spawn(subscribe_until_it_dies(host.client(&key), format!("{kill}-{client}"), open.clone()));
        }
        tokio::time::sleep(Duration::from_millis(150 + kill * 37 % 100)).await;
        host.kill();
        while let Some(count) = subscribing.join_next().await {
            asked += count.expect("every answer was legal");
        }
        host = Process::start(serve(&database));
        let open = open.lock().expect("not poisoned").clone();
        assert!(!open.is_empty(), "nothing was under way");
        let deadline = Instant::now() + PATIENCE;
        for name in open {
            while {
                let answer = subscribe(&host.client(&key), &name).await.expect("the host lives");
                lost += usize::from(answer.status == 409);
                !is_settled(&answer)
            } {
                assert!(Instant::now() < deadline, "{name} is never settled");
            }
        }
    }
    let subscriptions = host.client(&key).get(SUBSCRIPTIONS).await.ok()["subscriptions"].clone();
    let names: Vec<&str> =
        subscriptions.as_array().expect("a list").iter().map(|row| row["name"].as_str().expect("a name")).collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    println!("{kills} kills, {asked} requests, {} subscriptions, {lost} answers lost", names.len());
    assert_eq!(different.len(), names.len(), "something was done twice");
    assert_eq!(names.len(), asked, "something was not done");
    assert!(host.terminate().await.success());
}
