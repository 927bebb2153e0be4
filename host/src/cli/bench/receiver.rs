//! The endpoint that events are delivered to: notes which one came when, and acknowledges.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{arrivals::Inbox, message::number_in};
use crate::error::{Error, Result};

/// A running receiver; it ends when it is dropped.
pub(super) struct Receiver {
    /// Where it listens.
    pub(super) url: String,
    /// Where it notes what comes.
    pub(super) inbox: Inbox,
    task: JoinHandle<()>,
}

/// Starts it on a free port of loopback.
pub(super) async fn start() -> Result<Receiver> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(Error::internal)?;
    let url = format!("http://{}/", listener.local_addr().map_err(Error::internal)?);
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

async fn receive(request: Request<Incoming>, inbox: &Inbox) -> std::result::Result<Response<Empty<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await
        && let Some(number) = number_in(&body.to_bytes())
    {
        inbox.note(number);
    }
    Ok(Response::new(Empty::new()))
}
