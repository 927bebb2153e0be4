//! Checks the request that an adapter describes, and makes it one that can be sent.

use bytes::Bytes;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::failure::{Failure, FailureKind};
use crate::domain::{
    address::{Policy, check_url},
    headers::CONNECTION_HEADERS,
    limits::{OUTBOUND_BODY_BYTES_MAX, OUTBOUND_HEADER_BYTES_MAX, OUTBOUND_HEADERS_MAX},
};

/// A request as an adapter describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `POST`, `PUT`, `PATCH`, `GET` or `DELETE`.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Names and values, in this order.
    pub headers: Vec<(String, String)>,
    /// The exact bytes to send.
    pub body: Bytes,
}

/// Checks everything that can be checked before a connection is made.
pub(super) fn prepare(request: &Request, policy: &Policy) -> Result<reqwest::Request, Failure> {
    let target = check_url(&request.url, policy).map_err(|reason| Failure::new(FailureKind::Guard, reason))?;
    let mut prepared = reqwest::Request::new(method(&request.method)?, target.url().clone());
    *prepared.headers_mut() = headers(&request.headers)?;
    if request.body.len() > OUTBOUND_BODY_BYTES_MAX {
        return Err(malformed(&format!("the body is larger than {OUTBOUND_BODY_BYTES_MAX} bytes")));
    }
    let may_be_absent = matches!(*prepared.method(), Method::GET | Method::DELETE);
    if !(request.body.is_empty() && may_be_absent) {
        *prepared.body_mut() = Some(request.body.clone().into());
    }
    Ok(prepared)
}

fn method(name: &str) -> Result<Method, Failure> {
    match name {
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "GET" => Ok(Method::GET),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(malformed("the method is not POST, PUT, PATCH, GET or DELETE")),
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Failure> {
    if pairs.len() > OUTBOUND_HEADERS_MAX {
        return Err(malformed(&format!("more than {OUTBOUND_HEADERS_MAX} headers")));
    }
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > OUTBOUND_HEADER_BYTES_MAX {
        return Err(malformed(&format!("the headers are larger than {OUTBOUND_HEADER_BYTES_MAX} bytes")));
    }
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Checks one header. A failure's message names the header, but never its value, which may be a secret.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| malformed(&format!("{:?} is no name of a header", name.chars().take(100).collect::<String>())))?;
    if CONNECTION_HEADERS.contains(&parsed.as_str()) {
        return Err(malformed(&format!("the header {parsed} is set by the host")));
    }
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| malformed(&format!("the value of the header {parsed} contains a control character")))?;
    Ok((parsed, value))
}

fn malformed(reason: &str) -> Failure {
    Failure::new(FailureKind::Request, format!("the request cannot be sent: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            method: "POST".to_owned(),
            url: "https://example.com/hook".to_owned(),
            headers: vec![("X-Event-Id".to_owned(), "1".to_owned())],
            body: b"{}".to_vec().into(),
        }
    }

    fn kind(request: &Request) -> Option<FailureKind> {
        prepare(request, &Policy::default()).err().map(|failure| failure.kind)
    }

    fn with_header(name: &str, value: &str) -> Request {
        Request { headers: vec![(name.to_owned(), value.to_owned())], ..request() }
    }

    #[test]
    fn a_request_is_taken_as_described() {
        let described = Request {
            headers: vec![("X-A".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())],
            ..request()
        };
        let prepared = prepare(&described, &Policy::default()).expect("legal");
        assert_eq!((prepared.method(), prepared.url().as_str()), (&Method::POST, "https://example.com/hook"));
        let values: Vec<_> = prepared.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(prepared.body().and_then(|body| body.as_bytes()), Some(&b"{}"[..]));
    }

    #[test]
    fn methods_are_few() {
        for name in ["POST", "PUT", "PATCH", "GET", "DELETE"] {
            assert_eq!(kind(&Request { method: name.to_owned(), ..request() }), None);
        }
        for name in ["post", "CONNECT", "TRACE", "OPTIONS", "HEAD", "", "GET / HTTP/1.1\r\n"] {
            let method = name.to_owned();
            assert_eq!(kind(&Request { method, ..request() }), Some(FailureKind::Request), "{name:?}");
        }
    }

    #[test]
    fn headers_of_the_host_are_refused() {
        for name in CONNECTION_HEADERS {
            assert_eq!(kind(&with_header(name, "1")), Some(FailureKind::Request));
            assert_eq!(kind(&with_header(&name.to_uppercase(), "1")), Some(FailureKind::Request));
        }
    }

    #[test]
    fn headers_cannot_smuggle_lines() {
        for (name, value) in [
            ("x-a", "1\r\nHost: b"),
            ("x-a", "1\n"),
            ("x-a", "\0"),
            ("x a", "1"),
            ("x:a", "1"),
            ("", "1"),
            ("x\r\n", "1"),
        ] {
            assert_eq!(kind(&with_header(name, value)), Some(FailureKind::Request), "{name:?}: {value:?}");
        }
        let secret = prepare(&with_header("authorization", "secret\n"), &Policy::default()).expect_err("refused");
        assert!(!secret.message.contains("secret"), "{}", secret.message);
    }

    #[test]
    fn outbound_headers_max() {
        let many = |count: usize| Request { headers: vec![("a".to_owned(), String::new()); count], ..request() };
        assert_eq!(kind(&many(OUTBOUND_HEADERS_MAX)), None);
        assert_eq!(kind(&many(OUTBOUND_HEADERS_MAX + 1)), Some(FailureKind::Request));
    }

    #[test]
    fn outbound_header_bytes_max() {
        let long = |bytes: usize| with_header("a", &"v".repeat(bytes - 1));
        assert_eq!(kind(&long(OUTBOUND_HEADER_BYTES_MAX)), None);
        assert_eq!(kind(&long(OUTBOUND_HEADER_BYTES_MAX + 1)), Some(FailureKind::Request));
    }

    #[test]
    fn outbound_body_bytes_max() {
        let large = |bytes: usize| Request { body: vec![0; bytes].into(), ..request() };
        assert_eq!(kind(&large(OUTBOUND_BODY_BYTES_MAX)), None);
        assert_eq!(kind(&large(OUTBOUND_BODY_BYTES_MAX + 1)), Some(FailureKind::Request));
    }

    #[test]
    fn the_guard_judges_the_url() {
        for url in ["https://127.0.0.1/", "http://example.com/", "https://localhost/", "nonsense"] {
            assert_eq!(kind(&Request { url: url.to_owned(), ..request() }), Some(FailureKind::Guard), "{url}");
        }
    }
}
