//! The listener: accepts connections of callers, bounds their number, in all and of one address, and their
//! silence, and ends them at a stop.

mod places;
mod refusal;
mod stream;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, util::ServiceExt};

use crate::{
    domain::limits::{CONNECTION_SILENCE_S_MAX, FIRST_HEAD_S_MAX, REQUEST_HEAD_BYTES_MAX},
    error::Error,
    fail,
};
use places::{Full, Place, Places};
use stream::Stream;

/// How long accepting pauses when the system has no file left for a connection.
const NO_FILES_PAUSE: Duration = Duration::from_millis(200);
/// Bytes that a connection reads at once beyond the longest head, which has to fit whole: what waits there of a
/// body is part of no budget, so it is little.
const READ_BEYOND_HEAD: usize = 8 << 10;
/// Most connections at once that get an answer saying that there are too many; more are closed
/// without one.
const TURNED_AWAY_MAX: usize = 64;
/// How long such an answer may take.
const TURNING_AWAY_MAX: Duration = Duration::from_secs(1);

/// What the listener grants callers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most connections at once.
    pub(super) connections: usize,
    /// Most of them of one address.
    pub(super) per_address: usize,
    /// Longest time for the head of the first request.
    pub(super) first_head: Duration,
    /// Longest time for sending a request's head, idle time included, and for reading an answer.
    pub(super) silence: Duration,
    /// Most bytes of a request's head.
    pub(super) head_bytes: usize,
}

impl Bounds {
    pub(super) fn new(connections: usize, per_address: usize) -> Self {
        let silence = Duration::from_secs(CONNECTION_SILENCE_S_MAX);
        let first_head = Duration::from_secs(FIRST_HEAD_S_MAX);
        Self { connections, per_address, first_head, silence, head_bytes: REQUEST_HEAD_BYTES_MAX }
    }
}

/// Serves until `stop` is ready, and then until the requests under way are answered.
pub(super) async fn serve<S>(listener: TcpListener, service: S, bounds: Bounds, stop: impl Future<Output = ()>)
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let places = Places::new(bounds.connections, bounds.per_address);
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        match places.take(peer.ip()) {
            Ok(place) => {
                connections.spawn(connection(stream, peer, service.clone(), bounds, stopping.clone(), place));
            }
            Err(full) => {
                if let Ok(place) = turned_away.clone().try_acquire_owned() {
                    tokio::spawn(turn_away(stream, no_place(full, bounds), place));
                }
            }
        }
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The caller closed the connection before it was accepted.
            Err(cause) if matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {}
            Err(cause) => {
                tracing::error!(%cause, "no connection can be accepted");
                tokio::time::sleep(NO_FILES_PAUSE).await;
            }
        }
    }
}

async fn connection<S>(
    stream: TcpStream,
    peer: SocketAddr,
    service: S,
    bounds: Bounds,
    stopping: CancellationToken,
    _place: Place,
) where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    // An answer is written whole, so waiting for more of it (Nagle's algorithm) only delays it.
    let _ = stream.set_nodelay(true);
    let heard = CancellationToken::new();
    let hearing = heard.clone();
    let service = service.map_request(move |mut request: hyper::Request<Incoming>| {
        hearing.cancel();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.silence)
            .max_header_size(bounds.head_bytes)
            .max_buf_size(bounds.head_bytes + READ_BEYOND_HEAD)
            .serve_connection(TokioIo::new(Stream::new(stream, bounds.silence)), TowerToHyperService::new(service))
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silent(heard, bounds.first_head) => return,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "a connection ended");
    }
}

/// Is ready when a connection has not sent its first head in time, and never if it has.
async fn silent(heard: CancellationToken, time: Duration) {
    if timeout(time, heard.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// The answer to a connection for which there is no place.
fn no_place(full: Full, Bounds { connections, per_address, .. }: Bounds) -> Error {
    let error = match full {
        Full::Host => fail!(Unavailable, "the host has {connections} connections, as many as it may"),
        Full::Address => fail!(RateLimited, "this address has {per_address} connections, as many as it may"),
    };
    error.retry_after(1)
}

/// Answers a connection beyond a bound, if the caller sends a request at all.
async fn turn_away(mut stream: TcpStream, error: Error, _place: OwnedSemaphorePermit) {
    let answer = refusal::answer(&error);
    let telling = async {
        // Read first: many clients treat an answer that comes before their request as an error, and
        // closing a socket with unread bytes resets it, which discards the answer.
        let mut heard = [0; 4_096];
        if stream.read(&mut heard).await? == 0 {
            return Ok(());
        }
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        while stream.read(&mut heard).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(TURNING_AWAY_MAX, telling).await;
}
