//! Federation groups.

use sqlx::FromRow;

use crate::{
    db::{Tx, codec, on_db, one_row},
    domain::{
        federation::{Group, GroupView, Role, Status},
        id::{GroupId, OrganizationId},
    },
    error::Result,
};

/// Selects the rows of [`GroupRow`]: groups with the membership of the viewer `$1`. The statement that uses
/// it adds the condition.
macro_rules! views {
    () => {
        "select g.id, g.organization_id, g.name, g.description, g.created_by, g.created_at, g.updated_at,
                g.archived_at, m.status as member_status,
                (select count(*)
                   from federation_member as c
                  where c.group_id = g.id
                    and (g.organization_id = $1 or c.peer_type = 'tenant_org')) as member_count,
                (select count(*)
                   from federation_push as p
                  where p.group_id = g.id and p.until_revision is null) as push_count
           from federation_group as g
           left join federation_member as m on m.group_id = g.id and m.member_organization_id = $1"
    };
}

#[derive(FromRow)]
struct GroupRow {
    id: String,
    organization_id: String,
    name: String,
    description: Option<String>,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    archived_at: Option<i64>,
    member_status: Option<String>,
    member_count: i64,
    push_count: i64,
}

impl TryFrom<GroupRow> for GroupView {
    type Error = crate::error::Error;

    fn try_from(row: GroupRow) -> Result<Self> {
        // An owner is no member of its own group, so a viewer without a membership is the owner.
        let role = match &row.member_status {
            None => Role::Owner,
            Some(text) => Role::Member(codec::sound(Status::parse(text), "federation_member", "status", &row.id)?),
        };
        let group = Group {
            id: GroupId::stored(row.id),
            owner_id: OrganizationId::stored(row.organization_id),
            name: row.name,
            description: row.description,
            created_by: row.created_by,
            created_at: codec::time(row.created_at),
            updated_at: codec::time(row.updated_at),
            archived_at: codec::time_opt(row.archived_at),
        };
        // A removed member sees of the group's members only itself, and none of its pushes.
        let (member_count, push_count) = if role.sees_within() { (row.member_count, row.push_count) } else { (1, 0) };
        Ok(Self { group, role, member_count, push_count })
    }
}

/// Adds a group of the owner. A unique violation means that the name is taken.
pub async fn insert(tx: &mut Tx, owner: &OrganizationId, group: &Group) -> Result<()> {
    const SQL: &str = "
        insert into federation_group (id, organization_id, name, description, created_by, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let g = group;
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(g.id.as_str())
        .bind(owner.as_str())
        .bind(&g.name)
        .bind(&g.description)
        .bind(&g.created_by)
        .bind(g.created_at.as_millis())
        .bind(g.updated_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Whether a group of the owner that is not archived has this name; served by
/// `federation_group_name`.
pub async fn is_name_taken(tx: &mut Tx, owner: &OrganizationId, name: &str) -> Result<bool> {
    const SQL: &str = "
        select count(*)
          from federation_group
         where organization_id = $1 and name = $2 and archived_at is null";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(owner.as_str()).bind(name).fetch_one(conn).await)?;
    Ok(count > 0)
}

/// A group that the viewer owns or is, or was, a member of.
pub async fn find(tx: &mut Tx, viewer: &OrganizationId, id: &GroupId) -> Result<Option<GroupView>> {
    const SQL: &str = concat!(views!(), " where g.id = $2 and (g.organization_id = $1 or m.id is not null)");
    let row: Option<GroupRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(viewer.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(GroupView::try_from).transpose()
}

/// The groups that the viewer owns or is, or was, a member of, the newest first; served by
/// `federation_group_organization` and `federation_member_organization`.
pub async fn list(tx: &mut Tx, viewer: &OrganizationId, with_archived: bool) -> Result<Vec<GroupView>> {
    const SQL: &str = concat!(
        views!(),
        " where g.id in (select id from federation_group where organization_id = $1
                         union all
                         select group_id from federation_member where member_organization_id = $1)
            and (cast($2 as boolean) or g.archived_at is null)
          order by g.id desc"
    );
    let rows: Vec<GroupRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(viewer.as_str()).bind(with_archived).fetch_all(conn).await)?;
    rows.into_iter().map(GroupView::try_from).collect()
}

/// Stores that a group was archived. Events accepted at `revision` or later are not relayed to it.
pub async fn archive(tx: &mut Tx, owner: &OrganizationId, group: &Group, revision: i64) -> Result<()> {
    const SQL: &str = "
        update federation_group
           set archived_at = $3, updated_at = $4, until_revision = $5
         where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(group.id.as_str())
        .bind(codec::millis(group.archived_at))
        .bind(group.updated_at.as_millis())
        .bind(revision)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "federation::group::archive")
}
