//! Static headers: an organization has them added to each request of a delivery, mostly to pass its own
//! gateway.
//!
//! Their values are secrets: they are stored encrypted, never shown to a component, and never printed.

use std::fmt;

use super::limits::{STATIC_HEADER_BYTES_MAX, STATIC_HEADERS_MAX};

/// Headers that belong to the connection, or that the host computes itself. If an organization could
/// set them, it could make two servers read one request differently.
pub const CONNECTION_HEADERS: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers about the body and the sender, which the host or a component sets.
const SYSTEM_HEADERS: [&str; 3] = ["content-encoding", "content-type", "user-agent"];

/// Prefixes of the headers in which the host describes a delivery, signatures among them.
const SYSTEM_PREFIXES: [&str; 5] = ["x-event-", "x-caldera-", "x-platformxe-", "x-weir-", "webhook-"];

/// Static headers with their values, sorted by name. Prints the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StaticHeaders(Vec<(String, String)>);

impl StaticHeaders {
    /// Checks number, size, names and values. The error is a sentence for their author and contains no
    /// value.
    pub fn parse(headers: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut headers: Vec<(String, String)> = headers.into_iter().collect();
        if headers.len() > STATIC_HEADERS_MAX {
            return Err(format!("{} headers are more than {STATIC_HEADERS_MAX}", headers.len()));
        }
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > STATIC_HEADER_BYTES_MAX {
            return Err(format!("names and values have more than {STATIC_HEADER_BYTES_MAX} bytes"));
        }
        for (name, value) in &headers {
            check_name(name)?;
            check_value(name, value)?;
        }
        headers.sort();
        match headers.windows(2).find(|pair| pair[0].0.eq_ignore_ascii_case(&pair[1].0)) {
            Some(pair) => Err(format!("{:?} is named twice", pair[1].0)),
            None => Ok(Self(headers)),
        }
    }

    /// Reads what [`reveal`](Self::reveal) wrote.
    pub fn stored(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    /// Writes names and values, for encryption.
    pub fn reveal(&self) -> Vec<u8> {
        serde_json::json!(self.0).to_string().into_bytes()
    }

    /// Names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The names, spelled as their author did.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to a request, except those that it has already: only a component can have set these,
    /// and it knows the protocol.
    pub fn add_to(&self, headers: &mut Vec<(String, String)>) {
        let set = headers.len();
        for (name, value) in &self.0 {
            if !headers[..set].iter().any(|(present, _)| present.eq_ignore_ascii_case(name)) {
                headers.push((name.clone(), value.clone()));
            }
        }
    }
}

impl fmt::Debug for StaticHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "***"))).finish()
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("{name:?} is no name of a header"));
    }
    let lower = name.to_ascii_lowercase();
    let is_taken = CONNECTION_HEADERS.contains(&lower.as_str())
        || SYSTEM_HEADERS.contains(&lower.as_str())
        || SYSTEM_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if is_taken { Err(format!("{name} is set by the host")) } else { Ok(()) }
}

fn check_value(name: &str, value: &str) -> Result<(), String> {
    if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(format!("the value of {name} has characters other than printable ASCII"));
    }
    if value.trim() != value {
        return Err(format!("the value of {name} begins or ends with a space, which HTTP drops"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<StaticHeaders, String> {
        StaticHeaders::parse(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn names_are_sorted_and_values_do_not_print() {
        let headers = parse(&[("X-B", "secret"), ("Authorization", "Bearer secret")]).expect("legal");
        assert_eq!(headers.names(), ["Authorization", "X-B"]);
        assert_eq!(format!("{headers:?}"), r#"{"Authorization": "***", "X-B": "***"}"#);
        assert_eq!(StaticHeaders::stored(&headers.reveal()), Some(headers));
    }

    #[test]
    fn headers_of_the_host_cannot_be_set() {
        let own = CONNECTION_HEADERS.iter().chain(&SYSTEM_HEADERS).copied();
        let signed =
            ["X-Event-Signature", "X-Caldera-Signature", "X-PlatformXe-Signature", "webhook-id", "x-weir-replay"];
        for name in own.chain(signed) {
            assert!(parse(&[(name, "1")]).is_err(), "{name}");
            assert!(parse(&[(&name.to_uppercase(), "1")]).is_err(), "{name}");
        }
        assert!(parse(&[("X-Eventful", "1"), ("Cookie", "a=b")]).is_ok());
    }

    #[test]
    fn malformed_headers_are_refused_without_their_value() {
        for (name, value) in
            [("", "v"), ("a b", "v"), ("a:", "v"), ("ä", "v"), ("a", "x\r\ny"), ("a", "ü"), ("a", " v")]
        {
            let why = parse(&[(name, value)]).expect_err("malformed");
            assert!(!why.contains("x\r\ny") && !why.contains("ü"), "{why}");
        }
        assert!(parse(&[("A", "1"), ("a", "2")]).is_err());
    }

    #[test]
    fn what_a_request_has_stays() {
        let headers = parse(&[("accept", "b"), ("x-new", "1")]).expect("legal");
        let mut request = vec![("Accept".to_owned(), "a".to_owned())];
        headers.add_to(&mut request);
        assert_eq!(request, [("Accept".to_owned(), "a".to_owned()), ("x-new".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn static_headers_max() {
        let many = |count: usize| StaticHeaders::parse((0..count).map(|n| (format!("x-{n}"), String::new())));
        assert!(many(STATIC_HEADERS_MAX).is_ok());
        assert!(many(STATIC_HEADERS_MAX + 1).is_err());
    }

    #[test]
    fn static_header_bytes_max() {
        let long = |bytes: usize| parse(&[("a", &"v".repeat(bytes - 1))]);
        assert!(long(STATIC_HEADER_BYTES_MAX).is_ok());
        assert!(long(STATIC_HEADER_BYTES_MAX + 1).is_err());
    }
}
