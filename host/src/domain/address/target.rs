//! Checks a URL as a target, without resolving its host name.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Policy, check_address};
use crate::domain::limits::{HOST_LABEL_BYTES_MAX, HOST_NAME_BYTES_MAX, URL_CHARS_MAX};

/// A URL that passed [`check_url`]. The addresses of its host name, if it has one, are still to be
/// checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// The URL as the standard normalises it, for sending; its author is shown the original text.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address, when the URL has one in place of a host name. It is checked already.
    pub fn address(&self) -> Option<IpAddr> {
        address_of(&self.url)
    }
}

/// Suffixes that never leave a network (RFC 6761, 6762, 8375, and ICANN's `internal`).
const LOCAL_SUFFIXES: [&str; 4] = ["localhost", "local", "home.arpa", "internal"];

/// Checks that a URL may be a target: when a subscription is created or changed, and again before each
/// request. The error is a sentence for the URL's author.
///
/// An address is recognised in every spelling, decimal, octal, hexadecimal or IPv6.
pub fn check_url(text: &str, policy: &Policy) -> Result<Endpoint, String> {
    if text.chars().count() > URL_CHARS_MAX {
        return Err(format!("the URL is longer than {URL_CHARS_MAX} characters"));
    }
    // The parser drops these silently, so the URL would not mean what it shows.
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("the URL contains white space, a control character or a backslash".to_owned());
    }
    let url = Url::parse(text).map_err(|cause| format!("the URL is malformed: {cause}"))?;
    check_scheme(&url, policy)?;
    // The parser takes any number of slashes, and so another part of the text for the host.
    let after_scheme = text.split_once(':').map_or("", |(_, after)| after);
    if after_scheme.strip_prefix("//").is_none_or(|host| host.starts_with(['/', '?', '#'])) {
        return Err("the URL names no host: two slashes and a host follow the scheme".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL must not contain a user name or a password".to_owned());
    }
    if url.port() == Some(0) {
        return Err("port 0 cannot be connected to".to_owned());
    }
    check_host(&url, policy)?;
    Ok(Endpoint { url })
}

fn check_scheme(url: &Url, policy: &Policy) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if policy.allow_private => Ok(()),
        _ => Err("the URL must begin with https://".to_owned()),
    }
}

fn check_host(url: &Url, policy: &Policy) -> Result<(), String> {
    if let Some(address) = address_of(url) {
        return check_address(address, policy).map_err(|kind| format!("the URL leads to {kind}"));
    }
    let Some(name) = url.host_str().map(|name| name.strip_suffix('.').unwrap_or(name)).filter(|name| !name.is_empty())
    else {
        return Err("the URL names no host".to_owned());
    };
    let is_label = |label: &str| (1..=HOST_LABEL_BYTES_MAX).contains(&label.len());
    if name.len() > HOST_NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Err("the URL's host is no name that DNS may have".to_owned());
    }
    let is_local = LOCAL_SUFFIXES
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.')));
    // Where some private networks are allowed, the addresses decide.
    if is_local && !policy.allow_private && policy.allowed.is_empty() {
        return Err("the URL names a host of a local network".to_owned());
    }
    Ok(())
}

fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{PRIVATE_TOO, STRICT},
        *,
    };

    /// Spellings of 127.0.0.1 and 169.254.169.254 that get past naive filters.
    #[test]
    fn every_spelling_of_an_address_is_judged() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:0:0:1]",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[::ffff:a9fe:a9fe]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "box.home.arpa",
            "0",
            "[::]",
        ] {
            let url = format!("https://{host}/");
            assert!(check_url(&url, &STRICT).is_err(), "{url}");
        }
    }

    #[test]
    fn only_plain_https_urls_are_legal() {
        for wrong in [
            "",
            "example.com",
            "//example.com",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "https:///",
            "https:///x",
            "https:////x",
            "https:example.com",
            "https:/example.com",
            "https://?example.com",
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://:pw@example.com/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://exa mple.com/",
            "https://example.com/\n",
            "\thttps://example.com/",
            "https:\\\\example.com\\",
            "https://exam\u{0}ple.com/",
            "javascript:alert(1)",
            "https://[::1",
            "https://./",
        ] {
            assert!(check_url(wrong, &STRICT).is_err(), "{wrong:?}");
        }
        for right in [
            "https://example.com",
            "https://example.com:8443/a?b=c#d",
            "https://example.com./",
            "https://münchen.example/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "HTTPS://EXAMPLE.COM/",
            "https://notlocalhost/",
        ] {
            assert!(check_url(right, &STRICT).is_ok(), "{right}");
        }
        assert!(check_url("http://localhost:9000/", &PRIVATE_TOO).is_ok());
    }

    #[test]
    fn url_chars_max() {
        let url = |chars: usize| format!("https://example.com/{}", "ä".repeat(chars - 20));
        assert!(check_url(&url(URL_CHARS_MAX), &STRICT).is_ok());
        assert!(check_url(&url(URL_CHARS_MAX + 1), &STRICT).is_err());
    }

    #[test]
    fn host_label_bytes_max() {
        let url = |bytes: usize| format!("https://{}.example/", "a".repeat(bytes));
        assert!(check_url(&url(HOST_LABEL_BYTES_MAX), &STRICT).is_ok());
        assert!(check_url(&url(HOST_LABEL_BYTES_MAX + 1), &STRICT).is_err());
        for empty in ["https://a..example/", "https://.example/", "https://example../"] {
            assert!(check_url(empty, &STRICT).is_err(), "{empty}");
        }
    }

    #[test]
    fn host_name_bytes_max() {
        let url = |bytes: usize| format!("https://{}ab/", "a.".repeat((bytes - 2) / 2) + &"c".repeat((bytes - 2) % 2));
        assert!(check_url(&url(HOST_NAME_BYTES_MAX), &STRICT).is_ok());
        assert!(check_url(&url(HOST_NAME_BYTES_MAX + 1), &STRICT).is_err());
        assert!(check_url(&url(HOST_NAME_BYTES_MAX).replace("ab/", "ab./"), &STRICT).is_ok(), "the root is no part");
    }

    #[test]
    fn reasons_do_not_name_the_address() {
        let reason = check_url("https://2852039166/", &STRICT).expect_err("refused");
        assert_eq!(reason, "the URL leads to a link-local address");
    }

    #[test]
    fn local_names_are_left_to_their_addresses_where_networks_are_allowed() {
        let allowed = vec!["10.1.0.0/16".parse().expect("a network")];
        let policy = Policy { allow_private: false, allowed };
        assert!(check_url("https://intranet.internal/", &policy).is_ok());
        assert!(check_url("https://10.1.2.3/", &policy).is_ok());
        assert!(check_url("http://10.1.2.3/", &policy).is_err());
    }
}
