//! An endpoint on loopback that records its requests and gives the planned replies.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// How long [`Receiver::wait_for`] waits.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// What an endpoint does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Says nothing until [`Receiver::release`], then answers 200.
    Hang,
    /// Closes the connection without a word.
    Close,
}

impl Reply {
    /// An answer with this status and no more.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same answer with one header more.
    #[must_use]
    pub(crate) fn with_header(self, name: &str, value: &str) -> Self {
        match self {
            Self::Answer { status, mut headers, body } => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Answer { status, headers, body }
            }
            other => other,
        }
    }

    /// The same answer with this body.
    #[must_use]
    pub(crate) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        match self {
            Self::Answer { status, headers, .. } => Self::Answer { status, headers, body: body.into() },
            other => other,
        }
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// A header; the case of its name does not matter.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The names of all headers in lower case, sorted.
    pub(crate) fn header_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names
    }

    /// Whether every signature that it carries is one with this secret, which has the form that
    /// Standard Webhooks ask for.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let header = |name: &str| self.header(name).unwrap_or_default();
        let platform = format!("sha256={}", hex::encode(hmac(secret.as_bytes(), &[&self.body])));
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
        let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
        let standard = format!("v1,{}", STANDARD.encode(hmac(&key, &[signed.as_bytes(), &self.body])));
        ["x-event-signature", "x-caldera-signature", "x-platformxe-signature"].map(header) == [platform.as_str(); 3]
            && header("webhook-signature") == standard
    }

    /// Whether one of its Standard Webhooks signatures is one with one of these secrets: there are
    /// two while a secret is replaced.
    pub(crate) fn is_signed_with_any(&self, secrets: &[String]) -> bool {
        let header = |name: &str| self.header(name).unwrap_or_default();
        let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
        secrets.iter().any(|secret| {
            let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
            let expected = format!("v1,{}", STANDARD.encode(hmac(&key, &[signed.as_bytes(), &self.body])));
            header("webhook-signature").split(' ').any(|signature| signature == expected)
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("deliveries are JSON")
    }
}

/// The endpoint. It closes when this is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    count: watch::Sender<usize>,
    is_released: watch::Sender<bool>,
}

struct State {
    received: Vec<Received>,
    next: VecDeque<Reply>,
    otherwise: Reply,
}

impl Receiver {
    /// An endpoint that answers 200.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = State { received: Vec::new(), next: VecDeque::new(), otherwise: Reply::status(200) };
        let (count, is_released) = (watch::Sender::new(0), watch::Sender::new(false));
        let shared = Arc::new(Shared { state: Mutex::new(state), count, is_released });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, task }
    }

    /// The URL of a path at this endpoint.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Does this with the next request that has no reply planned yet.
    pub(crate) fn then(&self, reply: Reply) -> &Self {
        self.shared.state().next.push_back(reply);
        self
    }

    /// Does this with every request for which nothing else is planned.
    pub(crate) fn always(&self, reply: Reply) -> &Self {
        self.shared.state().otherwise = reply;
        self
    }

    /// Answers what hangs, and lets nothing hang any more.
    pub(crate) fn release(&self) {
        self.shared.is_released.send_replace(true);
    }

    /// What has arrived so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// The event ids of the requests so far, in order of arrival.
    pub(crate) fn event_ids(&self) -> Vec<String> {
        let requests = self.requests();
        requests.iter().filter_map(|request| request.header("x-event-id").map(str::to_owned)).collect()
    }

    /// Waits until so many requests have arrived, and gives them.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut counted = self.shared.count.subscribe();
        let arrived = tokio::time::timeout(WAIT_MAX, counted.wait_for(|&arrived| arrived >= count)).await;
        assert!(arrived.is_ok(), "{} of {count} requests arrived", self.requests().len());
        self.requests()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.release();
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        // A test that breaks a connection checks the effect itself.
        tokio::spawn(async move { drop(serve(stream, &shared).await) });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(received) = read(&mut stream).await? {
        let reply = {
            let mut state = shared.state();
            state.received.push(received);
            let planned = state.next.pop_front();
            planned.unwrap_or_else(|| state.otherwise.clone())
        };
        shared.count.send_modify(|count| *count += 1);
        match reply {
            Reply::Answer { status, headers, body } => write(&mut stream, status, &headers, &body).await?,
            Reply::Hang => {
                let mut is_released = shared.is_released.subscribe();
                drop(is_released.wait_for(|&released| released).await);
                write(&mut stream, 200, &[], &[]).await?;
            }
            Reply::Close => return Ok(()),
        }
    }
    Ok(())
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers: Vec<(String, String)> = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { method, path, headers, body }))
}

async fn write(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> std::io::Result<()> {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let head = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n{lines}\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}
