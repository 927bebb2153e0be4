//! A database that is locked, full or gone: 503 and no 202, and recovery without help.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use sqlx::Executor;
use tokio::task::JoinSet;
use weir::{
    db::{
        Db, Location,
        organization::{self, Touches},
    },
    domain::limits::{READS_PER_ORGANIZATION_MAX, READS_WAITING_PER_ORGANIZATION_MAX},
    error::Code,
};

use super::host::{Process, serve};
use crate::support::{
    Client, Receiver, TestApp,
    database::{TestDatabase, is_postgres, on_server, postgres, sqlite},
    server::Stop,
};

const EMIT: &str = "/api/v1/events/custom/emit";

fn event() -> serde_json::Value {
    json!({ "name": "platformxe.generic", "payload": { "kind": "k" } })
}

/// A transaction that makes the database refuse all other writers until it is released.
enum Lock {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Lock {
    async fn take(location: &Location) -> Self {
        match location {
            Location::Sqlite(path) => {
                let mut connection = sqlite(path).await;
                connection.execute("begin immediate").await.expect("no transaction writes");
                Self::Sqlite(connection)
            }
            Location::Postgres(url) => {
                let mut connection = postgres(url).await;
                connection.execute("begin").await.expect("it works");
                connection.execute("lock table emit in access exclusive mode").await.expect("no other lock is held");
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

/// Emits until the host accepts, which it has to do soon and without help.
async fn emit_until_accepted(client: &Client) {
    let accepted = async {
        while client.post(EMIT, event()).await.status != 202 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), accepted).await.expect("the host accepts again");
}

/// Waits until so many deliveries of the organization have succeeded.
async fn all_are_delivered(client: &Client, count: i64) {
    let delivered = async {
        while total(client, "/api/v1/deliveries?status=SUCCESS&limit=1").await != count {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), delivered).await.expect("every delivery succeeds");
}

/// How many rows the list at a path has in all.
async fn total(client: &Client, path: &str) -> i64 {
    client.get(path).await.ok()["total"].as_i64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_gives_503_and_no_202_and_recovers_by_itself() {
    let (app, receiver) = (TestApp::start().await, Receiver::start().await);
    let acme = app.organization("ENTERPRISE").await;
    acme.subscribe("platformxe.generic", &receiver.url("/")).await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let lock = Lock::take(&app.database.location).await;
    let refused = acme.post(EMIT, event()).await;
    refused.refused(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    lock.release().await;
    // The refused emit's connection may still wait for the lock on PostgreSQL.
    emit_until_accepted(&acme).await;
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
        acme.post(EMIT, event()).await.refused(503, "unavailable");
        acme.get("/api/v1/deliveries").await.refused(503, "unavailable");
        on_server(&format!("alter database {name} with allow_connections true")).await.expect("it works");
    } else {
        // An SQLite file cannot go away under an open host. Closing its pools has the same effect.
        app.app().host.db.close().await;
        acme.post(EMIT, event()).await.refused(503, "unavailable");
        acme.get("/api/v1/deliveries").await.refused(503, "unavailable");
        let app = app.restart().await;
        let acme = app.client_of(&acme);
        acme.emit_generic(json!({ "kind": "k" })).await;
        app.settle().await;
        assert_eq!(receiver.requests().len(), 2);
        return app.stop().await;
    }
    emit_until_accepted(&acme).await;
    app.settle().await;
    assert_eq!(receiver.requests().len(), 2);
    app.stop().await;
}

/// How many clients emit while the database is taken away.
const CLIENTS: usize = 6;
/// Times that the database is taken away, and for how long.
const TROUBLES: u32 = 10;
const TROUBLE: Duration = Duration::from_millis(300);

/// Crashes or restarts a server. A file has no server, so another connection locks it for a while.
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
        let answer = client.post(EMIT, body.clone()).await;
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
    assert_eq!(total(&acme, "/api/v1/emits?name=platformxe.generic&limit=1").await, accepted);
    all_are_delivered(&acme, accepted).await;
    assert!(host.terminate().await.success());
}

/// A limit on the size of files stands for a full disk. On PostgreSQL the test cannot fill the server's
/// disk, so there the host only runs under the same limit.
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
        let answer = acme.post(EMIT, body).await;
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
    emit_until_accepted(&acme).await;

    // Every accepted event is on the disk, a new host finds it there, and all of them arrive.
    host.kill();
    let host = Process::start(serve(&database));
    let acme = host.client(&key);
    let kept = total(&acme, "/api/v1/emits?limit=1").await;
    assert!(kept >= accepted, "{accepted} were accepted, {kept} are kept");
    all_are_delivered(&acme, kept).await;
    assert!(host.terminate().await.success());
}

/// Clients wait ten seconds. On SQLite no reader waits for a writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_a_locked_table_end_in_time() {
    let app = TestApp::start().await;
    let acme = app.organization("ENTERPRISE").await;
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let lock = Lock::take(&app.database.location).await;
    // More than there are connections: some wait for one, and then for the lock.
    let mut reading = JoinSet::new();
    for _ in 0..40 {
        let acme = acme.clone();
        reading.spawn(async move {
            let began = Instant::now();
            (acme.get("/api/v1/emits").await, began.elapsed())
        });
    }
    for (answer, waited) in reading.join_all().await {
        assert!(waited < Duration::from_millis(9_500), "{waited:?}");
        if is_postgres() {
            answer.refused(503, "unavailable");
        } else {
            answer.ok();
        }
    }
    lock.release().await;
    emit_until_accepted(&acme).await;
    app.settle().await;
    app.stop().await;
}

/// The lists of one organization wait for a lock on PostgreSQL; on SQLite no reader waits for a writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_one_organization_leave_the_others_their_turn() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.organization("ENTERPRISE").await, app.organization("ENTERPRISE").await);
    let lock = Lock::take(&app.database.location).await;
    let mut reading = JoinSet::new();
    for _ in 0..=READS_PER_ORGANIZATION_MAX + READS_WAITING_PER_ORGANIZATION_MAX {
        let acme = acme.clone();
        reading.spawn(async move { acme.get("/api/v1/emits").await });
    }
    if is_postgres() {
        // The one on top is refused at once, while the others wait.
        let first = reading.join_next().await.expect("one of them").expect("it does not panic");
        assert!(first.header("retry-after").is_some());
        first.refused(429, "RATE_LIMITED");
    }
    // Connections are left, although the organization keeps all of its places.
    let began = Instant::now();
    globex.get("/api/v1/events/custom").await.ok();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    reading.abort_all();
    lock.release().await;
    emit_until_accepted(&globex).await;
    app.settle().await;
    app.stop().await;
}

/// A host that was stopped within a transaction (SIGSTOP, a frozen machine) holds its locks: its session
/// ends, and the others go on. An SQLite file has one host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_stops_within_a_transaction_holds_the_others_for_four_seconds_at_most() {
    let app = TestApp::start().await;
    let acme = app.organization("ENTERPRISE").await;
    if is_postgres() {
        // The connections of a second host, and the transaction of a change.
        let stopped = Db::connect(&app.database.location).await.expect("it is there");
        let mut change = stopped.begin().await.expect("it works");
        let id = acme.organization_id();
        organization::touch(&mut change, &id, Touches::Rules, app.clock.now()).await.expect("no other lock is held");
        let began = Instant::now();
        emit_until_accepted(&acme).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        let lost = change.commit().await.expect_err("its session was ended");
        assert_eq!(lost.code(), Code::Unavailable);
        stopped.close().await;
    }
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.stop().await;
}
