//! The components that come with this crate, as the bytes that `build.rs` made.

use crate::digest::Digest;

/// A component that comes with this crate, compiled from the folder of its name in `guests/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// Chooses the subscriptions whose content filter matches the payload.
    Router,
    /// Describes the request of a delivery to a subscription: an envelope, signed in four ways.
    Webhook,
    /// Describes the request of a delivery to an external peer of a federation group.
    Relay,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Router, Self::Webhook, Self::Relay];

    /// The name, which stays the same while bytes and digest change from release to release.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Webhook => "webhook",
            Self::Relay => "relay",
        }
    }

    /// The WebAssembly of this release.
    pub const fn wasm(self) -> &'static [u8] {
        match self {
            Self::Router => include_bytes!(concat!(env!("OUT_DIR"), "/router.wasm")),
            Self::Webhook => include_bytes!(concat!(env!("OUT_DIR"), "/webhook.wasm")),
            Self::Relay => include_bytes!(concat!(env!("OUT_DIR"), "/relay.wasm")),
        }
    }

    /// The digest of [`Self::wasm`], computed by this call.
    pub fn digest(self) -> Digest {
        Digest::of(self.wasm())
    }
}
