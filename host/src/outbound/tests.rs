//! Tests of the client against real listeners on the loopback interface.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::domain::limits::{OUTBOUND_ANSWER_BYTES_MAX, OUTBOUND_ANSWER_HEADERS_MAX, SNIPPET_BYTES_MAX};

mod answers;
mod corpus;
mod fuzz;
mod reach;

/// A server that answers every request on every connection with the same bytes.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Receiver {
    async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer), sender.clone()));
            }
        });
        Self { address, connections, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<[u8]>, requests: tokio::sync::mpsc::UnboundedSender<Vec<u8>>) {
    let mut received = Vec::new();
    while stream.read_buf(&mut received).await.is_ok_and(|count| count > 0) {
        // Every test's body ends like this; no other part of a request does.
        if received.ends_with(b"}") {
            let _ = requests.send(std::mem::take(&mut received));
            if answer.is_empty() || stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn client(timeout: Duration) -> Outbound {
    Outbound::new(Policy { allow_private: true, allowed: Vec::new() }, timeout, system_lookup()).expect("a client")
}

fn patient() -> Outbound {
    client(Duration::from_secs(10))
}

fn request(url: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![("X-Event-Id".to_owned(), "evt_1".to_owned())],
        body: br#"{"a":1}"#.to_vec().into(),
    }
}

fn failure(sent: Sent) -> (FailureKind, String) {
    match sent.outcome {
        SendOutcome::Failed { kind, message } => (kind, message),
        SendOutcome::Response { status, .. } => panic!("answered with {status}"),
    }
}

#[tokio::test]
async fn the_request_arrives_as_described() {
    let mut receiver =
        Receiver::answering("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nretry-after: 7\r\n\r\nok").await;
    let sent = patient().send(&request(&receiver.url())).await;
    let expected = SendOutcome::Response { status: 202, retry_after_s: Some(7), snippet: Some("ok".to_owned()) };
    assert_eq!(sent.outcome, expected);
    let arrived = String::from_utf8(receiver.requests.recv().await.expect("a request")).expect("text");
    let (head, body) = arrived.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, r#"{"a":1}"#);
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
    for header in ["x-event-id: evt_1", "content-length: 7", &format!("host: {}", receiver.address)] {
        assert!(head.contains(&format!("\r\n{header}")), "{header} in {head}");
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let client = patient();
    for _ in 0..20 {
        client.send(&request(&receiver.url())).await;
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn redirects_are_answers() {
    let elsewhere = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let receiver = Receiver::answering(answer).await;
    let sent = patient().send(&request(&receiver.url())).await;
    assert_eq!(sent.outcome, SendOutcome::Response { status: 307, retry_after_s: None, snippet: None });
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn outbound_answer_bytes_max() {
    let head = "HTTP/1.1 500 No\r\ncontent-length: 100000000\r\n\r\n";
    let receiver = Receiver::answering(format!("{head}{}", "x".repeat(OUTBOUND_ANSWER_BYTES_MAX * 4))).await;
    let sent = patient().send(&request(&receiver.url())).await;
    let SendOutcome::Response { status: 500, snippet: Some(snippet), .. } = sent.outcome else {
        panic!("{sent:?}");
    };
    assert_eq!(snippet, "x".repeat(SNIPPET_BYTES_MAX));
    assert!(sent.duration < Duration::from_secs(5), "did not wait for the rest");
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let receiver = Receiver::answering("HTTP/1.1 200").await;
    let (kind, message) = failure(client(Duration::from_millis(100)).send(&request(&receiver.url())).await);
    assert_eq!((kind, message.as_str()), (FailureKind::Timeout, "no answer within 0.1 s"));
}

#[tokio::test]
async fn a_slow_body_does_not_undo_the_status() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow").await;
    let sent = client(Duration::from_millis(200)).send(&request(&receiver.url())).await;
    let expected = SendOutcome::Response { status: 200, retry_after_s: None, snippet: Some("slow".to_owned()) };
    assert_eq!(sent.outcome, expected);
}

#[tokio::test]
async fn failures_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let silent = Receiver::answering("").await;
    let nonsense = Receiver::answering("220 mail.example ESMTP\r\n\r\n").await;
    for (url, expected) in [
        (format!("http://{closed}/"), FailureKind::Connect),
        (silent.url(), FailureKind::Io),
        (nonsense.url(), FailureKind::Io),
        ("https://name.invalid/".to_owned(), FailureKind::Dns),
        ("http://169.254.169.254/".to_owned(), FailureKind::Guard),
    ] {
        let (kind, message) = failure(patient().send(&request(&url)).await);
        assert_eq!(kind, expected, "{url}: {message}");
        assert!(!message.contains("127.0.0.1") && !message.contains("169.254"), "{message}");
    }
    let bad = Request { method: "TRACE".to_owned(), ..request("https://example.com/") };
    assert_eq!(failure(patient().send(&bad).await).0, FailureKind::Request);
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_buf(&mut Vec::new()).await;
    });
    assert_eq!(failure(patient().send(&request(&url)).await).0, FailureKind::Tls);
}

/// The policy permits some private network, so the name alone is not refused.
#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let allowed = vec!["10.99.0.0/16".parse().expect("a network")];
    let policy = Policy { allow_private: false, allowed };
    let strict = Outbound::new(policy, Duration::from_secs(10), system_lookup()).expect("a client");
    let url = format!("https://localhost:{}/", receiver.address.port());
    let (kind, message) = failure(strict.send(&request(&url)).await);
    assert_eq!((kind, message.as_str()), (FailureKind::Guard, "the target's name leads to a loopback address"));
    assert_eq!(receiver.connections(), 0);
}

/// A lookup that no name server answers is the host's own fault, and not the target's.
#[tokio::test]
async fn a_silent_name_server_is_told_from_a_silent_target() {
    let silent: Lookup = Arc::new(|_name| Box::pin(std::future::pending()));
    let policy = Policy { allow_private: true, allowed: Vec::new() };
    let client = Outbound::new(policy, Duration::from_millis(500), silent).expect("a client");
    let (kind, message) = failure(client.send(&request("https://example.com/")).await);
    assert_eq!(kind, FailureKind::Resolver, "{message}");
}
