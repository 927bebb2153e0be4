//! The special networks of the internet: IANA's registries, as tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// How far an address is open, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// May always be reached.
    Public,
    /// May be reached if `Policy::allow_private` is set.
    Private,
    /// May be reached only if a network of `Policy::allowed` contains it.
    Special,
}

/// A class, and the name of this kind of address in messages.
pub(super) type Kind = (Class, &'static str);

const PUBLIC: Kind = (Class::Public, "public");
const LOOPBACK: Kind = (Class::Private, "a loopback address");
const PRIVATE: Kind = (Class::Private, "a private address");
const SHARED: Kind = (Class::Private, "an address of a provider's internal network");
const LINK_LOCAL: Kind = (Class::Special, "a link-local address");
const METADATA: Kind = (Class::Special, "the address of a metadata service");
const UNSPECIFIED: Kind = (Class::Special, "no address of a host");
const MULTICAST: Kind = (Class::Special, "a multicast or broadcast address");
const DOCUMENTATION: Kind = (Class::Special, "an address reserved for documentation");
const RESERVED: Kind = (Class::Special, "a reserved address");

/// The special-purpose networks of IANA's registry that are not globally reachable, and the
/// metadata services that stand elsewhere. The first match counts.
const NETWORKS_V4: [(Ipv4Net, Kind); 20] = [
    (v4([0, 0, 0, 0], 8), UNSPECIFIED),
    (v4([127, 0, 0, 0], 8), LOOPBACK),
    (v4([10, 0, 0, 0], 8), PRIVATE),
    (v4([172, 16, 0, 0], 12), PRIVATE),
    (v4([192, 168, 0, 0], 16), PRIVATE),
    (v4([169, 254, 0, 0], 16), LINK_LOCAL),
    (v4([168, 63, 129, 16], 32), METADATA),
    (v4([100, 100, 100, 200], 32), METADATA),
    (v4([192, 0, 0, 192], 32), METADATA),
    (v4([100, 64, 0, 0], 10), SHARED),
    (v4([192, 0, 0, 0], 24), RESERVED),
    (v4([192, 0, 2, 0], 24), DOCUMENTATION),
    (v4([198, 51, 100, 0], 24), DOCUMENTATION),
    (v4([203, 0, 113, 0], 24), DOCUMENTATION),
    (v4([192, 88, 99, 0], 24), RESERVED),
    (v4([198, 18, 0, 0], 15), RESERVED),
    (v4([233, 252, 0, 0], 24), DOCUMENTATION),
    (v4([224, 0, 0, 0], 4), MULTICAST),
    (v4([255, 255, 255, 255], 32), MULTICAST),
    (v4([240, 0, 0, 0], 4), RESERVED),
];

/// The same for IPv6; addresses that are neither in this table nor in `2000::/3` are reserved. Networks
/// that carry IPv4 addresses are public here, because [`carried`] finds the address to check.
const NETWORKS_V6: [(Ipv6Net, Kind); 18] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), UNSPECIFIED),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), LOOPBACK),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), PUBLIC),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), PUBLIC),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), PUBLIC),
    // A network's own translator, which may lead anywhere inside.
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), RESERVED),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), METADATA),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), METADATA),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), PRIVATE),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LINK_LOCAL),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), RESERVED),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), MULTICAST),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
    // Teredo, benchmarking, identifiers that are no addresses.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), RESERVED),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), RESERVED),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), PUBLIC),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), RESERVED),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix)
}

/// The kind of the address, or that of the IPv4 address that it carries, if that is worse.
pub(super) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => {
            let own = kind_v6(address);
            // An address is not public because it carries a public one.
            carried(address).map(kind_v4).map_or(own, |inner| worse(own, inner))
        }
    }
}

fn worse(one: Kind, other: Kind) -> Kind {
    if other.0 > one.0 { other } else { one }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let found = NETWORKS_V4.iter().find(|(network, _)| network.contains(&address));
    found.map_or(PUBLIC, |(_, kind)| *kind)
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    let found = NETWORKS_V6.iter().find(|(network, _)| network.contains(&address));
    found.map_or(RESERVED, |(_, kind)| *kind)
}

/// The IPv4 address to which a translator on the way might forward requests to this address.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let start = match segments {
        // Mapped, translated (RFC 7915), and NAT64.
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        // ISATAP, in any network.
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => 6,
        // 6to4.
        [0x2002, ..] => 1,
        _ => return None,
    };
    let bits = (u32::from(segments[start]) << 16) | u32::from(segments[start + 1]);
    Some(Ipv4Addr::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// An address that carries another one is in no better class.
        #[test]
        fn carriers_are_no_better_than_what_they_carry(bits: u32) {
            let inner = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = inner.octets();
            let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
            for carrier in [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0x5efe, high, low),
            ] {
                prop_assert!(kind(carrier.into()).0 >= kind_v4(inner).0, "{} in {}", inner, carrier);
            }
        }

        /// Addresses that are special to the standard library are special here.
        #[test]
        fn the_table_covers_the_standard_library(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let known = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!known || kind(address.into()).0 > Class::Public, "{}", address);
        }
    }
}
