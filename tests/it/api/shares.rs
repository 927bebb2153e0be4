//! What callers take before anything is accepted: bytes of bodies, and connections. One leaves room for the others.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use weir::{
    app::Settings,
    domain::limits::{BODIES_ORGANIZATION_BYTES_MAX, CONNECTIONS_ADDRESS_PART, REQUEST_BODY_BYTES_MAX},
};

use crate::support::{Client, TestApp};

const EMIT: &str = "/api/v1/events/custom/emit";
/// Longest wait for an answer, far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.address()).await.expect("the host listens")
}

/// Begins a request with the largest body, and sends a byte of it.
async fn begin(app: &TestApp, path: &str, headers: &str) -> TcpStream {
    let mut stream = connect(app).await;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {REQUEST_BODY_BYTES_MAX}\r\n{headers}\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    stream
}

/// What the host answers before it ends the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends a connection as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn emit(client: &Client) {
    client.emit_generic(json!({ "kind": "k" })).await;
}

/// Begins one request more than there is room for. Gives the answer to the one that is refused, and the others,
/// which wait for their bodies.
async fn first_refused(app: &TestApp, path: &str, headers: &str) -> (Vec<TcpStream>, String) {
    let mut waiting = Vec::new();
    for _ in 0..=BODIES_ORGANIZATION_BYTES_MAX / REQUEST_BODY_BYTES_MAX {
        waiting.push(begin(app, path, headers).await);
    }
    // The host may hear them in any order.
    let answered = waiting.iter().map(|stream| Box::pin(stream.readable()));
    let (heard, refused, _) =
        timeout(PATIENCE, futures_util::future::select_all(answered)).await.expect("one is refused");
    heard.expect("it answers");
    let refused = answer(waiting.swap_remove(refused)).await;
    (waiting, refused)
}

#[tokio::test]
async fn bodies_that_do_not_end_take_no_more_than_their_organizations_share() {
    let app = TestApp::start().await;
    let (greedy, other) = (app.organization("PRO").await, app.organization("PRO").await);
    for (path, more) in [(EMIT, ""), ("/api/v1/events", ""), ("/api/v1/events", "idempotency-key: k\r\n")] {
        let headers = format!("x-api-key: {}\r\n{more}", greedy.key());
        let (waiting, refused) = first_refused(&app, path, &headers).await;
        assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 1"), "{path}: {refused}");
        assert!(refused.contains("RATE_LIMITED") && refused.contains("16777216 bytes"), "{path}: {refused}");
        emit(&other).await;
        // Nothing is left of requests whose connection has ended.
        drop(waiting);
        let mut tries = 0;
        while greedy.post(EMIT, json!({ "name": "platformxe.generic", "payload": { "kind": "k" } })).await.status != 202
        {
            tries += 1;
            assert!(tries < 1_000, "{path}: the share is not given back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_body_without_a_valid_key_is_not_waited_for() {
    let app = TestApp::start().await;
    for path in [EMIT, "/api/v1/events", "/api/v1/webhooks", "/api/admin/v1/organizations"] {
        for headers in ["", "x-api-key: pxk_live_nonsense\r\n"] {
            let refused = answer(begin(&app, path, headers).await).await;
            assert!(refused.starts_with("HTTP/1.1 401 "), "{path}: {refused}");
        }
    }
    app.stop().await;
}

/// Opens connections until one is refused, and gives its answer and how many there were before it.
async fn connections(change: impl Fn(&mut Settings) + Send + Sync + 'static) -> (usize, String) {
    let app = TestApp::with(change).await;
    let mut kept = Vec::new();
    let refused = loop {
        let mut stream = connect(&app).await;
        stream.write_all(b"GET /api/health HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it reads");
        let mut beginning = [0; 12];
        stream.read_exact(&mut beginning).await.expect("it answers");
        match &beginning {
            b"HTTP/1.1 200" => kept.push(stream),
            _ => break format!("{}{}", String::from_utf8_lossy(&beginning), answer(stream).await),
        }
    };
    app.stop().await;
    (kept.len(), refused)
}

#[tokio::test]
async fn connections_address_part() {
    let (kept, refused) = connections(|settings| settings.connections_max = 12).await;
    assert_eq!(kept, 12 / CONNECTIONS_ADDRESS_PART);
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("this address has 3 connections"), "{refused}");
    let as_set = |settings: &mut Settings| {
        (settings.connections_max, settings.connections_per_address_max) = (12, Some(5));
    };
    assert_eq!(connections(as_set).await.0, 5);
}
