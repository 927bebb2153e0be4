//! Tests of the listener against real connections on loopback.

use std::time::Instant;

use axum::{Router, routing::get};
use tokio::task::JoinHandle;

use super::*;

/// Longest wait of a test: far longer than it takes, so that a loaded machine does not fail it.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);
const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(bounds: Bounds) -> Self {
        let long = || async { "x".repeat(32 << 20) };
        let app = Router::new().route("/", get(|| async { "hello" })).route("/long", get(long));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, app, bounds, stop.clone().cancelled_owned()));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("it stops").expect("without a panic");
    }
}

/// So many connections, and no bound on those of one address that could be met first.
fn bounds(connections: usize) -> Bounds {
    Bounds::new(connections, connections + 1)
}

fn short() -> Bounds {
    Bounds { silence: SHORT, ..bounds(100) }
}

/// Sends a text, and reads to the end of the connection.
async fn exchange(mut stream: TcpStream, text: &str) -> String {
    // The other end may have closed already.
    let _ = stream.write_all(text.as_bytes()).await;
    rest(stream).await
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset ends a connection as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn connection_silence_s_max() {
    let server = Server::start(short()).await;
    let began = Instant::now();
    assert_eq!(exchange(server.connect().await, "").await, "", "nothing was sent");
    exchange(server.connect().await, "GET / HTTP/1.1\r\nhost: a\r\nx-").await;
    let idle = exchange(server.connect().await, GET).await;
    assert!(idle.ends_with("hello"), "{idle}");
    assert!(began.elapsed() >= SHORT * 3, "each of them waited");

    // A byte now and then does not help.
    let mut dripping = server.connect().await;
    let began = Instant::now();
    while timeout(SHORT / 10, dripping.read(&mut [0; 64])).await.is_err() {
        let _ = dripping.write_all(b"x").await;
        assert!(began.elapsed() < PATIENCE, "dripping keeps a connection");
    }
    server.stop().await;
}

#[tokio::test]
async fn first_head_s_max() {
    let server = Server::start(Bounds { first_head: SHORT, ..bounds(100) }).await;
    let began = Instant::now();
    assert_eq!(exchange(server.connect().await, "").await, "", "nothing was sent");
    let mut dripping = server.connect().await;
    while timeout(SHORT / 10, dripping.read(&mut [0; 64])).await.is_err() {
        let _ = dripping.write_all(b"x").await;
        assert!(began.elapsed() < PATIENCE, "dripping keeps a connection");
    }
    assert!(began.elapsed() >= SHORT * 2, "both had their time");

    // Only the first head has so little time.
    let mut idle = server.connect().await;
    for _ in 0..2 {
        idle.write_all(GET.as_bytes()).await.expect("it reads");
        assert!(idle.read(&mut [0; 1_024]).await.expect("it answers") > 0);
        tokio::time::sleep(SHORT * 2).await;
    }
    drop(idle);
    server.stop().await;
}

#[tokio::test]
async fn one_address_has_its_share_of_the_connections() {
    let server = Server::start(Bounds::new(100, 2)).await;
    let (first, _second) = (server.connect().await, server.connect().await);
    let refused = exchange(server.connect().await, GET).await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("\"code\":\"RATE_LIMITED\"") && refused.contains("2 connections"), "{refused}");
    drop(first);
    let began = Instant::now();
    while !exchange(server.connect().await, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .contains("hello")
    {
        assert!(began.elapsed() < PATIENCE, "a place that was given back is not taken");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_not_read_does_not_keep_its_connection() {
    let server = Server::start(Bounds { connections: 1, ..short() }).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it reads");
    let began = Instant::now();
    // The only place is free again once the answer was given up.
    while !exchange(server.connect().await, GET).await.contains("hello") {
        assert!(began.elapsed() < PATIENCE, "the answer waits for ever");
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_max_default() {
    let server = Server::start(bounds(2)).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(GET.as_bytes()).await.expect("it reads");
        assert!(stream.read(&mut [0; 1_024]).await.expect("it answers") > 0);
    }
    let refused = exchange(server.connect().await, GET).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\"code\":\"unavailable\"") && refused.contains("2 connections"), "{refused}");

    drop(first);
    let began = Instant::now();
    while !exchange(server.connect().await, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await
        .contains("hello")
    {
        assert!(began.elapsed() < PATIENCE, "a place that was given back is not taken");
    }
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn more_than_can_be_told_are_closed() {
    let server = Server::start(bounds(0)).await;
    let mut waiting = Vec::new();
    for _ in 0..TURNED_AWAY_MAX * 2 {
        waiting.push(server.connect().await);
    }
    let began = Instant::now();
    for stream in waiting {
        assert!(!rest(stream).await.contains("hello"));
    }
    assert!(began.elapsed() < PATIENCE);
    server.stop().await;
}

#[tokio::test]
async fn request_head_bytes_max() {
    let server = Server::start(bounds(100)).await;
    let head = |bytes: usize| {
        let frame = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n", "v".repeat(bytes - frame))
    };
    let fits = exchange(server.connect().await, &head(REQUEST_HEAD_BYTES_MAX - 1)).await;
    assert!(fits.ends_with("hello"), "{fits}");
    for bytes in [REQUEST_HEAD_BYTES_MAX + 1, REQUEST_HEAD_BYTES_MAX * 20] {
        let refused = exchange(server.connect().await, &head(bytes)).await;
        assert!(refused.is_empty() || is_refused(&refused, 431, "request_head_too_large"), "{refused}");
    }
    // As many as there is room for: common servers refuse more than a hundred.
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    let refused = exchange(server.connect().await, &many).await;
    assert!(is_refused(&refused, 431, "request_head_too_large"), "{refused}");
    server.stop().await;
}

/// Whether an answer is the whole envelope of this code, and the last one on its connection.
fn is_refused(answer: &str, status: u16, code: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = format!("\r\ncontent-length: {}", body.len());
    let envelope: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    head.starts_with(&format!("HTTP/1.1 {status} "))
        && ["\r\ncontent-type: application/json\r\n", "\r\nconnection: close\r\n", &length]
            .iter()
            .all(|header| format!("{head}\r\n").contains(header))
        && envelope["success"] == false
        && envelope["error"]["code"] == code
}

#[tokio::test]
async fn what_is_no_http_is_answered_in_the_envelope() {
    let server = Server::start(bounds(100)).await;
    for head in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nbroken header\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n",
    ] {
        let refused = exchange(server.connect().await, head).await;
        assert!(is_refused(&refused, 400, "BAD_REQUEST"), "{head:?}: {refused}");
    }
    // Behind a request that is answered, too.
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.expect("it reads");
    let mut first = [0; 1_024];
    assert!(stream.read(&mut first).await.expect("it answers") > 0);
    let refused = exchange(stream, "nonsense\r\n\r\n").await;
    assert!(is_refused(&refused, 400, "BAD_REQUEST"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_closes_what_is_idle() {
    let server = Server::start(bounds(100)).await;
    let (silent, mut idle, mut busy) = (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(GET.as_bytes()).await.expect("it reads");
    assert!(idle.read(&mut [0; 1_024]).await.expect("it answers") > 0);
    busy.write_all(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("it reads");
    let mut beginning = [0; 15];
    busy.read_exact(&mut beginning).await.expect("the answer begins");
    let stopping = tokio::spawn(server.stop());
    assert!(rest(busy).await.len() > 32 << 20, "the answer is whole");
    assert_eq!(rest(silent).await + &rest(idle).await, "");
    stopping.await.expect("it stops");
}
