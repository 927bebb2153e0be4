//! Answers to the operator.

use serde::Serialize;

use crate::{
    domain::{
        id::{ApiKeyId, OrganizationId},
        organization::{self, ApiKey},
        time::Time,
    },
    service::health::Status,
};

/// An organization, in the shape of the tenant's own view (contract 5.8).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Organization {
    id: OrganizationId,
    name: String,
    slug: String,
    plan: &'static str,
    billing_email: Option<String>,
    region: String,
    is_active: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<organization::Organization> for Organization {
    fn from(organization: organization::Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name,
            slug: organization.slug,
            plan: organization.plan.as_str(),
            billing_email: organization.billing_email,
            region: organization.region,
            is_active: organization.is_active,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

/// An organization that was just created, with the text of its first key, which is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct CreatedOrganization {
    organization: Organization,
    api_key: String,
}

impl CreatedOrganization {
    pub(super) fn of(organization: organization::Organization, api_key: String) -> Self {
        Self { organization: organization.into(), api_key }
    }
}

#[derive(Serialize)]
pub(in crate::http) struct NamespaceList {
    namespaces: Vec<Namespace>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Namespace {
    namespace: String,
    /// When it was granted.
    created_at: Time,
}

impl From<Vec<(String, Time)>> for NamespaceList {
    fn from(namespaces: Vec<(String, Time)>) -> Self {
        let namespace = |(namespace, created_at)| Namespace { namespace, created_at };
        Self { namespaces: namespaces.into_iter().map(namespace).collect() }
    }
}

/// A namespace that was just granted.
#[derive(Serialize)]
pub(in crate::http) struct GrantedNamespace {
    pub(super) namespace: String,
}

#[derive(Serialize)]
pub(in crate::http) struct KeyList {
    keys: Vec<Key>,
}

impl From<Vec<ApiKey>> for KeyList {
    fn from(keys: Vec<ApiKey>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }
}

/// An API key without its text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: ApiKeyId,
    caller_service: String,
    label: Option<String>,
    scopes: Vec<String>,
    environment: &'static str,
    created_at: Time,
    expires_at: Option<Time>,
    /// When it stops or stopped working; ahead while a rotated key has grace.
    revoked_at: Option<Time>,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            caller_service: key.caller_service,
            label: key.label,
            scopes: key.scopes,
            environment: key.environment.as_str(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// An API key that was just created, with its text, which is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct CreatedKey {
    #[serde(flatten)]
    key: Key,
    api_key: String,
}

impl CreatedKey {
    pub(super) fn of(key: ApiKey, api_key: String) -> Self {
        Self { key: key.into(), api_key }
    }
}

/// How far the host is behind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct HostStatus {
    version: &'static str,
    database: &'static str,
    migration_level: i64,
    routing: RoutingQueue,
    deliveries: DeliveryQueue,
    components: Components,
}

/// Emits that wait for routing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoutingQueue {
    waiting: i64,
    /// When the oldest of them was accepted.
    oldest_at: Option<Time>,
}

/// Deliveries that are pending or retrying.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryQueue {
    owed: i64,
    /// When the oldest of them was routed.
    oldest_at: Option<Time>,
}

/// Calls of components since the host started.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    calls: u64,
    /// The durations of all calls together.
    busy_ms: u64,
}

impl HostStatus {
    pub(super) fn of(status: &Status) -> Self {
        let (calls, busy) = status.component_calls;
        let ((waiting, oldest_emit), (owed, oldest_delivery)) = (status.routing, status.deliveries);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            database: status.database,
            migration_level: status.migration_level,
            routing: RoutingQueue { waiting, oldest_at: oldest_emit },
            deliveries: DeliveryQueue { owed, oldest_at: oldest_delivery },
            components: Components { calls, busy_ms: u64::try_from(busy.as_millis()).unwrap_or(u64::MAX) },
        }
    }
}
