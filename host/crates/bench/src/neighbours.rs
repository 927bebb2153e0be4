//! Two organizations: one does what it likes, case after case, and the deliveries of the other one are
//! measured. Fair shares keep them apart.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::Bytes;
use hyper::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::{JoinHandle, JoinSet},
};

use crate::{
    api::Organization,
    bench::{ARRIVE_MAX, Bench, WARM_UP},
    client::Connection,
    figures::{Latency, Neighbour, Pair},
    load::Schedule,
    receiver::{BLIND, HANGING},
    tenant::HEARD,
};

/// Events a second of the organization that is measured.
pub(crate) const RATE: u32 = 50;
/// Connections of the other one: so many that none is waited for.
const CONNECTIONS: usize = 64;
/// The path of an emit.
const EMIT: &str = "/api/v1/events/custom/emit";
/// The path of an event of another application.
const INGEST: &str = "/api/v1/events";
/// Bytes that an unfinished body promises.
const PROMISED_BYTES: usize = 1_000_000;

/// What a neighbour does.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    plan: &'static str,
    /// The subscriptions that it asks for, of these event types, at this path of the receiver. Its plan may
    /// allow fewer.
    subscriptions: (usize, fn(usize) -> Value, &'static str),
    load: Load,
}

/// The requests of a neighbour.
enum Load {
    /// So many a second, each with a body of its own.
    Requests { per_second: u32, path: &'static str, body: fn(u32) -> Value },
    /// Connections with a valid key that send a head and a part of the body, and then nothing.
    Unfinished(usize),
    /// Connections that send nothing.
    Silent(usize),
}

fn everything(_: usize) -> Value {
    json!(["*"])
}

fn refusals(_: usize) -> Value {
    json!(["CUSTOM_EVENT_EMIT_REJECTED"])
}

fn generic(_: usize) -> Value {
    json!(["TENANT_CUSTOM:*:platformxe.generic@*"])
}

fn wildcards(number: usize) -> Value {
    (0..100).map(|pattern| format!("app{number}.thing{pattern}.*")).collect::<Vec<_>>().into()
}

fn emit(_: u32) -> Value {
    json!({ "name": "platformxe.generic", "payload": { "kind": "k" } })
}

fn refused_emit(_: u32) -> Value {
    json!({ "name": "platformxe.generic", "payload": {} })
}

fn large_emit(_: u32) -> Value {
    json!({ "name": "platformxe.generic", "payload": { "kind": "k", "text": "a".repeat(250_000) } })
}

fn ingest(number: u32) -> Value {
    json!({ "eventType": format!("name{number}.of.its.own"), "payload": {} })
}

/// A schema that takes long to be judged: wide, and with patterns.
fn dry_run(number: u32) -> Value {
    let property =
        |at: u32| (format!("member{at}"), json!({ "type": "string", "pattern": "^([a-z]{1,20}[0-9]{1,20}){1,10}$" }));
    let properties: Value = (0..49).map(property).collect();
    let schema = json!({ "type": "object", "properties": properties, "maxProperties": number % 1_000 + 50 });
    json!({ "namespace": "neighbour", "name": "costly", "version": "1.0.0", "payloadSchema": schema })
}

/// What neighbours do.
pub(crate) const CASES: [Case; 10] = [
    Case {
        name: "FREE: 300 subscriptions to everything, 1 emit/s",
        plan: "FREE",
        subscriptions: (300, everything, BLIND),
        load: Load::Requests { per_second: 1, path: EMIT, body: emit },
    },
    Case {
        name: "the same without a bound of the plan",
        plan: "ENTERPRISE",
        subscriptions: (300, everything, BLIND),
        load: Load::Requests { per_second: 1, path: EMIT, body: emit },
    },
    Case {
        name: "200 that hang on refusals, 300 refused emits/s",
        plan: "ENTERPRISE",
        subscriptions: (200, refusals, HANGING),
        load: Load::Requests { per_second: 300, path: EMIT, body: refused_emit },
    },
    Case {
        name: "FREE: 900 that hang, 30 emits/s",
        plan: "FREE",
        subscriptions: (900, generic, HANGING),
        load: Load::Requests { per_second: 30, path: EMIT, body: emit },
    },
    Case {
        name: "300 subscriptions of 100 wildcards, 100 names/s",
        plan: "ENTERPRISE",
        subscriptions: (300, wildcards, BLIND),
        load: Load::Requests { per_second: 100, path: INGEST, body: ingest },
    },
    Case {
        name: "400 subscriptions to everything, 5 names/s",
        plan: "ENTERPRISE",
        subscriptions: (400, everything, BLIND),
        load: Load::Requests { per_second: 5, path: INGEST, body: ingest },
    },
    Case {
        name: "50 emits/s of 250 KB",
        plan: "ENTERPRISE",
        subscriptions: (0, everything, BLIND),
        load: Load::Requests { per_second: 50, path: EMIT, body: large_emit },
    },
    Case {
        name: "50 dry runs/s of costly schemas",
        plan: "ENTERPRISE",
        subscriptions: (0, everything, BLIND),
        load: Load::Requests { per_second: 50, path: "/api/v1/events/custom/dry-run", body: dry_run },
    },
    Case {
        name: "2,000 unfinished bodies of 1 MB",
        plan: "FREE",
        subscriptions: (0, everything, BLIND),
        load: Load::Unfinished(2_000),
    },
    Case {
        name: "3,000 silent connections",
        plan: "FREE",
        subscriptions: (0, everything, BLIND),
        load: Load::Silent(3_000),
    },
];

/// Measures beside each case, and alone before each of them.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Neighbour>> {
    let mut outcomes = Vec::with_capacity(CASES.len());
    for case in &CASES {
        eprintln!("weir-bench: neighbour: {}", case.name);
        outcomes.push(beside(bench, case).await?);
    }
    Ok(outcomes)
}

