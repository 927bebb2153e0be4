//! The layer that checks `Host` as RFC 9112, section 3.2, asks of every server: proxies and servers that
//! read such a request differently would each take it for another one.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Version, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{error::Result, fail};

/// Refuses a request without `Host`, with several, or with one that names no host.
pub(super) async fn require_host(request: Request, next: Next) -> Response {
    match check(request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(version: Version, headers: &HeaderMap) -> Result<()> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_10 => Ok(()),
        (None, _) => Err(fail!(BadRequest, "the header Host is missing")),
        (Some(_), Some(_)) => Err(fail!(BadRequest, "there is more than one header Host")),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(fail!(BadRequest, "the header Host is no host with an optional port")),
    }
}

/// Whether a value is a host with an optional port. It may be empty: some addresses have no host.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let has_port_in_digits = |authority: &Authority| {
        let after = &text[authority.host().len()..];
        after.is_empty() || after.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok() || port.is_empty())
    };
    // Without a user name: an authority may have one, a host not.
    text.is_empty() || (!text.contains('@') && text.parse().is_ok_and(|authority| has_port_in_digits(&authority)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, hosts: &[&str]) -> bool {
        let hosts = hosts.iter().map(|host| (HOST, host.parse().expect("a value")));
        check(version, &hosts.collect()).is_ok()
    }

    #[test]
    fn a_request_has_one_host() {
        assert!(checked(Version::HTTP_11, &["example.com"]));
        assert!(!checked(Version::HTTP_11, &[]));
        assert!(checked(Version::HTTP_10, &[]));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(!checked(version, &["example.com", "example.com"]));
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        for right in ["", "a", "example.com:80", "example.com:", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a_b.local"] {
            assert!(checked(Version::HTTP_11, &[right]), "{right:?}");
        }
        let wrong = ["a b", "a@b", "a/b", "http://a", "a:b", "a:99999", "a:80:80", "[::1", "a?b", "a#b", ":-1"];
        for wrong in wrong {
            assert!(!checked(Version::HTTP_11, &[wrong]), "{wrong:?}");
        }
    }
}
