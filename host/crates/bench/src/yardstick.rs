//! The yardstick: the least that a JSON API in Rust can do for the same request.

use std::net::SocketAddr;

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::{stop_signal, write_private};
use crate::{
    config::YardstickArgs,
    error::{Error, Result},
};

/// Where it answers.
pub(super) const PATH: &str = "/";

/// Serves until told to stop.
pub(in crate::cli) async fn run(args: YardstickArgs) -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(Error::internal)?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let app = Router::new().route(PATH, post(answer));
    write_private(&args.ready_file, &json!({ "url": format!("http://{address}") }))?;
    tokio::select! {
        served = axum::serve(listener, app) => served.map_err(Error::internal),
        stopped = stop_signal() => stopped,
    }
}

/// Reads the whole body as JSON, as every API does, and answers as much as the host does.
async fn answer(Json(body): Json<Value>) -> Json<Value> {
    Json(json!({ "success": true, "data": { "name": body["name"], "sequence": body["payload"]["sequence"] } }))
}
