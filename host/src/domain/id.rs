//! Typed, prefixed, time-ordered ids: a prefix that says what the id names, and a ULID in lower
//! case, so that ids sort by creation and need no escaping in a URL.

use std::{fmt, sync::Arc};

use ulid::Ulid;

use super::time::Time;

/// Characters of an id after its prefix.
const ULID_LENGTH: usize = 26;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $prefix:literal $(or $other:literal)*;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The prefix, underscore included.
            pub const PREFIX: &'static str = $prefix;

            /// An id for something created at `now`; `random` must be fresh randomness.
            pub fn new(now: Time, random: u128) -> Self {
                Self(prefixed($prefix, now, random).into())
            }

            /// Takes a text from the outside: anything that cannot be such an id is `None`.
            pub fn parse(text: &str) -> Option<Self> {
                let ulid = text.strip_prefix($prefix) $(.or_else(|| text.strip_prefix($other)))*?;
                let well_formed = ulid.len() == ULID_LENGTH
                    && ulid.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
                well_formed.then(|| Self(text.into()))
            }

            /// Takes a text that this host stored.
            pub fn stored(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, for a holder that outlives this id.
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// An organization, the tenant.
    OrganizationId = "org_";
    /// An API key; the id, not the secret.
    ApiKeyId = "key_";
    /// A registration: one version of a custom event.
    RegistrationId = "cer_";
    /// An emit: one accepted payload.
    EmitId = "evt_";
    /// A subscription, whichever view of the API it was created through.
    SubscriptionId = "evs_" or "wh_";
    /// A delivery: one emit owed to one subscription.
    DeliveryId = "dlv_";
    /// A replay of many events to one subscription.
    ReplayId = "rpl_";
    /// A listing of the marketplace.
    ListingId = "mkl_";
    /// The record of a fork.
    ForkId = "mkf_";
    /// A federation group.
    GroupId = "cefg_";
    /// A member of a federation group, an external peer included.
    MemberId = "cefm_";
    /// A push of a version to a federation group.
    PushId = "cefp_";
    /// One attempt to relay an emit to a member.
    RelayId = "cefr_";
}

/// Stands between the id of an emit and the member that it was relayed to.
const RELAYED_TO: char = '-';

impl EmitId {
    /// The id of the row that a relay of this emit has in a member's organization: there is one at
    /// most, whatever the number of pushes and tries.
    #[must_use]
    pub fn relayed_to(&self, member: &OrganizationId) -> Self {
        Self(format!("{self}{RELAYED_TO}{member}").into())
    }

    /// The id that everybody is shown: a relay keeps that of its owner's emit (contract 7.3).
    pub fn shown(&self) -> &str {
        shown_emit(&self.0)
    }
}

/// What is shown of the stored id of an emit.
pub fn shown_emit(stored: &str) -> &str {
    stored.split(RELAYED_TO).next().unwrap_or(stored)
}

impl SubscriptionId {
    /// An id for a subscription that is created as a webhook.
    pub fn of_webhook(now: Time, random: u128) -> Self {
        Self(prefixed("wh_", now, random).into())
    }
}

fn prefixed(prefix: &str, now: Time, random: u128) -> String {
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or(0);
    let mut buffer = [0_u8; ULID_LENGTH];
    let ulid = Ulid::from_parts(milliseconds, random).array_to_str(&mut buffer);
    let mut id = String::with_capacity(prefix.len() + ULID_LENGTH);
    id.push_str(prefix);
    id.extend(ulid.bytes().map(|b| char::from(b.to_ascii_lowercase())));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = EmitId::new(Time::from_millis(1_000), u128::MAX);
        let late = EmitId::new(Time::from_millis(1_001), 0);
        assert!(early < late);
        assert_eq!(EmitId::parse(early.as_str()), Some(early));
    }

    #[test]
    fn a_relay_is_shown_with_the_id_of_its_emit() {
        let emit = EmitId::new(Time::from_millis(1), 1);
        let relayed = emit.relayed_to(&OrganizationId::new(Time::from_millis(2), 2));
        assert_ne!(relayed, emit);
        assert_eq!((relayed.shown(), emit.shown()), (emit.as_str(), emit.as_str()));
    }

    #[test]
    fn a_subscription_has_either_prefix() {
        for id in [SubscriptionId::new(Time::from_millis(1), 1), SubscriptionId::of_webhook(Time::from_millis(1), 1)] {
            assert_eq!(SubscriptionId::parse(id.as_str()), Some(id));
        }
        assert_eq!(SubscriptionId::parse("whk_01jd0000000000000000000000"), None);
    }

    #[test]
    fn foreign_texts_are_no_ids() {
        for text in ["", "evt_", "cer_01jd0000000000000000000000", "evt_01JD0000000000000000000000", "evt_0\u{0}"] {
            assert_eq!(EmitId::parse(text), None, "{text:?}");
        }
    }
}
