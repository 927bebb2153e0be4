//! The bare server: the least that a JSON API in Rust can do for the same request.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use axum::{Json, Router, routing::post};
use hyper::{StatusCode, header::USER_AGENT};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    bench::{Bench, closed},
    client::Endpoint,
    figures::Throughput,
    process::Process,
};

/// The path that it answers at.
const PATH: &str = "/";

/// Requests a second that it answers.
pub(crate) async fn measure(bench: &Bench) -> Result<Throughput> {
    let server = Process::start_bare_server(bench.folder()).await?;
    let endpoint = Endpoint::new(server.address, PATH, (USER_AGENT, "weir-bench"))?;
    closed(&endpoint, &server, StatusCode::OK, bench.seconds).await
}

/// Serves until the process is killed.
pub(crate) async fn run(ready_file: &Path) -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let ready = json!({ "url": format!("http://{}", listener.local_addr()?) });
    fs::write(ready_file, ready.to_string()).with_context(|| format!("cannot write {}", ready_file.display()))?;
    axum::serve(listener, Router::new().route(PATH, post(answer))).await?;
    Ok(())
}

/// Reads the whole body as JSON, as every API does, and answers as much as the host does.
async fn answer(Json(body): Json<Value>) -> Json<Value> {
    Json(json!({ "success": true, "data": { "name": body["name"], "sequence": body["payload"]["sequence"] } }))
}
