//! API keys, stored as hashes of their secrets.

use sqlx::FromRow;

use super::{Tx, codec, on_db};
use crate::{
    domain::{
        id::{ApiKeyId, OrganizationId},
        organization::{ApiKey, Environment},
        time::Time,
    },
    error::Result,
};

/// The columns of [`ApiKeyRow`].
macro_rules! columns {
    () => {
        "id, organization_id, caller_service, label, scopes, environment, created_at, expires_at, revoked_at"
    };
}

#[derive(FromRow)]
struct ApiKeyRow {
    id: String,
    organization_id: String,
    caller_service: String,
    label: Option<String>,
    scopes: String,
    environment: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = crate::error::Error;

    fn try_from(row: ApiKeyRow) -> Result<Self> {
        let scopes = codec::sound(serde_json::from_str(&row.scopes).ok(), "api_key", "scopes", &row.id)?;
        let environment = codec::sound(Environment::parse(&row.environment), "api_key", "environment", &row.id)?;
        Ok(Self {
            id: ApiKeyId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            caller_service: row.caller_service,
            label: row.label,
            scopes,
            environment,
            created_at: codec::time(row.created_at),
            expires_at: codec::time_opt(row.expires_at),
            revoked_at: codec::time_opt(row.revoked_at),
        })
    }
}

/// Adds a key under the hash of its secret.
pub async fn insert(tx: &mut Tx, organization: &OrganizationId, key: &ApiKey, key_hash: &str) -> Result<()> {
    const SQL: &str = "
        insert into api_key (id, organization_id, key_hash, caller_service, label, scopes, environment,
                             created_at, expires_at, revoked_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let scopes = codec::rows(&key.scopes)?;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(key.id.as_str())
        .bind(organization.as_str())
        .bind(key_hash)
        .bind(&key.caller_service)
        .bind(&key.label)
        .bind(&scopes)
        .bind(key.environment.as_str())
        .bind(key.created_at.as_millis())
        .bind(codec::millis(key.expires_at))
        .bind(codec::millis(key.revoked_at))
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Finds a key by the hash of its secret: the only look-up without an organization, which the key tells.
pub async fn find_by_hash(tx: &mut Tx, key_hash: &str) -> Result<Option<ApiKey>> {
    const SQL: &str = concat!("select ", columns!(), " from api_key where key_hash = $1");
    let row: Option<ApiKeyRow> = on_db!(tx, |conn| sqlx::query_as(SQL).bind(key_hash).fetch_optional(conn).await)?;
    row.map(ApiKey::try_from).transpose()
}

/// A key of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &ApiKeyId) -> Result<Option<ApiKey>> {
    const SQL: &str = concat!("select ", columns!(), " from api_key where organization_id = $1 and id = $2");
    let row: Option<ApiKeyRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(ApiKey::try_from).transpose()
}

/// The organization's keys, the newest first.
pub async fn list(tx: &mut Tx, organization: &OrganizationId) -> Result<Vec<ApiKey>> {
    const SQL: &str = concat!("select ", columns!(), " from api_key where organization_id = $1 order by id desc");
    let rows: Vec<ApiKeyRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(organization.as_str()).fetch_all(conn).await)?;
    rows.into_iter().map(ApiKey::try_from).collect()
}

/// Revokes a key from `at` on, unless it is revoked from an earlier time on.
pub async fn revoke(tx: &mut Tx, organization: &OrganizationId, id: &ApiKeyId, at: Time) -> Result<()> {
    const SQL: &str = "
        update api_key
           set revoked_at = $3
         where organization_id = $1 and id = $2 and (revoked_at is null or revoked_at > $3)";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}
