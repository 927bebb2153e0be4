//! Endpoints whose names do not resolve: an attempt is used up only if the name is at fault, and not the
//! name servers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::support::{Client, Receiver, TestApp};

/// The system's error when no name server answers, and its error when the name does not exist.
const NO_SERVER: &str = "failed to lookup address information: Temporary failure in name resolution";
const NO_NAME: &str = "failed to lookup address information: Name or service not known";

/// The name servers as the host finds them.
#[derive(Clone, Default)]
struct NameServers(Arc<AtomicU8>);

impl NameServers {
    const DOWN: u8 = 0;
    const WITHOUT_THE_NAME: u8 = 1;
    const UP: u8 = 2;

    fn are(&self, state: u8) {
        self.0.store(state, Ordering::SeqCst);
    }

    fn answer(&self) -> io::Result<Vec<IpAddr>> {
        match self.0.load(Ordering::SeqCst) {
            Self::DOWN => Err(io::Error::other(NO_SERVER)),
            Self::WITHOUT_THE_NAME => Err(io::Error::other(NO_NAME)),
            _ => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
        }
    }
}

/// A host that asks these servers, and a subscription with a single attempt to a name.
async fn scene(servers: &NameServers, receiver: &Receiver) -> (TestApp, Client) {
    let servers = servers.clone();
    let app = TestApp::with(move |settings| {
        let servers = servers.clone();
        settings.lookup = Arc::new(move |_name| {
            let answer = servers.answer();
            Box::pin(async move { answer })
        });
    })
    .await;
    let acme = app.organization("ENTERPRISE").await;
    let url = receiver.url("/").replace("127.0.0.1", "receiver.example.com");
    let subscription = json!({ "name": "platformxe.generic", "webhookUrl": url, "retrySchedule": [] });
    acme.post("/api/v1/events/custom/subscribe", subscription).await.created();
    (app, acme)
}

#[tokio::test]
async fn name_servers_that_are_down_use_up_no_attempt() {
    let (servers, receiver) = (NameServers::default(), Receiver::start().await);
    let (app, acme) = scene(&servers, &receiver).await;
    servers.are(NameServers::DOWN);
    acme.emit_generic(json!({ "kind": "k" })).await;
    for _ in 0..20 {
        app.settle().await;
        let delivery = acme.only_delivery().await;
        assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("PENDING"), &json!([])));
        assert!(delivery["errorMessage"].as_str().is_some_and(|why| why.contains("do not answer")), "{delivery}");
        app.clock.advance(Duration::from_mins(6));
    }
    servers.are(NameServers::UP);
    app.settle().await;
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["number"]), (&json!("SUCCESS"), &json!(1)));
    assert_eq!((delivery["attempts"].as_array().map(Vec::len), receiver.requests().len()), (Some(1), 1));
    app.stop().await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_endpoints_own_fault() {
    let (servers, receiver) = (NameServers::default(), Receiver::start().await);
    let (app, acme) = scene(&servers, &receiver).await;
    servers.are(NameServers::WITHOUT_THE_NAME);
    acme.emit_generic(json!({ "kind": "k" })).await;
    app.settle().await;
    let delivery = acme.only_delivery().await;
    assert_eq!((&delivery["status"], delivery["attempts"].as_array().map(Vec::len)), (&json!("FAILED"), Some(1)));
    assert_eq!(delivery["attempts"][0]["errorMessage"], "the target's name does not resolve");
    assert_eq!(receiver.requests().len(), 0);
    app.stop().await;
}
