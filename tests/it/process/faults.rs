//! A database that is locked, full or gone: 503 and no 202, and recovery without help.

use std::{process::Command, sync::Arc, time::Duration};

use serde_json::json;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;
use weir::db::Location;

use super::host::{Process, serve};
use crate::support::{
    Client, Receiver, TestApp,
    database::{TestDatabase, is_postgres, on_server},
    server::Stop,
};

fn event() -> serde_json::Value {
    json!({ "name": "platformxe.generic", "payload": { "kind": "k" } })
}

/// Makes the database refuse all writers until the answer is dropped or undone.
enum Lock {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Lock {
    async fn take(location: &Location) -> Self {
        match location {
            Location::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("it opens");
                connection.execute("begin immediate").await.expect("nobody writes");
                Self::Sqlite(connection)
            }
            Location::Postgres(url) => {
                let mut connection = sqlx::PgConnection::connect(url).await.expect("it can be reached");
                connection.execute("begin").await.expect("it works");
                connection.execute("lock table emit in access exclusive mode").await.expect("nobody has it");
                Self::Postgres(connection)
            }
        }
    }

    async fn release(self) {
        match self {
            Self::Sqlite(mut connection) => drop(connection.execute("rollback").await.expect("it works")),
            Self::Postgres(mut connection) => drop(connection.execute("rollback").await.expect("it works")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_gives_503_and_no_202_and_recovers_by_itself() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let lock = Lock::take(&app.database.location).await;
    let refused = acme.post("/api/v1/events/custom/emit", event()).await;
    refused.refused(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    lock.release().await;
    // What the refused emit left behind on PostgreSQL may still be waiting for the lock.
    let accepted = async {
        while acme.post("/api/v1/events/custom/emit", event()).await.status != 202 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), accepted).await.expect("it recovers");
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2, "nothing that was refused is delivered");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_gives_503_and_serves_again_when_it_is_back() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    if let Location::Postgres(url) = &app.database.location {
        let name = url.rsplit('/').next().expect("a name").to_owned();
        on_server(&format!("alter database {name} with allow_connections false")).await.expect("it works");
        let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        on_server(&end).await.expect("it works");
        acme.post("/api/v1/events/custom/emit", event()).await.refused(503, "unavailable");
        acme.get("/api/v1/deliveries").await.refused(503, "unavailable");
        on_server(&format!("alter database {name} with allow_connections true")).await.expect("it works");
    } else {
        // An SQLite file cannot go away under an open host; its pools can, and answer the same.
        app.app().host.db.close().await;
        acme.post("/api/v1/events/custom/emit", event()).await.refused(503, "unavailable");
        acme.get("/api/v1/deliveries").await.refused(503, "unavailable");
        let app = app.restart().await;
        let acme = app.client(&acme.id, &acme.namespace, acme.key());
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        assert_eq!(receiver.requests().len(), 2);
        return app.stop().await;
    }
    let accepted = async {
        while acme.post("/api/v1/events/custom/emit", event()).await.status != 202 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), accepted).await.expect("it recovers");
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    app.stop().await;
}

/// Emits in a trouble of the database.
const CLIENTS: usize = 6;
/// Times that the database is taken away, and for how long.
const TROUBLES: u32 = 10;
const TROUBLE: Duration = Duration::from_millis(300);

/// A server crashes or is restarted. A file cannot be; somebody else holds it.
async fn trouble(database: &TestDatabase, number: u32) {
    if is_postgres() {
        let stop = if number.is_multiple_of(2) { Stop::Immediate } else { Stop::Fast };
        tokio::task::block_in_place(|| database.restart(stop));
    } else {
        let lock = Lock::take(&database.location).await;
        tokio::time::sleep(TROUBLE).await;
        lock.release().await;
    }
}

/// Emits with one key until that is accepted, as clients do; counts what was refused meanwhile.
async fn emit_for_sure(client: Client, key: String) -> u32 {
    let mut body = event();
    body["idempotencyKey"] = key.into();
    let mut refused = 0;
    loop {
        let answer = client.post("/api/v1/events/custom/emit", body.clone()).await;
        if answer.status == 202 {
            return refused;
        }
        answer.refused(503, "unavailable");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_taken_away_under_load_loses_nothing() {
    let database = Arc::new(TestDatabase::create_for_restarts());
    let receiver = Receiver::start().await;
    let host = Process::start(serve(&database));
    let key = host.organization_key().await;
    let acme = host.client(&key);
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut emitting = JoinSet::new();
    for client in 0..CLIENTS {
        let (acme, stop) = (acme.clone(), stop.clone());
        emitting.spawn(async move {
            let (mut accepted, mut refused) = (0, 0);
            while !stop.is_cancelled() {
                refused += emit_for_sure(acme.clone(), format!("{client}-{accepted}")).await;
                accepted += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (accepted, refused)
        });
    }
    for number in 0..TROUBLES {
        tokio::time::sleep(TROUBLE).await;
        trouble(&database, number).await;
    }
    tokio::time::sleep(TROUBLE).await;
    stop.cancel();
    let (mut accepted, mut refused) = (0, 0);
    while let Some(emitted) = emitting.join_next().await {
        let counts = emitted.expect("answers are 202 or 503");
        accepted += counts.0;
        refused += counts.1;
    }
    println!("{TROUBLES} troubles, {accepted} accepted, {refused} refused meanwhile");
    // One emit for each key, however often it was tried, and each of them arrives.
    let total = |path: &str| {
        let (acme, path) = (acme.clone(), format!("/api/v1/{path}&limit=1"));
        async move { acme.get(&path).await.ok()["total"].as_i64().expect("a number") }
    };
    assert_eq!(total("emits?name=platformxe.generic").await, accepted);
    let delivered = async {
        while total("deliveries?status=SUCCESS").await < accepted {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), delivered).await.expect("everything is delivered");
    assert!(host.terminate().await.success());
}

/// A file may not grow beyond its limit: what a full disk is to a process. On PostgreSQL the
/// server's disk is not ours to fill, so there the host is only started under the same limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_gives_503_and_keeps_what_was_accepted() {
    let database = Arc::new(TestDatabase::create().await);
    let receiver = Receiver::start().await;
    let limited = {
        let plain = serve(&database);
        let mut limited = Command::new("sh");
        // Without the trap the system would end the process instead of failing the write.
        limited.arg("-c").arg("trap '' XFSZ; ulimit -S -f 4096; exec \"$@\"").arg("sh").arg(plain.get_program());
        limited.args(plain.get_args()).env_clear().envs(plain.get_envs().filter_map(|(k, v)| Some((k, v?))));
        limited
    };
    let host = Process::start(limited);
    let key = host.organization_key().await;
    let acme = host.client(&key);
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    let padding = "x".repeat(100_000);
    let mut accepted = 0;
    let mut refused = 0;
    // 4096 blocks of 512 bytes or 1 KiB are 4 MiB at most: forty of these fill it, with its log.
    while refused < 3 && accepted < 200 {
        let body = json!({ "name": "platformxe.generic", "payload": { "kind": "k", "summary": padding } });
        let answer = acme.post("/api/v1/events/custom/emit", body).await;
        if answer.status == 202 {
            accepted += 1;
        } else {
            answer.refused(503, "unavailable");
            refused += 1;
        }
    }
    assert_eq!(refused == 3, !is_postgres(), "{accepted} accepted, {refused} refused");
    // With room again the host goes on without help.
    host.lift_file_size_limit();
    let accepts_again = async {
        while acme.post("/api/v1/events/custom/emit", event()).await.status != 202 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), accepts_again).await.expect("it recovers");

    // What was accepted is on the disk, also for whoever starts now, and all of it arrives.
    host.kill();
    let host = Process::start(serve(&database));
    let acme = host.client(&key);
    let total = acme.get("/api/v1/emits?limit=1").await.ok()["total"].as_i64().expect("a number");
    assert!(total >= accepted, "{accepted} were accepted, {total} are kept");
    let delivered = async {
        while acme.get("/api/v1/deliveries?status=SUCCESS&limit=1").await.ok()["total"].as_i64() != Some(total) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), delivered).await.expect("everything is delivered");
    assert!(host.terminate().await.success());
}
