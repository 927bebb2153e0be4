//! The catalog of lifecycle events (contract 2 to 4): events that the platform itself emits when an
//! object of an organization changes, to subscriptions of that organization.

use serde_json::Value;

macro_rules! catalog {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = stringify!($name);)+

        /// Every name of the catalog.
        pub const CATALOG: &[&str] = &[$($name,)+];
    };
}

catalog! {
    /// A registration was requested.
    CUSTOM_EVENT_REQUESTED;
    /// A requested registration passed every check.
    CUSTOM_EVENT_VALIDATED;
    /// A registration was stored.
    CUSTOM_EVENT_PERSISTED;
    /// The schema of a new registration is ready to check payloads.
    CUSTOM_EVENT_MATERIALISED;
    /// A registration is complete.
    CUSTOM_EVENT_REGISTERED;
    /// A requested registration was refused.
    CUSTOM_EVENT_VALIDATION_FAILED;
    /// A registration or an emit was refused because the plan's quota is used up.
    CUSTOM_EVENT_QUOTA_EXCEEDED;
    /// A registration was archived.
    CUSTOM_EVENT_INVALIDATED;
    /// A new organization got its catch-all event.
    CUSTOM_EVENT_GENERIC_SEEDED;
    /// An emit was accepted.
    CUSTOM_EVENT_EMIT_REQUESTED;
    /// The deliveries of an emit were written.
    CUSTOM_EVENT_EMIT_RELAYED;
    /// A receiver acknowledged a delivery of an emit.
    CUSTOM_EVENT_EMIT_DELIVERED;
    /// A delivery of an emit became a dead letter.
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
    /// A member accepted its invitation.
    CUSTOM_EVENT_FEDERATION_MEMBER_ACCEPTED;
    /// A member left a group or was removed from it.
    CUSTOM_EVENT_FEDERATION_MEMBER_REMOVED;
    /// A push of one version of an event to a group was declared.
    CUSTOM_EVENT_FEDERATION_PUSH_DECLARED;
    /// A push was undeclared.
    CUSTOM_EVENT_FEDERATION_PUSH_UNDECLARED;
    /// An emit was relayed to a member.
    CUSTOM_EVENT_FEDERATION_RELAYED;
    /// An attempt to relay an emit failed.
    CUSTOM_EVENT_FEDERATION_RELAY_FAILED;
    /// The host disabled a subscription because its endpoint kept failing or answered 410.
    SUBSCRIPTION_DISABLED;
}

/// The events that come once for each delivery. Only subscriptions that name them get them: to one that
/// matches everything, the deliveries of one event would be as many events more, each delivered to all such
/// subscriptions.
pub const OF_DELIVERIES: [&str; 4] = [
    CUSTOM_EVENT_EMIT_DELIVERED,
    CUSTOM_EVENT_EMIT_DELIVERY_FAILED,
    CUSTOM_EVENT_FEDERATION_RELAYED,
    CUSTOM_EVENT_FEDERATION_RELAY_FAILED,
];

/// A lifecycle event that is still to be stored.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// A name of the catalog.
    pub name: &'static str,
    /// Kind (of [`entity`]) and id of the object that changed.
    pub entity: Option<(&'static str, String)>,
    /// The payload, a JSON object.
    pub data: Value,
}

impl Lifecycle {
    /// An event about one object.
    pub fn about(kind: &'static str, id: impl Into<String>, name: &'static str, data: Value) -> Self {
        Self { name, entity: Some((kind, id.into())), data }
    }
}

/// The kinds of objects that lifecycle events are about.
pub mod entity {
    pub const CUSTOM_EVENT: &str = "custom_event";
    pub const EMIT: &str = "emit";
    pub const LISTING: &str = "marketplace_listing";
    pub const GROUP: &str = "federation_group";
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
