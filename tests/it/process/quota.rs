//! Two processes on one PostgreSQL share the plans' quotas. On SQLite there is one process.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::json;

use super::host::{Process, serve};
use crate::support::{
    Answer, Client,
    client::text,
    database::{TestDatabase, is_postgres},
};

/// How many requests are under way at once.
const CLIENTS: usize = 64;

async fn all(requests: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<Answer> {
    stream::iter(requests).buffer_unordered(CLIENTS).collect().await
}

fn count(answers: &[Answer], status: u16, refusal: &str) -> usize {
    let (done, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == status);
    for answer in refused {
        answer.refused(402, refusal);
    }
    done.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_do_not_exceed_a_plan_by_one() {
    let database = Arc::new(TestDatabase::create().await);
    let first = Process::start(serve(&database));
    let second = if is_postgres() { Some(Process::start(serve(&database))) } else { None };
    let second = second.as_ref().unwrap_or(&first);
    let organization = async |plan: &str, slug: &str| {
        let body = json!({ "name": "Acme", "slug": slug, "plan": plan });
        text(&first.admin().post("/api/admin/v1/organizations", body).await.created()["apiKey"])
    };
    let clients = |key: &str| -> [Client; 2] { [first.client(key), second.client(key)] };

    let basic = clients(&organization("BASIC", "basic").await);
    let register = |number: usize| {
        let body = json!({
            "namespace": "basic", "name": format!("event-{number}"), "version": "1.0.0", "payloadSchema": {},
        });
        let client = basic[number % 2].clone();
        async move { client.post("/api/v1/events/custom", body).await }
    };
    assert_eq!(count(&all((0..CLIENTS).map(register)).await, 201, "registration_quota_exceeded"), 5);

    let free = clients(&organization("FREE", "free").await);
    let emit = |number: usize| {
        let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k" } });
        let client = free[number % 2].clone();
        async move { client.post("/api/v1/events/custom/emit", body).await }
    };
    assert_eq!(count(&all((0..1_200).map(emit)).await, 202, "monthly_emit_quota_exceeded"), 1_000);
    let health = free[0].get("/api/v1/events/custom/health").await.ok();
    assert_eq!(health["emits"]["thisMonth"], 1_000);
}
