//! Registrations: versions of custom events.

use sqlx::FromRow;
use weir_schema::Compatibility;

use super::{Tx, codec, on_db, one_row};
use crate::{
    domain::{
        id::{OrganizationId, RegistrationId},
        name::{Bump, EventName, GENERIC_NAME, PLATFORM_NAMESPACE, Version},
        registration::{Conversion, Registration, Status},
    },
    error::Result,
};

/// The columns of [`RegistrationRow`].
macro_rules! columns {
    () => {
        "id, organization_id, namespace, name, major, minor, patch, status, description, payload_schema,
         source_schema, schema_changes, payload_example, schema_hash, schema_flavour, semver_bump, compatibility, registered_by, created_at,
         updated_at, archived_at"
    };
}

#[derive(FromRow)]
struct RegistrationRow {
    id: String,
    organization_id: String,
    namespace: String,
    name: String,
    major: i64,
    minor: i64,
    patch: i64,
    status: String,
    description: Option<String>,
    payload_schema: String,
    source_schema: Option<String>,
    schema_changes: Option<String>,
    payload_example: Option<String>,
    schema_hash: String,
    schema_flavour: String,
    semver_bump: String,
    compatibility: String,
    registered_by: String,
    created_at: i64,
    updated_at: i64,
    archived_at: Option<i64>,
}

impl TryFrom<RegistrationRow> for Registration {
    type Error = crate::error::Error;

    fn try_from(row: RegistrationRow) -> Result<Self> {
        const BUMPS: [Bump; 4] = [Bump::Initial, Bump::Patch, Bump::Minor, Bump::Major];
        let version = version_of(row.major, row.minor, row.patch);
        let bump = BUMPS.into_iter().find(|bump| bump.as_str() == row.semver_bump);
        Ok(Self {
            version: codec::sound(version, "registration", "major, minor, patch", &row.id)?,
            status: codec::sound(Status::parse(&row.status), "registration", "status", &row.id)?,
            semver_bump: codec::sound(bump, "registration", "semver_bump", &row.id)?,
            compatibility: codec::sound(
                Compatibility::parse(&row.compatibility),
                "registration",
                "compatibility",
                &row.id,
            )?,
            id: RegistrationId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            event: EventName::stored(&row.namespace, &row.name),
            description: row.description,
            payload_schema: row.payload_schema,
            conversion: row
                .source_schema
                .zip(row.schema_changes)
                .map(|(source, changes)| Conversion { source, changes }),
            payload_example: row.payload_example,
            schema_hash: row.schema_hash,
            schema_flavour: row.schema_flavour,
            registered_by: row.registered_by,
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
            archived_at: codec::time_opt(row.archived_at),
        })
    }
}

pub(super) fn version_of(major: i64, minor: i64, patch: i64) -> Option<Version> {
    let part = |number: i64| u32::try_from(number).ok();
    Some(Version::new(part(major)?, part(minor)?, part(patch)?))
}

/// Adds a registration. A unique violation means that the version exists.
pub async fn insert(tx: &mut Tx, organization: &OrganizationId, registration: &Registration) -> Result<()> {
    const SQL: &str = "
        insert into registration (id, organization_id, namespace, name, major, minor, patch, status, description,
                                  payload_schema, payload_example, schema_hash, schema_flavour, semver_bump,
                                  compatibility, registered_by, created_at, updated_at, archived_at,
                                  source_schema, schema_changes)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    let r = registration;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(r.id.as_str())
        .bind(organization.as_str())
        .bind(r.event.namespace())
        .bind(r.event.name())
        .bind(i64::from(r.version.major))
        .bind(i64::from(r.version.minor))
        .bind(i64::from(r.version.patch))
        .bind(r.status.as_str())
        .bind(&r.description)
        .bind(&r.payload_schema)
        .bind(&r.payload_example)
        .bind(&r.schema_hash)
        .bind(&r.schema_flavour)
        .bind(r.semver_bump.as_str())
        .bind(r.compatibility.as_str())
        .bind(&r.registered_by)
        .bind(r.created_at.as_millis())
        .bind(r.updated_at.as_millis())
        .bind(codec::millis(r.archived_at))
        .bind(r.conversion.as_ref().map(|conversion| &conversion.source))
        .bind(r.conversion.as_ref().map(|conversion| &conversion.changes))
        .execute(conn)
        .await
        .map(|_| ()))
}

