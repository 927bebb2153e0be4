//! The endpoints that events are delivered to: they note which event came when, and acknowledge it;
//! but some hang.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{arrivals::Inbox, message::number_in};

/// The path of an endpoint that hangs.
pub(crate) const HANGING: &str = "hanging";
/// The path of an endpoint that takes events without looking at them.
pub(crate) const BLIND: &str = "blind";
/// How long an endpoint hangs: longer than the host waits.
const HANG: Duration = Duration::from_secs(11);

/// A running receiver; it ends when it is dropped.
pub(crate) struct Receiver {
    /// The URL that it listens at, with a slash at its end.
    pub(crate) url: String,
    /// Notes what comes.
    pub(crate) inbox: Inbox,
    task: JoinHandle<()>,
}

/// Starts a receiver on a free port of loopback.
pub(crate) async fn start() -> Result<Receiver> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let inbox = Inbox::default();
    let task = tokio::spawn(listen(listener, inbox.clone()));
    Ok(Receiver { url, inbox, task })
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, inbox: Inbox) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, inbox.clone()));
    }
}

/// Serves a connection until the host closes it.
async fn serve(stream: TcpStream, inbox: Inbox) {
    let service = service_fn(|request: Request<Incoming>| receive(request, &inbox));
    // A connection that breaks shows as an event that does not arrive, or arrives twice.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn receive(request: Request<Incoming>, inbox: &Inbox) -> Result<Response<Empty<Bytes>>, Infallible> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let body = request.into_body().collect().await;
    if path == HANGING {
        tokio::time::sleep(HANG).await;
    } else if path != BLIND
        && let Some(number) = body.ok().and_then(|body| number_in(&body.to_bytes()))
    {
        // One of many endpoints has its own number as its path.
        inbox.note(number, path.parse().ok());
    }
    Ok(Response::new(Empty::new()))
}
