//! Name resolution under guard.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use crate::domain::address::{Policy, check_address};

/// Resolves a name and hands on its addresses only if every one of them is permitted. A name with
/// one forbidden address is forbidden: which one a connection takes is not to be left to chance.
pub(super) struct GuardedResolver {
    policy: Policy,
}

/// A name leads where the policy does not permit. Holds what kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to {0}")]
pub(super) struct Forbidden(pub(super) &'static str);

/// A name that does not resolve, or resolves to nothing.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct Unresolved;

impl GuardedResolver {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy.clone();
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let found = lookup_host((name.as_str(), 0)).await.map_err(|_| Unresolved)?;
            let addresses = vetted(found, &policy)?;
            if addresses.is_empty() {
                return Err(Unresolved.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn vetted(found: impl Iterator<Item = SocketAddr>, policy: &Policy) -> Result<Vec<SocketAddr>, Forbidden> {
    let vet = |address: SocketAddr| check_address(address.ip(), policy).map_err(Forbidden).map(|()| address);
    found.map(vet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
    }

    #[test]
    fn one_forbidden_address_forbids_the_name() {
        let policy = Policy::default();
        let public = addresses(&["8.8.8.8", "2606:4700:4700::1111"]);
        assert_eq!(vetted(public.clone().into_iter(), &policy), Ok(public));
        for mixed in [["8.8.8.8", "10.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "::ffff:169.254.169.254"]] {
            assert!(vetted(addresses(&mixed).into_iter(), &policy).is_err(), "{mixed:?}");
        }
    }
}
