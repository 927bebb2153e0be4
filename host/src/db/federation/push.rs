//! Pushes of versions to federation groups.

use sqlx::FromRow;

use super::stamp;
use crate::{
    db::{Tx, codec, on_db, one_row, registration::version_of},
    domain::{
        federation::{Push, Stamp},
        id::{GroupId, OrganizationId, PushId, RegistrationId},
        name::EventName,
    },
    error::Result,
};

const TABLE: &str = "federation_push";

/// The columns of [`PushRow`].
macro_rules! columns {
    () => {
        "id, organization_id, group_id, registration_id, namespace, name, major, minor, patch, payload_schema,
         pushed_by, pushed_at, unpushed_by, unpushed_at"
    };
}

#[derive(FromRow)]
struct PushRow {
    id: String,
    organization_id: String,
    group_id: String,
    registration_id: String,
    namespace: String,
    name: String,
    major: i64,
    minor: i64,
    patch: i64,
    payload_schema: String,
    pushed_by: String,
    pushed_at: i64,
    unpushed_by: Option<String>,
    unpushed_at: Option<i64>,
}

impl TryFrom<PushRow> for Push {
    type Error = crate::error::Error;

    fn try_from(row: PushRow) -> Result<Self> {
        let version = version_of(row.major, row.minor, row.patch);
        Ok(Self {
            version: codec::sound(version, TABLE, "major, minor, patch", &row.id)?,
            unpushed: stamp(row.unpushed_by, row.unpushed_at, TABLE, "unpushed_at", &row.id)?,
            id: PushId::stored(row.id),
            group_id: GroupId::stored(row.group_id),
            owner_id: OrganizationId::stored(row.organization_id),
            registration_id: RegistrationId::stored(row.registration_id),
            event: EventName::stored(&row.namespace, &row.name),
            payload_schema: row.payload_schema,
            pushed: Stamp { by: row.pushed_by, at: codec::time(row.pushed_at) },
        })
    }
}

/// Adds a push to a group of the owner. Events accepted at `revision` or later are pushed.
pub async fn insert(tx: &mut Tx, owner: &OrganizationId, push: &Push, revision: i64) -> Result<()> {
    const SQL: &str = "
        insert into federation_push (id, organization_id, group_id, registration_id, namespace, name, major, minor,
                                     patch, payload_schema, pushed_by, pushed_at, since_revision)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let p = push;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(p.id.as_str())
        .bind(owner.as_str())
        .bind(p.group_id.as_str())
        .bind(p.registration_id.as_str())
        .bind(p.event.namespace())
        .bind(p.event.name())
        .bind(i64::from(p.version.major))
        .bind(i64::from(p.version.minor))
        .bind(i64::from(p.version.patch))
        .bind(&p.payload_schema)
        .bind(&p.pushed.by)
        .bind(p.pushed.at.as_millis())
        .bind(revision)
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Whether a registration is pushed to a group of the owner at present; served by
/// `federation_push_active`.
pub async fn is_active(
    tx: &mut Tx,
    owner: &OrganizationId,
    group: &GroupId,
    registration: &RegistrationId,
) -> Result<bool> {
    const SQL: &str = "
        select count(*)
          from federation_push
         where organization_id = $1 and group_id = $2 and registration_id = $3 and until_revision is null";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(owner.as_str())
        .bind(group.as_str())
        .bind(registration.as_str())
        .fetch_one(conn)
        .await)?;
    Ok(count > 0)
}

/// A push of the owner.
pub async fn find(tx: &mut Tx, owner: &OrganizationId, id: &PushId) -> Result<Option<Push>> {
    const SQL: &str = concat!("select ", columns!(), " from federation_push where organization_id = $1 and id = $2");
    let row: Option<PushRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(owner.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Push::try_from).transpose()
}

/// The group of a push. No organization is checked here: the caller then checks who may see the group.
pub async fn group_of(tx: &mut Tx, id: &PushId) -> Result<Option<GroupId>> {
    const SQL: &str = "select group_id from federation_push where id = $1";
    let group: Option<String> =
        on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    Ok(group.map(GroupId::stored))
}

/// The pushes to a group of the owner, the newest first; served by `federation_push_group`.
pub async fn list(tx: &mut Tx, owner: &OrganizationId, group: &GroupId, with_inactive: bool) -> Result<Vec<Push>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from federation_push
         where organization_id = $1
           and group_id = $2
           and (cast($3 as boolean) or until_revision is null)
         order by id desc"
    );
    let rows: Vec<PushRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(owner.as_str())
        .bind(group.as_str())
        .bind(with_inactive)
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Push::try_from).collect()
}

/// Stores that a push was undeclared. Events accepted at `revision` or later are not pushed.
pub async fn end(tx: &mut Tx, owner: &OrganizationId, push: &Push, revision: i64) -> Result<()> {
    const SQL: &str = "
        update federation_push
           set unpushed_by = $3, unpushed_at = $4, until_revision = $5
         where organization_id = $1 and id = $2 and until_revision is null";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(push.id.as_str())
        .bind(push.unpushed.as_ref().map(|stamp| stamp.by.as_str()))
        .bind(push.unpushed.as_ref().map(|stamp| stamp.at.as_millis()))
        .bind(revision)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "federation::push::end")
}
