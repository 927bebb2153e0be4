//! The client that makes the load: one connection, one request at a time, nothing in between. The
//! same for the yardstick and the host, so that its own cost is in both.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::error::{Error, Result};

/// Where requests go, and what all of them carry.
#[derive(Clone)]
pub(super) struct Endpoint {
    address: SocketAddr,
    uri: Uri,
    headers: HeaderMap,
}

impl Endpoint {
    /// A path of a server, with a header that says who calls.
    pub(super) fn new(address: SocketAddr, path: &'static str, caller: (HeaderName, &str)) -> Result<Self> {
        let text = |text: &str| HeaderValue::from_str(text).map_err(Error::internal);
        let headers = HeaderMap::from_iter([
            (HOST, text(&address.to_string())?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (caller.0, text(caller.1)?),
        ]);
        Ok(Self { address, uri: Uri::from_static(path), headers })
    }
}

impl Endpoint {
    /// The same for another caller.
    pub(super) fn with(&self, caller: (HeaderName, &str)) -> Result<Self> {
        let mut other = self.clone();
        other.headers.insert(caller.0, HeaderValue::from_str(caller.1).map_err(Error::internal)?);
        Ok(other)
    }

    /// The same at another address.
    pub(super) fn at(&self, address: SocketAddr) -> Result<Self> {
        let mut moved = Self { address, ..self.clone() };
        moved.headers.insert(HOST, HeaderValue::from_str(&address.to_string()).map_err(Error::internal)?);
        Ok(moved)
    }
}

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    endpoint: Endpoint,
}

impl Connection {
    pub(super) async fn open(endpoint: Endpoint) -> Result<Self> {
        let stream = TcpStream::connect(endpoint.address).await.map_err(Error::internal)?;
        stream.set_nodelay(true).map_err(Error::internal)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::internal)?;
        // Ends with the sender. What goes wrong in it, the sender hears.
        tokio::spawn(connection);
        Ok(Self { sender, endpoint })
    }

    /// Posts to the endpoint and reads the answer to its end.
    pub(super) async fn post(&mut self, body: Bytes) -> Result<(StatusCode, Bytes)> {
        self.send(Method::POST, self.endpoint.uri.clone(), body).await
    }

    /// Sends a request to any path of the endpoint's server.
    pub(super) async fn send(&mut self, method: Method, uri: Uri, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.endpoint.headers.clone();
        self.sender.ready().await.map_err(Error::internal)?;
        let response = self.sender.send_request(request).await.map_err(Error::internal)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(Error::internal)?;
        Ok((status, body.to_bytes()))
    }
}