/// A registration of the organization.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &RegistrationId) -> Result<Option<Registration>> {
    const SQL: &str = concat!("select ", columns!(), " from registration where organization_id = $1 and id = $2");
    let row: Option<RegistrationRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(Registration::try_from).transpose()
}

/// Version and status of a registration, without its schema and texts.
#[derive(Clone, Debug)]
pub struct VersionState {
    pub id: RegistrationId,
    pub version: Version,
    pub status: Status,
}

/// Version and status of all registrations of an event, the highest version first; served by
/// `registration_version`.
pub async fn version_states(
    tx: &mut Tx,
    organization: &OrganizationId,
    event: &EventName,
) -> Result<Vec<VersionState>> {
    const SQL: &str = "
        select id, major, minor, patch, status
          from registration
         where organization_id = $1 and namespace = $2 and name = $3
         order by major desc, minor desc, patch desc";
    let rows: Vec<(String, i64, i64, i64, String)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(event.namespace())
        .bind(event.name())
        .fetch_all(conn)
        .await)?;
    let state = |(id, major, minor, patch, status): (String, i64, i64, i64, String)| {
        Ok(VersionState {
            version: codec::sound(version_of(major, minor, patch), "registration", "major, minor, patch", &id)?,
            status: codec::sound(Status::parse(&status), "registration", "status", &id)?,
            id: RegistrationId::stored(id),
        })
    };
    rows.into_iter().map(state).collect()
}

/// The schemas of an event's versions with this major number, without patches, the highest version
/// first and at most so many; served by `registration_version`.
pub async fn schemas_of_major(
    tx: &mut Tx,
    organization: &OrganizationId,
    event: &EventName,
    major: u32,
    most: usize,
) -> Result<Vec<(Version, String)>> {
    const SQL: &str = "
        select id, major, minor, patch, payload_schema
          from registration
         where organization_id = $1 and namespace = $2 and name = $3 and major = $4 and semver_bump <> 'patch'
         order by minor desc, patch desc
         limit $5";
    let rows: Vec<(String, i64, i64, i64, String)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(event.namespace())
        .bind(event.name())
        .bind(i64::from(major))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await)?;
    let schema = |(id, major, minor, patch, schema): (String, i64, i64, i64, String)| {
        Ok((codec::sound(version_of(major, minor, patch), "registration", "major, minor, patch", &id)?, schema))
    };
    rows.into_iter().map(schema).collect()
}

/// The organization's registrations, the newest first.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    namespace: Option<&str>,
    status: Option<Status>,
) -> Result<Vec<Registration>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from registration
         where organization_id = $1
           and (cast($2 as text) is null or namespace = $2)
           and (cast($3 as text) is null or status = $3)
         order by id desc"
    );
    let rows: Vec<RegistrationRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(namespace)
        .bind(status.map(Status::as_str))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Registration::try_from).collect()
}

/// Stores status, description and their times.
pub async fn update(tx: &mut Tx, organization: &OrganizationId, registration: &Registration) -> Result<()> {
    const SQL: &str = "
        update registration
           set status = $3, description = $4, updated_at = $5, archived_at = $6
         where organization_id = $1 and id = $2";
    let r = registration;
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(organization.as_str())
        .bind(r.id.as_str())
        .bind(r.status.as_str())
        .bind(&r.description)
        .bind(r.updated_at.as_millis())
        .bind(codec::millis(r.archived_at))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "registration::update")
}

/// How many different events have a version that is not archived, not counting the generic event: the
/// unit of the registration quota.
pub async fn count_events(tx: &mut Tx, organization: &OrganizationId) -> Result<i64> {
    const SQL: &str = "
        select count(*)
          from (select distinct namespace, name
                  from registration
                 where organization_id = $1
                   and status <> 'archived'
                   and not (namespace = $2 and name = $3)) as live";
    on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(PLATFORM_NAMESPACE)
        .bind(GENERIC_NAME)
        .fetch_one(conn)
        .await)
}
