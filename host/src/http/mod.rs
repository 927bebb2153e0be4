//! The HTTP API: the only place that knows axum.
//!
//! [`router`] is the table of contents. A handler takes who calls and what was sent, asks one
//! service, and shapes the answer.

use std::{future::Future, sync::Arc};

use axum::extract::Request;
use tokio::net::TcpListener;
use tower::{Layer, util::MapRequestLayer};

use crate::{
    runtime::Usage,
    service::{Host, delivery::trial::TryOut},
};

mod admin;
mod caller;
mod deliveries;
mod emits;
mod envelope;
mod event_log;
mod events;
mod explain;
mod extract;
mod federation;
mod health;
mod idempotency;
mod listener;
mod marketplace;
mod members;
mod rate_limit;
mod replays;
mod root_keys;
mod router;
mod subscriptions;
mod terms;
mod webhooks;

pub use rate_limit::RateLimits;

/// What handlers share.
pub struct State {
    /// The use cases' parts.
    pub host: Arc<Host>,
    /// The operator's token; without one the operator's routes do not exist.
    pub admin_token: Option<String>,
    /// Connections of callers at once.
    pub connections_max: usize,
    /// Requests per hour and key.
    pub rate_limits: RateLimits,
    /// Calls of components so far, for the operator's status.
    pub usage: Box<dyn Fn() -> Usage + Send + Sync>,
    /// Tries endpoints out.
    pub endpoints: Arc<dyn TryOut>,
}

type Shared = axum::extract::State<Arc<State>>;

/// Serves until `stop` is ready, and then until the requests under way are answered.
pub async fn serve(listener: TcpListener, state: Arc<State>, stop: impl Future<Output = ()> + Send + 'static) {
    let bounds = listener::Bounds::new(state.connections_max);
    let app = MapRequestLayer::new(collapse_slashes).layer(router::router(state));
    listener::serve(listener, app, bounds, stop).await;
}

/// Some clients join a base URL that ends in a slash with a path that begins with one.
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
    // What was a legal path before is one after, as characters were only taken away.
    if let Ok(uri) = collapsed.parse() {
        *request.uri_mut() = uri;
    }
    request
}
