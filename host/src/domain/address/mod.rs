//! Decides where the host may send requests to: which addresses belong to the public internet, and
//! which URLs may be targets at all.
//!
//! Tenants choose the targets, and the host's own network must stay out of their reach. A host name is
//! checked by every address that it resolves to, each time it is resolved; this module checks one
//! address, and the parts of a URL that need no resolving.

mod networks;
mod target;

pub use target::{Endpoint, check_url};

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use networks::{Class, kind};

/// The networks that an operator lets the host reach beyond the public internet.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Loopback and private networks, and plain http. Link-local addresses, among them the
    /// metadata services of clouds, stay out of reach even so.
    pub allow_private: bool,
    /// Networks that may be reached whatever their kind.
    pub allowed: Vec<IpNet>,
}

/// Checks that requests may go to the address. The error names the kind of address, never the address
/// itself: a tenant must not learn from it what a name resolves to.
pub fn check_address(address: IpAddr, policy: &Policy) -> Result<(), &'static str> {
    let address = address.to_canonical();
    if policy.allowed.iter().any(|network| canonical(*network).contains(&address)) {
        return Ok(());
    }
    match kind(address) {
        (Class::Public, _) => Ok(()),
        (Class::Private, _) if policy.allow_private => Ok(()),
        (_, name) => Err(name),
    }
}

/// Turns a network of IPv4-mapped IPv6 addresses into the network of IPv4 that it stands for.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let ipv4 = mapped.network().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    ipv4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const STRICT: Policy = Policy { allow_private: false, allowed: Vec::new() };
    pub(crate) const PRIVATE_TOO: Policy = Policy { allow_private: true, allowed: Vec::new() };

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn public_addresses_are_legal() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:0808:0808::1",
            "2001:200::1",
        ] {
            assert_eq!(check_address(address(public), &STRICT), Ok(()), "{public}");
        }
    }

    #[test]
    fn private_addresses_need_the_policy() {
        for private in [
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fdff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2a00::5efe:10.0.0.1",
            "2a00::200:5efe:192.168.0.1",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(check_address(address(private), &STRICT).is_err(), "{private}");
            assert_eq!(check_address(address(private), &PRIVATE_TOO), Ok(()), "{private}");
        }
    }

    #[test]
    fn special_addresses_are_never_legal() {
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "2001::1",
            "2001:0:a00:1::",
            "2001:2::1",
            "2001:10::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "::8.8.8.8",
            "::2",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::5efe:8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "2a00::5efe:169.254.169.254",
        ] {
            for policy in [&STRICT, &PRIVATE_TOO] {
                assert!(check_address(address(special), policy).is_err(), "{special}");
            }
        }
    }

    #[test]
    fn allowed_networks_are_reached_whatever_they_are() {
        let policy = Policy { allow_private: false, allowed: vec!["10.1.0.0/16".parse().expect("a network")] };
        assert_eq!(check_address(address("10.1.2.3"), &policy), Ok(()));
        assert_eq!(check_address(address("::ffff:10.1.2.3"), &policy), Ok(()));
        assert!(check_address(address("10.2.0.1"), &policy).is_err());
    }

    /// An allowed network lets in its own addresses, mapped ones included, and nothing else:
    /// neither what carries them, nor a neighbour, nor another kind of address.
    #[test]
    fn allowed_networks_are_exact() {
        let allows = |network: &str, text: &str| {
            let policy = Policy { allow_private: false, allowed: vec![network.parse().expect("a network")] };
            check_address(address(text), &policy).is_ok()
        };
        for (network, inside, outside) in [
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.0/31", "10.1.2.1", "10.1.2.2"),
            ("10.1.0.0/16", "::ffff:a01:203", "64:ff9b::10.1.2.3"),
            ("10.1.0.0/16", "10.1.255.255", "2002:a01:203::1"),
            ("10.1.0.0/16", "10.1.0.0", "::10.1.2.3"),
            ("10.1.0.0/16", "10.1.2.3", "2a00::5efe:10.1.2.3"),
            ("10.1.2.3/16", "10.1.9.9", "10.0.255.255"),
            ("127.0.0.2/32", "127.0.0.2", "127.0.0.1"),
            ("127.0.0.0/8", "127.9.9.9", "::1"),
            ("169.254.170.2/32", "169.254.170.2", "169.254.169.254"),
            ("::1/128", "::1", "127.0.0.1"),
            ("fd00:1::/32", "fd00:1::9", "fd00:2::9"),
            ("::ffff:10.1.0.0/112", "10.1.2.3", "10.2.0.0"),
            ("::ffff:10.1.0.0/112", "::ffff:10.1.2.3", "::ffff:10.2.0.0"),
            ("64:ff9b::10.1.0.0/112", "64:ff9b::10.1.2.3", "10.1.2.3"),
            ("::/0", "fe80::1", "::ffff:127.0.0.1"),
            ("0.0.0.0/0", "::ffff:127.0.0.1", "::1"),
        ] {
            assert!(allows(network, inside), "{inside} in {network}");
            assert!(!allows(network, outside), "{outside} in {network}");
        }
    }
}
