//! The outbound guard of the binary, in an environment that names proxies.

use std::sync::Arc;

use serde_json::json;

use super::host::{Process, serve};
use crate::support::{Receiver, database::TestDatabase};

/// Proxies that the environment names are for clients, and would carry requests past the guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_of_the_environment_are_not_used() {
    let (database, receiver) = (Arc::new(TestDatabase::create().await), Receiver::start().await);
    let proxy = Receiver::start().await;
    let mut command = serve(&database);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    command.env("NO_PROXY", "");
    let host = Process::start(command);
    let key = host.organization_key().await;
    host.client(&key).subscribe("platformxe.generic", &receiver.url("/")).await;
    host.client(&key).emit_generic(json!({ "kind": "k" })).await;
    receiver.wait_for(1).await;
    assert!(host.terminate().await.success());
    assert_eq!(proxy.requests().len(), 0);
}