async fn beside(bench: &Bench, case: &Case) -> Result<Neighbour> {
    let alone = bench.latency(HEARD, RATE, 1).await?;
    let before = bench.host.rss_bytes().unwrap_or_default();
    let neighbour = bench.tenant.operator.create_organization_of("Neighbour", case.plan).await?;
    bench.tenant.operator.allow_namespace(&neighbour, "neighbour").await?;
    let subscriptions = subscribe(bench, &neighbour, case).await?;
    let duration = bench.seconds + WARM_UP;
    let load = start(&neighbour, &case.load, duration);
    tokio::time::sleep(WARM_UP).await;
    let other: Latency = bench.latency(HEARD, RATE, 1).await?;
    let (done, refused) = load.await??;
    let grown_bytes = bench.host.rss_bytes().unwrap_or_default().saturating_sub(before);
    for id in subscriptions {
        neighbour.ask(Method::DELETE, &format!("/api/v1/event-subscriptions/{id}"), &Value::Null).await?;
    }
    bench.tenant.all_routed(ARRIVE_MAX).await?;
    Ok(Neighbour { name: case.name, other: Pair { alone, beside: other }, done, refused, grown_bytes })
}

/// Asks for the case's subscriptions, and gives the ids of those that are allowed.
async fn subscribe(bench: &Bench, neighbour: &Organization, case: &Case) -> Result<Vec<String>> {
    let (count, event_types, path) = case.subscriptions;
    let mut ids = Vec::new();
    let mut connection = Connection::open(neighbour.emit.clone()).await?;
    for number in 0..count {
        let url = format!("{}{path}", bench.receiver.url);
        let body = json!({ "eventTypes": event_types(number), "webhookUrl": url });
        let uri = Uri::from_static("/api/v1/event-subscriptions");
        let (status, answer) = connection.send(Method::POST, uri, body.to_string().into()).await?;
        if status.is_success() {
            let answer: Value = serde_json::from_slice(&answer)?;
            ids.extend(answer["data"]["id"].as_str().map(str::to_owned));
        }
    }
    Ok(ids)
}

/// Starts the neighbour's load, which ends by itself and gives the number of successes and of refusals.
fn start(neighbour: &Organization, load: &Load, duration: Duration) -> JoinHandle<Result<(u32, u32)>> {
    match *load {
        Load::Requests { per_second, path, body } => {
            let count = per_second * u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
            let schedule = Schedule::start(Instant::now(), per_second, count, CONNECTIONS);
            let neighbour = neighbour.emit.clone();
            tokio::spawn(async move {
                let mut senders = JoinSet::new();
                for _ in 0..CONNECTIONS {
                    let (connection, schedule) = (Connection::open(neighbour.clone()).await?, schedule.clone());
                    senders.spawn(keep_asking(connection, schedule, path, body));
                }
                let (mut done, mut refused) = (0, 0);
                while let Some(sent) = senders.join_next().await {
                    let (some_done, some_refused) = sent?;
                    done += some_done;
                    refused += some_refused;
                }
                Ok((done, refused))
            })
        }
        Load::Unfinished(count) => {
            let head = format!(
                "POST {INGEST} HTTP/1.1\r\nhost: {}\r\n{}content-type: application/json\r\ncontent-length: {PROMISED_BYTES}\r\n\r\n",
                neighbour.emit.address,
                neighbour.emit.key_header(),
            );
            let mut sent = head.into_bytes();
            sent.resize(sent.len() + PROMISED_BYTES - 1, b' ');
            tokio::spawn(hold(neighbour.emit.address, count, sent.into(), duration))
        }
        Load::Silent(count) => tokio::spawn(hold(neighbour.emit.address, count, Bytes::new(), duration)),
    }
}

/// Sends a request whenever the schedule has one, until it has none or the host is gone.
async fn keep_asking(
    mut connection: Connection,
    schedule: std::sync::Arc<Schedule>,
    path: &'static str,
    body: fn(u32) -> Value,
) -> (u32, u32) {
    let (mut done, mut refused) = (0, 0);
    while let Some(number) = schedule.next().await {
        let body = body(number).to_string().into();
        match connection.send(Method::POST, Uri::from_static(path), body).await {
            Ok((status, _)) if status.is_success() || status == StatusCode::BAD_REQUEST => done += 1,
            Ok(_) => refused += 1,
            Err(_) => {
                refused += 1;
                let Ok(again) = connection.again().await else { break };
                connection = again;
            }
        }
    }
    (done, refused)
}

/// Opens connections, sends the same on each, and holds them open. Gives how many were opened, and how many
/// were refused.
async fn hold(host: SocketAddr, count: usize, sent: Bytes, duration: Duration) -> Result<(u32, u32)> {
    let ends = tokio::time::Instant::now() + duration;
    let mut held = JoinSet::new();
    for _ in 0..count {
        let sent = sent.clone();
        held.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(host).await else { return false };
            let written = tokio::time::timeout_at(ends, stream.write_all(&sent)).await;
            tokio::time::sleep_until(ends).await;
            !matches!(written, Ok(Err(_)))
        });
    }
    let (mut done, mut refused) = (0, 0);
    while let Some(is_held) = held.join_next().await {
        if is_held? { done += 1 } else { refused += 1 }
    }
    Ok((done, refused))
}
