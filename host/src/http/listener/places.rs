//! Places for connections: as many as the host has at most, and a share of them for one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;

/// Bits of an IPv6 address that name the network of one customer. Its other bits the customer chooses.
const NETWORK_BITS: u32 = 64;

/// The places of a listener.
pub(super) struct Places {
    max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    places: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to have a connection; given back when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All places are taken.
    Host,
    /// The address has its share.
    Address,
}

impl Places {
    pub(super) fn new(max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { max, per_address_max, taken: Mutex::default() })
    }

    /// Takes a place for a connection of this address.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let address = sharer(address);
        let mut taken = self.taken.lock();
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        if of_address >= self.per_address_max {
            return Err(Full::Address);
        }
        if taken.places >= self.max {
            return Err(Full::Host);
        }
        taken.places += 1;
        taken.by_address.insert(address, of_address + 1);
        drop(taken);
        Ok(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.places -= 1;
        let left = taken.by_address.get(&self.address).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            taken.by_address.remove(&self.address);
        } else {
            taken.by_address.insert(self.address, left);
        }
    }
}

/// The address that stands for all that share a bound: an IPv4 address itself, however it is written, and the
/// network of an IPv6 address.
fn sharer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::MAX << (Ipv6Addr::BITS - NETWORK_BITS);
            Ipv6Addr::from_bits(address.to_bits() & network).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_share_and_leaves_the_others_theirs() {
        let places = Places::new(3, 2);
        let take = |text| places.take(address(text));
        let first = [take("192.0.2.1"), take("::ffff:192.0.2.1")].map(|place| place.expect("a place"));
        assert_eq!(take("192.0.2.1").err(), Some(Full::Address));
        let other = take("192.0.2.2").expect("a place");
        assert_eq!(take("192.0.2.2").err(), Some(Full::Host));
        drop(first);
        assert!(take("192.0.2.1").is_ok());
        drop(other);
        assert!(places.taken.lock().by_address.is_empty());
        assert_eq!(places.taken.lock().places, 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let places = Places::new(9, 1);
        let _first = places.take(address("2001:db8:0:1::1")).expect("a place");
        assert_eq!(places.take(address("2001:db8:0:1:ffff::2")).err(), Some(Full::Address));
        assert!(places.take(address("2001:db8:0:2::1")).is_ok());
    }
}
