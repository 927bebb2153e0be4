//! Resolves the names of targets for the client, under the guard.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::domain::address::{Policy, check_address};

/// Lookups of the system under way at once. Each blocks a thread that other work needs as well, and with
/// silent servers for longer than its caller waits.
const LOOKUPS_MAX: usize = 128;

/// Resolves a name and hands on its addresses only if every one of them is permitted. A name with one
/// forbidden address is forbidden as a whole, because it is left to chance which one a connection takes.
pub(super) struct GuardedResolver {
    policy: Policy,
    lookup: Lookup,
    /// The longest wait for a lookup.
    at_most: Duration,
}

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The lookup of the operating system.
pub fn system_lookup() -> Lookup {
    let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
    Arc::new(move |name| {
        let places = places.clone();
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let asked = spawn_blocking(move || {
                // Held until the system has answered, although its caller may have stopped waiting.
                let _place = place;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            asked.await.map_err(io::Error::other)?
        })
    })
}

/// The name leads to an address that the policy does not permit. Holds the kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to {0}")]
pub(super) struct Forbidden(pub(super) &'static str);

/// The name does not resolve, or resolves to no address.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct Unresolved;

/// The servers for the name do not answer, so nothing is known of the name.
#[derive(Debug, thiserror::Error)]
#[error("the servers for the name do not answer")]
pub(super) struct ResolverDown;

/// Messages of C libraries about a name that may exist but could not be looked up. The standard library
/// passes on these words, and not the codes behind them.
const NO_ANSWER: [&str; 6] = [
    "Temporary failure in name resolution",
    "Try again",
    "Non-recoverable",
    "System error",
    "Memory allocation failure",
    "Out of memory",
];

/// The error for a failed lookup: the name does not resolve, or its servers do not answer.
fn unresolved(error: &io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let message = error.to_string();
    // An error with a number is one of the host's own, such as too many open files.
    if error.raw_os_error().is_some() || NO_ANSWER.iter().any(|words| message.contains(words)) {
        ResolverDown.into()
    } else {
        Unresolved.into()
    }
}

impl GuardedResolver {
    pub(super) fn new(policy: Policy, lookup: Lookup, at_most: Duration) -> Self {
        Self { policy, lookup, at_most }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy.clone();
        let found = timeout(self.at_most, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await.map_err(|_silent| ResolverDown)?;
            let addresses = vetted(found.map_err(|error| unresolved(&error))?, &policy)?;
            if addresses.is_empty() {
                return Err(Unresolved.into());
            }
            // Port 0 stands for the port of the URL.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The addresses, if the policy permits every one of them.
fn vetted(found: Vec<IpAddr>, policy: &Policy) -> Result<Vec<IpAddr>, Forbidden> {
    let forbidden = found.iter().find_map(|address| check_address(*address, policy).err());
    forbidden.map_or(Ok(found), |kind| Err(Forbidden(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn one_forbidden_address_forbids_the_name() {
        let policy = Policy::default();
        let public = addresses(&["8.8.8.8", "2606:4700:4700::1111"]);
        assert_eq!(vetted(public.clone(), &policy), Ok(public));
        for mixed in [["8.8.8.8", "10.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "::ffff:169.254.169.254"]] {
            assert!(vetted(addresses(&mixed), &policy).is_err(), "{mixed:?}");
        }
    }

    #[test]
    fn a_name_whose_servers_do_not_answer_is_not_called_unknown() {
        let failed = |detail: &str| io::Error::other(format!("failed to lookup address information: {detail}"));
        for detail in [
            "Temporary failure in name resolution",
            "Try again",
            "Non-recoverable failure in name resolution",
            "Out of memory",
        ] {
            assert!(unresolved(&failed(detail)).is::<ResolverDown>(), "{detail}");
        }
        assert!(unresolved(&io::Error::from_raw_os_error(24)).is::<ResolverDown>());
        for detail in ["Name or service not known", "No address associated with hostname", "Name does not resolve"] {
            assert!(unresolved(&failed(detail)).is::<Unresolved>(), "{detail}");
        }
    }
}
