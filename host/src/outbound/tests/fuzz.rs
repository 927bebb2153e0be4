//! Random URLs: spellings of forbidden addresses that no table lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::{prelude::*, sample::select};
use url::Host;

use super::*;
use crate::domain::address::{check_address, check_url};

const STRICT: Policy = Policy { allow_private: false, allowed: Vec::new() };
const DOTS: [&str; 5] = [".", "%2e", "。", "．", "｡"];

/// How one number of an address is written.
#[derive(Clone, Debug)]
struct Style {
    radix: u8,
    zeros: usize,
    is_upper: bool,
    alphabet: u8,
}

fn style() -> impl Strategy<Value = Style> {
    (0..3_u8, 0..4_usize, any::<bool>(), 0..4_u8).prop_map(|(radix, zeros, is_upper, alphabet)| Style {
        radix,
        zeros,
        is_upper,
        alphabet,
    })
}

fn written(number: u32, style: &Style) -> String {
    let zeros = "0".repeat(style.zeros);
    let plain = match style.radix {
        0 => number.to_string(),
        1 => format!("0x{zeros}{number:x}"),
        _ => format!("0{zeros}{number:o}"),
    };
    let plain = if style.is_upper { plain.to_uppercase() } else { plain };
    let digit = |c: char| match style.alphabet {
        1 => char::from_u32(u32::from(c) + 0xfee0).map_or(c.to_string(), String::from),
        2 => format!("%{:02x}", u32::from(c)),
        3 if c.is_ascii_digit() => char::from_u32(u32::from(c) - 0x30 + 0x1d7ce).map_or(c.to_string(), String::from),
        _ => c.to_string(),
    };
    plain.chars().map(digit).collect()
}

/// An IPv4 address in one to four numbers, as the URL standard reads it.
fn spelled(address: Ipv4Addr) -> impl Strategy<Value = String> {
    let styles = proptest::collection::vec(style(), 4);
    (1..=4_usize, styles, select(&DOTS[..]), any::<bool>()).prop_map(move |(parts, styles, dot, has_end)| {
        let octets = address.octets();
        let mut numbers: Vec<u32> = octets[..parts - 1].iter().copied().map(u32::from).collect();
        numbers.push(octets[parts - 1..].iter().fold(0, |sum, octet| (sum << 8) | u32::from(*octet)));
        let written: Vec<String> = numbers.iter().zip(&styles).map(|(number, style)| written(*number, style)).collect();
        written.join(dot) + if has_end { dot } else { "" }
    })
}

/// An IPv4 address that no URL may lead to.
fn forbidden() -> impl Strategy<Value = Ipv4Addr> {
    let special = select(vec!["10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "100.64.0.1", "172.16.9.9"]);
    prop_oneof![
        special.prop_map(|text| text.parse().expect("an address")),
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(0x7f00_0000 | (bits & 0x00ff_ffff))),
    ]
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from_bits), forbidden()]
}

fn address_and_spelling() -> impl Strategy<Value = (Ipv4Addr, String)> {
    address().prop_flat_map(|address| (Just(address), spelled(address)))
}

/// Each IPv6 address that leads to an IPv4 one, written in some way.
fn carried(address: Ipv4Addr, carrier: usize, writing: usize) -> String {
    let [a, b, c, d] = address.octets();
    let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    let carriers = [
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
    ];
    let carrier = carriers[carrier % carriers.len()];
    let groups = carrier.segments();
    match writing % 4 {
        0 => carrier.to_string(),
        1 => groups.map(|group| format!("{group:x}")).join(":"),
        2 => groups.map(|group| format!("{group:04X}")).join(":"),
        _ => {
            let dotted = Ipv4Addr::from_bits((u32::from(groups[6]) << 16) | u32::from(groups[7]));
            format!("{}:{dotted}", groups[..6].iter().map(|group| format!("{group:x}")).collect::<Vec<_>>().join(":"))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// The guard judges an address the same however it is spelled.
    #[test]
    fn spellings_do_not_matter((address, host) in address_and_spelling(), port in proptest::option::of(1..u16::MAX)) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let checked = check_url(&format!("https://{host}{port}/a?b#c"), &STRICT);
        let expected = check_address(address.into(), &STRICT);
        prop_assert_eq!(checked.is_ok(), expected.is_ok(), "{} as {}", address, host);
        if let Ok(target) = checked {
            prop_assert_eq!(target.address(), Some(IpAddr::V4(address)), "{}", host);
        }
    }

    /// No IPv6 address leads to an IPv4 one that is not public itself.
    #[test]
    fn carriers_do_not_help(address in address(), carrier: usize, writing: usize) {
        let host = carried(address, carrier, writing);
        let checked = check_url(&format!("https://[{host}]/"), &STRICT);
        prop_assert!(checked.is_err() || check_address(address.into(), &STRICT).is_ok(), "{}", host);
    }

    /// The guard and the client read the same host in every URL that the guard lets through.
    #[test]
    fn what_passes_means_one_thing(rest in "[a-z0-9.@:/\\\\?#%\\[\\]&=_ \t\r\n~。ſ①\u{ad}-]{0,40}", start in select(vec!["https://", "https:", "https:/", "//", "http://", "HTTPS://a"])) {
        let text = format!("{start}{rest}");
        let Ok(target) = check_url(&text, &STRICT) else { return Ok(()) };
        let url = target.url();
        let client: hyper::Uri = url.as_str().parse().expect("the client reads it as well");
        prop_assert_eq!(client.host(), url.host_str());
        prop_assert_eq!(client.port_u16(), url.port());
        prop_assert_eq!(client.scheme_str(), Some("https"));
        prop_assert!(!client.authority().expect("a host").as_str().contains('@'));
        match url.host().expect("a host") {
            Host::Domain(name) => {
                prop_assert!(name.parse::<IpAddr>().is_err(), "{}", name);
                prop_assert!(!name.ends_with("localhost") && !name.ends_with("internal"), "{}", name);
            }
            Host::Ipv4(address) => prop_assert!(check_address(address.into(), &STRICT).is_ok(), "{}", address),
            Host::Ipv6(address) => prop_assert!(check_address(address.into(), &STRICT).is_ok(), "{}", address),
        }
    }

    /// No text before or behind a forbidden host makes its URL legal.
    #[test]
    fn decoration_does_not_help(
        before in select(vec!["", "example.com@", "a:b@", "example.com%2f@", "example.com#@", "%00@", " ", "\t", "\n", "\\", "/"]),
        host in forbidden().prop_flat_map(spelled),
        after in select(vec!["", "/", ":443", "#@example.com", "?@example.com", "/@example.com", "\\@example.com", " ", "\n", "\t", ":443/", "/%2e%2e/", ":0443"]),
    ) {
        let text = format!("https://{before}{host}{after}");
        match check_url(&text, &STRICT) {
            Err(_) => {}
            // The URL then means another host, and the forbidden one is part of a path.
            Ok(target) => prop_assert_eq!(target.url().host_str(), Some("example.com"), "{:?}", text),
        }
    }
}
