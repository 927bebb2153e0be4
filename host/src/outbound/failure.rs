//! Failures of requests: why there is no answer, in words for the owner of the target.

use std::{error::Error as StdError, io, time::Duration};

use super::resolver::{Forbidden, ResolverDown, Unresolved};
use crate::domain::limits::OUTBOUND_ANSWER_HEADERS_MAX;

/// The kind of failure of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The target is not one that the host may reach.
    Guard,
    /// The target's name does not resolve.
    Dns,
    /// The name servers for the target's name do not answer.
    Resolver,
    /// No connection could be made.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The TLS handshake failed, mostly because of the certificate.
    Tls,
    /// The connection broke, or the answer is not HTTP.
    Io,
    /// The request is malformed, which no attempt will change.
    Request,
    /// The host has no socket, no port or no memory for the request at the moment.
    Host,
}

impl FailureKind {
    /// The word in metrics and traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Dns => "dns",
            Self::Resolver => "resolver",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Io => "io",
            Self::Request => "request",
            Self::Host => "host",
        }
    }
}

/// Why a request got no answer: the kind of failure, and a sentence for the owner of the target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn timeout(after: Duration) -> Self {
        Self::new(FailureKind::Timeout, format!("no answer within {} s", after.as_secs_f32()))
    }

    /// Finds the cause in the client's chain of errors. Its own texts are not repeated, because
    /// they may contain the addresses of a name.
    pub(super) fn from_client(error: &reqwest::Error, timeout: Duration) -> Self {
        if let Some(Forbidden(kind)) = cause(error) {
            return Self::new(FailureKind::Guard, format!("the target's name leads to {kind}"));
        }
        if cause::<Unresolved>(error).is_some() {
            return Self::new(FailureKind::Dns, "the target's name does not resolve");
        }
        if cause::<ResolverDown>(error).is_some() {
            return Self::new(FailureKind::Resolver, "the servers that would know the target's name do not answer");
        }
        if cause::<io::Error>(error).is_some_and(is_own) {
            return Self::new(FailureKind::Host, "the host has no socket to send with at the moment");
        }
        if let Some(tls) = cause::<rustls::Error>(error) {
            return Self::new(FailureKind::Tls, format!("the TLS handshake failed: {tls}"));
        }
        if error.is_timeout() {
            return Self::timeout(timeout);
        }
        if error.is_connect() {
            return Self::new(FailureKind::Connect, connect_message(error));
        }
        if cause::<hyper::Error>(error).is_some_and(hyper::Error::is_parse_too_large) {
            let message = format!("the answer has more than {OUTBOUND_ANSWER_HEADERS_MAX} headers, or too long ones");
            return Self::new(FailureKind::Io, message);
        }
        if error.is_builder() {
            return Self::new(FailureKind::Request, "the request cannot be sent");
        }
        Self::new(FailureKind::Io, "the connection broke before there was an answer in HTTP")
    }
}

/// Codes of Linux, macOS and the BSDs alike: too many open files, here or in the whole system.
const TOO_MANY_FILES: [i32; 2] = [24, 23];

/// Whether the error is the host's own (no sockets, no memory) and not the target's.
fn is_own(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code))
        || matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory | io::ErrorKind::NetworkDown
        )
}

fn connect_message(error: &reqwest::Error) -> &'static str {
    match cause::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "the target refused the connection",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "the target cannot be reached",
        _ => "no connection to the target could be made",
    }
}

/// The first error of the type in the chain.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An `io::Error` hides the error that it wraps: its `source` is the source of that one.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as _).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_lacks_is_told_from_what_the_target_refuses() {
        for code in TOO_MANY_FILES {
            assert!(is_own(&io::Error::from_raw_os_error(code)));
        }
        assert!(is_own(&io::ErrorKind::AddrNotAvailable.into()));
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::HostUnreachable, io::ErrorKind::TimedOut] {
            assert!(!is_own(&kind.into()), "{kind}");
        }
    }
}
