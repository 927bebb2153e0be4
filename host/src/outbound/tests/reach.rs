//! Connections that the guard lets through: a listener that counts stands on every address of this machine,
//! and a table stands in for DNS.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, Ipv6Addr},
};

use parking_lot::Mutex;

use super::*;

/// Counts connections, and closes them. Every address of this machine leads to it.
pub(super) struct Trap {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    asked: AtomicUsize,
}

impl Trap {
    pub(super) async fn set() -> Self {
        // Takes IPv4 as well. Without IPv6 there is nothing to reach by it.
        let listener = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.expect("a port"),
        };
        let port = listener.local_addr().expect("bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { port, connections, asked: AtomicUsize::new(0) }
    }

    /// The connections so far, without the one that this call makes to find out.
    pub(super) async fn connections(&self) -> usize {
        let mut own = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        // Connections are accepted in order: when this one is closed, all before it are counted.
        let _ = own.read(&mut [0; 1]).await;
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.connections.load(Ordering::SeqCst) - asked
    }
}

/// The addresses that names resolve to, one answer after the other; the last one stays.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>);

impl Names {
    pub(super) fn set(&self, name: &str, answers: &[&[&str]]) {
        let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        let answers = answers.iter().map(addresses).collect();
        self.0.lock().insert(name.to_owned(), answers);
    }

    pub(super) fn lookup(&self) -> Lookup {
        let names = self.clone();
        Arc::new(move |name| {
            let mut names = names.0.lock();
            let known = names
                .get_mut(&name)
                .and_then(|answers| if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() });
            Box::pin(async move { known.ok_or_else(|| io::Error::other("no such name")) })
        })
    }
}

pub(super) fn client_with(policy: Policy, names: &Names) -> Outbound {
    Outbound::new(policy, Duration::from_secs(10), names.lookup()).expect("a client")
}

fn allowing(networks: &[&str]) -> Policy {
    let allowed = networks.iter().map(|network| network.parse().expect("a network")).collect();
    Policy { allow_private: false, allowed }
}

/// The kind of failure of a request that fails.
pub(super) async fn failed_of(client: &Outbound, url: &str) -> FailureKind {
    failure(client.send(&request(url)).await).0
}

/// Without the guard the trap counts connections, so that its silence in the other tests means something.
#[tokio::test]
async fn without_the_guard_the_trap_counts() {
    let trap = Trap::set().await;
    let names = Names::default();
    names.set("loop.example.com", &[&["127.0.0.1"]]);
    let open = client_with(Policy { allow_private: true, allowed: Vec::new() }, &names);
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "１２７。０。０。１",
        "loop.example.com",
        "LOOP.example.com",
    ];
    for (before, host) in hosts.iter().enumerate() {
        let kind = failed_of(&open, &format!("https://{host}:{}/", trap.port)).await;
        assert!(matches!(kind, FailureKind::Tls | FailureKind::Io | FailureKind::Connect), "{host}: {kind:?}");
        assert_eq!(trap.connections().await, before + 1, "{host}");
    }
}

#[tokio::test]
async fn an_allowed_target_opens_its_own_address_and_no_other() {
    let trap = Trap::set().await;
    let names = Names::default();
    let client = client_with(allowing(&["127.0.0.2/32"]), &names);
    for (answer, is_open) in [
        (&["127.0.0.2"][..], true),
        (&["127.0.0.1"][..], false),
        (&["127.0.0.3"][..], false),
        (&["127.0.0.2", "127.0.0.1"][..], false),
        (&["::1"][..], false),
        (&["64:ff9b::7f00:2"][..], false),
        (&["2002:7f00:2::"][..], false),
    ] {
        names.set("target.example.com", &[answer]);
        let before = trap.connections().await;
        let by_name = failed_of(&client, &format!("https://target.example.com:{}/", trap.port)).await;
        assert_eq!(by_name != FailureKind::Guard, is_open, "{answer:?}: {by_name:?}");
        assert_eq!(trap.connections().await - before, usize::from(is_open), "{answer:?}");
    }
    for (host, is_open) in [
        ("127.0.0.2", true),
        ("127.2", true),
        ("[::ffff:127.0.0.2]", true),
        ("127.0.0.1", false),
        ("127.0.0.3", false),
        ("[::ffff:127.0.0.1]", false),
        ("[::127.0.0.2]", false),
        ("[::1]", false),
        ("0.0.0.0", false),
    ] {
        let before = trap.connections().await;
        let kind = failed_of(&client, &format!("https://{host}:{}/", trap.port)).await;
        assert_eq!(kind != FailureKind::Guard, is_open, "{host}: {kind:?}");
        assert_eq!(trap.connections().await - before, usize::from(is_open), "{host}");
    }
    assert_eq!(failed_of(&client, &format!("http://127.0.0.2:{}/", trap.port)).await, FailureKind::Guard, "plain http");
}

/// A name that answers with one address when it is looked at and another when it is used: the client resolves
/// it once per connection, and connects to the addresses that were judged.
#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time() {
    let trap = Trap::set().await;
    let names = Names::default();
    let client = client_with(allowing(&["127.0.0.2/32"]), &names);
    let url = format!("https://rebinding.example.com:{}/", trap.port);
    names.set("rebinding.example.com", &[&["127.0.0.2"], &["127.0.0.1"]]);
    assert_ne!(failed_of(&client, &url).await, FailureKind::Guard, "the first answer is allowed");
    assert_eq!(trap.connections().await, 1, "and connected to once, by one look-up");
    for _ in 0..3 {
        assert_eq!(failed_of(&client, &url).await, FailureKind::Guard, "the second is not");
    }
    assert_eq!(trap.connections().await, 1);
}

/// The client follows neither a proxy's answer nor a request for authentication.
#[tokio::test]
async fn no_answer_leads_elsewhere() {
    let trap = Trap::set().await;
    let elsewhere = format!("http://127.0.0.1:{}/", trap.port);
    for answer in [
        format!("301 Moved Permanently\r\nlocation: {elsewhere}"),
        format!("302 Found\r\nlocation: {elsewhere}"),
        format!("303 See Other\r\nlocation: {elsewhere}"),
        format!("307 Temporary Redirect\r\nlocation: {elsewhere}"),
        format!("308 Permanent Redirect\r\nlocation: {elsewhere}"),
        format!("300 Multiple Choices\r\nlocation: {elsewhere}"),
        format!("305 Use Proxy\r\nlocation: {elsewhere}"),
        format!("201 Created\r\nlocation: {elsewhere}\r\ncontent-location: {elsewhere}"),
        format!("200 OK\r\nrefresh: 0; url={elsewhere}\r\nlink: <{elsewhere}>; rel=preload"),
        format!("200 OK\r\nalt-svc: http/1.1=\"127.0.0.1:{}\"", trap.port),
        "401 Unauthorized\r\nwww-authenticate: Basic realm=\"a\"".to_owned(),
        "407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"a\"".to_owned(),
        format!("421 Misdirected Request\r\nlocation: {elsewhere}"),
        format!("503 Service Unavailable\r\nretry-after: 0\r\nlocation: {elsewhere}"),
    ] {
        let mut receiver = Receiver::answering(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n")).await;
        let sent = patient().send(&request(&receiver.url())).await;
        let SendOutcome::Response { status, .. } = sent.outcome else { panic!("{answer}: {sent:?}") };
        assert!(answer.starts_with(&status.to_string()), "{answer}: {status}");
        receiver.requests.recv().await.expect("it asked");
        assert!(receiver.requests.try_recv().is_err(), "{answer}: it asked again");
    }
    assert_eq!(trap.connections().await, 0, "a request went elsewhere");
}
