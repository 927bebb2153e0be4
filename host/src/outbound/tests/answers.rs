//! Endpoints that answer to do harm: too much, too slowly, or in no good HTTP.

use super::*;

/// A time-out that tests can wait for.
const SHORT: Duration = Duration::from_millis(400);
/// How long after the time-out the client may take to give a request up.
const SLACK: Duration = Duration::from_secs(5);
/// Bytes that the buffers of client and system take in beyond those that the client reads: a few megabytes.
const BUFFERED_MAX: usize = 32 << 20;

/// An endpoint that reads a request, sends `beginning`, and then sends `more` again and again,
/// with a pause between.
struct Endless {
    address: SocketAddr,
    bytes_sent: Arc<AtomicUsize>,
}

impl Endless {
    async fn start(beginning: &str, more: &str, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let bytes_sent = Arc::new(AtomicUsize::new(0));
        let (beginning, more, sent) = (beginning.to_owned(), more.to_owned(), bytes_sent.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4_096]).await;
                let mut next = beginning.as_str();
                while stream.write_all(next.as_bytes()).await.is_ok() {
                    sent.fetch_add(next.len(), Ordering::SeqCst);
                    next = &more;
                    tokio::time::sleep(pause).await;
                }
            }
        });
        Self { address, bytes_sent }
    }

    async fn asked_by(&self, client: &Outbound) -> Sent {
        client.send(&request(&format!("http://{}/", self.address))).await
    }
}

#[tokio::test]
async fn heads_without_an_end_are_given_up() {
    let long_line = format!("x: {}", "a".repeat(8_192));
    let cases = [
        ("many headers", "HTTP/1.1 200 OK\r\n".to_owned(), "x-a: b\r\n".repeat(1_000)),
        ("one long header", format!("HTTP/1.1 200 OK\r\n{long_line}"), "a".repeat(65_536)),
        ("a long reason", "HTTP/1.1 200 ".to_owned(), "a".repeat(65_536)),
        ("a long status", "HTTP/1.1 2".to_owned(), "0".repeat(65_536)),
        ("no line at all", String::new(), "\r\n".repeat(32_768)),
    ];
    for (what, beginning, more) in cases {
        let endpoint = Endless::start(&beginning, &more, Duration::ZERO).await;
        let sent = endpoint.asked_by(&client(SHORT * 5)).await;
        let (duration, bytes) = (sent.duration, endpoint.bytes_sent.load(Ordering::SeqCst));
        let (kind, message) = failure(sent);
        assert!(matches!(kind, FailureKind::Io | FailureKind::Timeout), "{what}: {kind:?} {message}");
        assert!(duration < SHORT * 5 + SLACK, "{what} took {duration:?}");
        assert!(kind == FailureKind::Timeout || bytes < BUFFERED_MAX, "{what}: {bytes} bytes were taken");
    }
}

#[tokio::test]
async fn outbound_answer_headers_max() {
    let answered = async |headers: usize| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n";
        let cookies = "set-cookie: a=b\r\n".repeat(headers - 1);
        let receiver = Receiver::answering(format!("{head}{cookies}\r\n")).await;
        patient().send(&request(&receiver.url())).await
    };
    let judged = answered(OUTBOUND_ANSWER_HEADERS_MAX).await;
    assert!(matches!(judged.outcome, SendOutcome::Response { status: 200, .. }), "{judged:?}");
    let (kind, message) = failure(answered(OUTBOUND_ANSWER_HEADERS_MAX + 1).await);
    assert_eq!((kind, message.as_str()), (FailureKind::Io, "the answer has more than 1000 headers, or too long ones"));
}

