//! Organizations, their API keys, and the scopes of a key.

use super::{
    id::{ApiKeyId, OrganizationId},
    limits::SLUG_CHARS_MAX,
    plan::Plan,
    time::Time,
};

/// An organization, the tenant.
#[derive(Clone, Debug)]
pub struct Organization {
    pub id: OrganizationId,
    /// The name for people.
    pub name: String,
    /// A short name for URLs and the first namespace; unique.
    pub slug: String,
    pub plan: Plan,
    /// Two letters, `NG` for example.
    pub region: String,
    pub billing_email: Option<String>,
    /// Whether its API keys work; the operator switches it.
    pub is_active: bool,
    /// Raised by every change on which accepting or routing may depend.
    pub revision: i64,
    /// The revision of the last change of what the check of an emit depends on: keys, plan, registrations
    /// and pushes. No other change ever gives the same one.
    pub rules_revision: i64,
    pub created_at: Time,
    pub updated_at: Time,
}

/// An API key without its secret.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub organization_id: OrganizationId,
    /// The service that calls with the key: the `registeredBy`, `createdBy`, … of the objects it creates.
    pub caller_service: String,
    /// A note for people.
    pub label: Option<String>,
    pub scopes: Vec<String>,
    pub environment: Environment,
    pub created_at: Time,
    /// When the key stops working by itself; `None` is never.
    pub expires_at: Option<Time>,
    /// When the key stops working because it was revoked; in the future for a rotated key, which keeps
    /// working for a while.
    pub revoked_at: Option<Time>,
}

impl ApiKey {
    /// Whether the key works at `now`.
    pub fn is_live(&self, now: Time) -> bool {
        let past = |time: Option<Time>| time.is_some_and(|time| time <= now);
        !past(self.expires_at) && !past(self.revoked_at)
    }

    /// Whether the key has at least one of the scopes.
    pub fn allows(&self, any_of: &[&str]) -> bool {
        self.scopes.iter().any(|scope| any_of.contains(&scope.as_str()))
    }
}

/// The environment that a key is meant for; it stands in the key's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Production.
    Live,
    /// Sandbox.
    Test,
    /// Development.
    Dev,
}

impl Environment {
    /// The word on the wire, in the prefix and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Dev => "dev",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Test, Self::Dev].into_iter().find(|environment| environment.as_str() == text)
    }
}

/// Allows changes of custom events, subscriptions and emits.
pub const SCOPE_EVENTS_MANAGE: &str = "events:manage";
/// Allows reads of custom events, subscriptions and emits.
pub const SCOPE_EVENTS_READ: &str = "events:read";
/// Allows everything about webhooks.
pub const SCOPE_WEBHOOKS_MANAGE: &str = "webhooks:manage";

/// Every scope that clients know (contract 1.3). A new key has all of them unless told otherwise,
/// so that no client meets a 403 by surprise.
pub const SCOPES: [&str; 16] = [
    SCOPE_EVENTS_MANAGE,
    SCOPE_EVENTS_READ,
    SCOPE_WEBHOOKS_MANAGE,
    "messaging:send",
    "storage:upload",
    "storage:read",
    "storage:delete",
    "templates:read",
    "templates:write",
    "permissions:check",
    "permissions:manage",
    "permissions:audit",
    "identity:resolve",
    "exports:create",
    "ai:complete",
    "vision:analyze",
];

/// Makes a legal slug of a name: lower case, other characters become hyphens. A name without
/// anything usable gives `organization`.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_CHARS_MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "organization".to_owned() } else { slug.to_owned() }
}

/// The namespace that an organization starts with: its slug, made legal (contract 6.1).
pub fn first_namespace(slug: &str) -> String {
    let mut namespace: String = slug
        .chars()
        .skip_while(|c| !c.is_ascii_lowercase())
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
        .take(28)
        .collect();
    if super::name::is_reserved(&namespace) || namespace.len() < 2 {
        namespace.insert_str(0, "x-");
    }
    namespace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::{check_namespace, is_reserved};

    #[test]
    fn every_slug_gives_a_legal_namespace() {
        for slug in ["acme", "a", "", "1984", "platform", "generic", "x", "ünïcode", &"long".repeat(30), "-", "_a"] {
            let namespace = first_namespace(slug);
            assert!(check_namespace(&namespace).is_ok() && !is_reserved(&namespace), "{slug:?} gave {namespace:?}");
        }
    }

    #[test]
    fn slugs_are_made_of_names() {
        assert_eq!(slug_of("Acme Ltd."), "acme-ltd");
        assert_eq!(slug_of("  "), "organization");
        assert_eq!(slug_of(&"a".repeat(100)).len(), SLUG_CHARS_MAX);
    }

    #[test]
    fn a_key_stops_at_its_end() {
        let key = ApiKey {
            id: ApiKeyId::stored("key_1"),
            organization_id: OrganizationId::stored("org_1"),
            caller_service: String::new(),
            label: None,
            scopes: vec![],
            environment: Environment::Dev,
            created_at: Time::from_millis(0),
            expires_at: Some(Time::from_millis(10)),
            revoked_at: None,
        };
        assert!(key.is_live(Time::from_millis(9)));
        assert!(!key.is_live(Time::from_millis(10)));
    }
}
