//! The client that makes the load: one connection, one request at a time, nothing in between. The
//! same for the bare server and the host, so that its own cost is in both.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A path of a server, and the headers that all requests to it carry.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    uri: Uri,
    headers: HeaderMap,
}

impl Endpoint {
    /// A path of a server, with a header that says who calls.
    pub(crate) fn new(address: SocketAddr, path: &'static str, caller: (HeaderName, &str)) -> Result<Self> {
        let headers = HeaderMap::from_iter([
            (HOST, HeaderValue::from_str(&address.to_string())?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (caller.0, HeaderValue::from_str(caller.1)?),
        ]);
        Ok(Self { address, uri: Uri::from_static(path), headers })
    }

    /// The header that says who calls, as it is sent.
    pub(crate) fn key_header(&self) -> String {
        let is_known = |name: &HeaderName| name == HOST || name == CONTENT_TYPE;
        let caller = self.headers.iter().find(|(name, _)| !is_known(name));
        caller.map_or_else(String::new, |(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap_or_default()))
    }

    /// The same at another address.
    pub(crate) fn at(&self, address: SocketAddr) -> Result<Self> {
        let mut moved = Self { address, ..self.clone() };
        moved.headers.insert(HOST, HeaderValue::from_str(&address.to_string())?);
        Ok(moved)
    }
}

/// An open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    endpoint: Endpoint,
}

impl Connection {
    pub(crate) async fn open(endpoint: Endpoint) -> Result<Self> {
        let stream = TcpStream::connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender, which gets its errors.
        tokio::spawn(connection);
        Ok(Self { sender, endpoint })
    }

    /// Another connection to the same endpoint.
    pub(crate) async fn again(&self) -> Result<Self> {
        Self::open(self.endpoint.clone()).await
    }

    /// Posts to the endpoint and reads the answer to its end.
    pub(crate) async fn post(&mut self, body: Bytes) -> Result<(StatusCode, Bytes)> {
        self.send(Method::POST, self.endpoint.uri.clone(), body).await
    }

    /// Sends a request to any path of the endpoint's server.
    pub(crate) async fn send(&mut self, method: Method, uri: Uri, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.endpoint.headers.clone();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?;
        Ok((status, body.to_bytes()))
    }
}
