//! The HTTP API: the only place that knows axum.
//!
//! [`router`] is the table of contents. A handler takes the caller and the request, calls one
//! service, and answers a view of the result. Each area has its handlers in `mod.rs`, its requests
//! in `body.rs` and its answers in `view.rs`; small ones are one file.

use std::{future::Future, sync::Arc};

use axum::extract::Request;
use tokio::net::TcpListener;
use tower::{Layer, util::MapRequestLayer};

mod bodies;
mod caller;
mod delivery;
mod emit;
mod envelope;
mod extract;
mod federation;
mod fields;
mod health;
mod host_header;
mod idempotency;
mod listener;
mod marketplace;
mod organization;
mod rate_limit;
mod reads;
mod registry;
mod router;
mod state;
mod subscription;

pub use bodies::Bodies;
pub use rate_limit::RateLimits;
pub use state::ApiState;

/// Serves until `stop` is ready, and then until the requests under way are answered.
pub async fn serve(listener: TcpListener, state: Arc<ApiState>, stop: impl Future<Output = ()> + Send + 'static) {
    let bounds = listener::Bounds::new(state.connections_max, state.connections_per_address_max);
    let app = MapRequestLayer::new(collapse_slashes).layer(router::router(state));
    listener::serve(listener, app, bounds, stop).await;
}

/// Makes one slash of several in a path: some clients join a base URL that ends in a slash with a
/// path that begins with one.
fn collapse_slashes(mut request: Request) -> Request {
    let path_and_query = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let (path, query) =
        path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
    if !path.contains("//") {
        return request;
    }
    let mut collapsed = String::with_capacity(path_and_query.len());
    for character in path.chars() {
        if character != '/' || !collapsed.ends_with('/') {
            collapsed.push(character);
        }
    }
    if let Some(query) = query {
        collapsed.push('?');
        collapsed.push_str(query);
    }
    // The path was legal before, and only slashes were taken away.
    if let Ok(uri) = collapsed.parse() {
        *request.uri_mut() = uri;
    }
    request
}
