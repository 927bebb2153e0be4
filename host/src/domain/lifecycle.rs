//! The catalog of lifecycle events (contract 2 to 4): what the platform says of an organization's
//! own objects, for whoever subscribes to it.

use serde_json::Value;

macro_rules! catalog {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = stringify!($name);)+

        /// Every name of the catalog.
        pub const CATALOG: &[&str] = &[$($name,)+];
    };
}

catalog! {
    /// A registration was asked for.
    CUSTOM_EVENT_REQUESTED;
    /// It passed every check.
    CUSTOM_EVENT_VALIDATED;
    /// It is stored.
    CUSTOM_EVENT_PERSISTED;
    /// Its schema is ready to check payloads.
    CUSTOM_EVENT_MATERIALISED;
    /// It is registered.
    CUSTOM_EVENT_REGISTERED;
    /// It was refused.
    CUSTOM_EVENT_VALIDATION_FAILED;
    /// The plan allows no more, of registrations or of emits.
    CUSTOM_EVENT_QUOTA_EXCEEDED;
    /// It was archived.
    CUSTOM_EVENT_INVALIDATED;
    /// The organization got its catch-all event.
    CUSTOM_EVENT_GENERIC_SEEDED;
    /// A payload was emitted.
    CUSTOM_EVENT_EMIT_REQUESTED;
    /// It was routed to its subscribers.
    CUSTOM_EVENT_EMIT_RELAYED;
    /// A subscriber acknowledged it.
    CUSTOM_EVENT_EMIT_DELIVERED;
    /// Its delivery to a subscriber became a dead letter.
    CUSTOM_EVENT_EMIT_DELIVERY_FAILED;
    /// An emit was refused.
    CUSTOM_EVENT_EMIT_REJECTED;
    /// A chain of emits was cut.
    CUSTOM_EVENT_CHAIN_TRUNCATED;
    /// A listing was published in the marketplace.
    MARKETPLACE_LISTING_PUBLISHED;
    /// A listing was taken down.
    MARKETPLACE_LISTING_UNPUBLISHED;
    /// A listing was put up again.
    MARKETPLACE_LISTING_REPUBLISHED;
    /// A listing was forked.
    MARKETPLACE_LISTING_FORKED;
    /// A fork was refused.
    MARKETPLACE_LISTING_FORK_FAILED;
    /// A federation group was created.
    CUSTOM_EVENT_FEDERATION_GROUP_CREATED;
    /// A federation group was archived.
    CUSTOM_EVENT_FEDERATION_GROUP_ARCHIVED;
    /// An organization, or an external peer, was invited to a group.
    CUSTOM_EVENT_FEDERATION_MEMBER_INVITED;
    /// It accepted.
    CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED;
    /// It left, or was removed.
    CUSTOM_EVENT_FEDERATION_MEMBER_REMOVED;
    /// A version of an event is pushed to a group.
    CUSTOM_EVENT_FEDERATION_PUSH_DECLARED;
    /// It is pushed no more.
    CUSTOM_EVENT_FEDERATION_PUSH_UNDECLARED;
    /// An emit was relayed to a member.
    CUSTOM_EVENT_FEDERATION_RELAYED;
    /// An attempt to relay an emit failed.
    CUSTOM_EVENT_FEDERATION_RELAY_FAILED;
    /// A subscription was switched off because its endpoint kept failing or said that it is gone.
    SUBSCRIPTION_DISABLED;
}

/// A lifecycle event that is to be recorded.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// A name of the catalog.
    pub name: &'static str,
    /// Kind and id of what it is about.
    pub entity: Option<(&'static str, String)>,
    /// Its payload, an object.
    pub data: Value,
}

impl Lifecycle {
    /// An event about one thing.
    pub fn about(kind: &'static str, id: impl Into<String>, name: &'static str, data: Value) -> Self {
        Self { name, entity: Some((kind, id.into())), data }
    }
}

/// What lifecycle events can be about.
pub mod entity {
    /// A registration.
    pub const CUSTOM_EVENT: &str = "custom_event";
    /// An emit.
    pub const EMIT: &str = "emit";
    /// A listing of the marketplace.
    pub const LISTING: &str = "marketplace_listing";
    /// A federation group.
    pub const GROUP: &str = "federation_group";
    /// A subscription.
    pub const SUBSCRIPTION: &str = "event_subscription";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_say_their_family() {
        let distinct: HashSet<_> = CATALOG.iter().collect();
        assert_eq!(distinct.len(), CATALOG.len());
        for name in CATALOG {
            let family =
                ["CUSTOM_EVENT_", "MARKETPLACE_", "SUBSCRIPTION_"].iter().any(|family| name.starts_with(family));
            assert!(family, "{name}");
        }
    }
}