/// The ten seconds are those of the whole exchange, however the bytes come.
#[tokio::test]
async fn drops_of_an_answer_do_not_prolong_it() {
    let pause = Duration::from_millis(20);
    for (what, beginning, more) in [
        ("a head by the byte", "HTTP/1.1 200 OK\r\nx: ", "a"),
        ("hints for ever", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("continue for ever", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let sent = Endless::start(beginning, more, pause).await.asked_by(&client(SHORT)).await;
        assert!(sent.duration < SHORT + SLACK, "{what} took {:?}", sent.duration);
        assert_eq!(failure(sent).0, FailureKind::Timeout, "{what}");
    }
    for (what, beginning, more) in [
        ("a body by the byte", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", "a"),
        ("a body without a length", "HTTP/1.1 200 OK\r\n\r\n", "a"),
        ("chunks of one byte", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n"),
        ("a chunk with an extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=", "a"),
        ("trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"),
    ] {
        let sent = Endless::start(beginning, more, pause).await.asked_by(&client(SHORT)).await;
        assert!(sent.duration < SHORT + SLACK, "{what} took {:?}", sent.duration);
        assert!(matches!(sent.outcome, SendOutcome::Response { status: 200, .. }), "{what}: {sent:?}");
    }
}

#[tokio::test]
async fn a_body_without_an_end_is_cut() {
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(65_536));
    for (beginning, more) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "a".repeat(65_536)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n", "a".repeat(65_536)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk),
    ] {
        let endpoint = Endless::start(beginning, &more, Duration::ZERO).await;
        let sent = endpoint.asked_by(&patient()).await;
        assert!(sent.duration < SLACK, "{beginning:?} took {:?}", sent.duration);
        let bytes = endpoint.bytes_sent.load(Ordering::SeqCst);
        assert!(bytes < BUFFERED_MAX, "{beginning:?}: {bytes} bytes were taken");
        match sent.outcome {
            SendOutcome::Response { status: 200, snippet, .. } => {
                assert_eq!(snippet.map(|snippet| snippet.len()), Some(SNIPPET_BYTES_MAX));
            }
            // A length that no number holds is no answer in HTTP.
            SendOutcome::Failed { kind, .. } => assert_eq!(kind, FailureKind::Io, "{beginning:?}"),
            SendOutcome::Response { .. } => panic!("{sent:?}"),
        }
    }
}

/// The client unpacks no compressed answer: a kilobyte of it may be a gigabyte.
#[tokio::test]
async fn compressed_answers_stay_as_they_are() {
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\n";
    let mut receiver = Receiver::answering(format!("{head}not gzip")).await;
    let sent = patient().send(&request(&receiver.url())).await;
    let expected = SendOutcome::Response { status: 200, retry_after_s: None, snippet: Some("not gzip".to_owned()) };
    assert_eq!(sent.outcome, expected);
    let asked = String::from_utf8(receiver.requests.recv().await.expect("a request")).expect("text");
    assert!(!asked.to_lowercase().contains("accept-encoding"), "{asked}");
}

#[tokio::test]
async fn a_connection_is_not_handed_over() {
    let switching = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    let receiver = Receiver::answering(switching).await;
    let sent = client(SHORT).send(&request(&receiver.url())).await;
    assert!(sent.duration < SHORT + SLACK);
    assert!(matches!(sent.outcome, SendOutcome::Response { status: 101, .. } | SendOutcome::Failed { .. }), "{sent:?}");
}

/// A second answer that was never asked for is not taken for the answer to the next request.
#[tokio::test]
async fn an_answer_too_many_is_dropped_with_its_connection() {
    let twice = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
    let receiver = Receiver::answering(twice).await;
    let client = patient();
    for _ in 0..5 {
        let sent = client.send(&request(&receiver.url())).await;
        assert_eq!(sent.outcome, SendOutcome::Response { status: 200, retry_after_s: None, snippet: None });
    }
    assert_eq!(receiver.connections(), 5);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for nonsense in [
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \0\r\n\r\n",
        "\x16\x03\x01\x02\0",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let receiver = Receiver::answering(nonsense).await;
        let (kind, message) = failure(client(SHORT).send(&request(&receiver.url())).await);
        assert!(matches!(kind, FailureKind::Io | FailureKind::Timeout), "{nonsense:?}: {kind:?}");
        assert!(!message.contains("127.0.0.1"), "{message}");
    }
}
