//! Kill −9 under load, again and again: what was answered 202 is delivered.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;

use super::host::{Process, serve};
use crate::support::{Client, Receiver, client::text, database::TestDatabase};

/// Kills in a row.
const KILLS: u32 = 20;
/// Clients that emit all the time.
const CLIENTS: usize = 8;
/// How long everything may take to arrive after the last start: leases of a PostgreSQL host that
/// was killed end by themselves after a minute at most.
const ARRIVAL_MAX: Duration = Duration::from_mins(2);

/// Emits until the connection breaks, and keeps the id of everything that was answered 202.
async fn emit_until_it_dies(client: Client, accepted: Arc<Mutex<HashSet<String>>>) {
    loop {
        let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
        let sent = tokio::spawn({
            let client = client.clone();
            async move { client.post("/api/v1/events/custom/emit", body).await }
        });
        // The client asserts that it is answered; when the host is dead it is not.
        let Ok(answer) = sent.await else { return };
        let id = text(&answer.accepted()["emitId"]);
        accepted.lock().expect("not poisoned").insert(id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_under_load_lose_nothing_that_was_accepted() {
    let database = Arc::new(TestDatabase::create().await);
    let receiver = Receiver::start().await;
    let accepted = Arc::new(Mutex::new(HashSet::new()));
    let mut host = Process::start(serve(&database));
    let key = host.organization_key().await;
    host.client(&key).subscribe("platformxe.generic", &receiver.url("/")).await;

    for kill in 0..KILLS {
        let mut emitting = JoinSet::new();
        for _ in 0..CLIENTS {
            emitting.spawn(emit_until_it_dies(host.client(&key), accepted.clone()));
        }
        // A different moment of the work each time.
        tokio::time::sleep(Duration::from_millis(u64::from(60 + kill * 37 % 150))).await;
        host.kill();
        while let Some(ended) = emitting.join_next().await {
            ended.expect("whatever was answered was a 202");
        }
        host = Process::start(serve(&database));
    }

    let accepted = accepted.lock().expect("not poisoned").clone();
    assert!(accepted.len() > KILLS as usize, "only {} emits were accepted", accepted.len());
    let arrived = || -> HashSet<String> {
        receiver.requests().iter().filter_map(|request| request.header("x-event-id").map(str::to_owned)).collect()
    };
    let all_arrived = async {
        while !accepted.is_subset(&arrived()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(ARRIVAL_MAX, all_arrived).await;
    let arrived = arrived();
    let missing: Vec<&String> = accepted.difference(&arrived).collect();
    assert!(in_time.is_ok(), "{} of {} accepted emits never arrived: {missing:?}", missing.len(), accepted.len());

    let requests = receiver.requests().len();
    println!("{KILLS} kills, {} accepted, {} arrived, {requests} requests", accepted.len(), arrived.len());
    // At least once, and not much more: only what was under way at a kill is sent again.
    let allowance = KILLS as usize * 64;
    assert!(requests <= arrived.len() + allowance, "{requests} requests for {} emits", arrived.len());
    assert!(host.terminate().await.success());
}
