//! Members of federation groups, and the revisions between which each of them gets events.

use sqlx::FromRow;

use super::stamp;
use crate::{
    db::{Tx, codec, on_db, one_row},
    domain::{
        federation::{Member, Peer, Stamp, Status},
        id::{GroupId, MemberId, OrganizationId},
    },
    error::{Error, Result},
};

const TABLE: &str = "federation_member";

/// The columns of [`MemberRow`].
macro_rules! columns {
    () => {
        "id, group_id, member_organization_id, webhook_url, label, header_names, status, invited_by, invited_at,
         accepted_by, accepted_at, paused_by, paused_at, removed_by, removed_at"
    };
}

#[derive(FromRow)]
struct MemberRow {
    id: String,
    group_id: String,
    member_organization_id: Option<String>,
    webhook_url: Option<String>,
    label: Option<String>,
    header_names: Option<String>,
    status: String,
    invited_by: String,
    invited_at: i64,
    accepted_by: Option<String>,
    accepted_at: Option<i64>,
    paused_by: Option<String>,
    paused_at: Option<i64>,
    removed_by: Option<String>,
    removed_at: Option<i64>,
}

impl TryFrom<MemberRow> for Member {
    type Error = Error;

    fn try_from(row: MemberRow) -> Result<Self> {
        let names = row.header_names.as_deref().map(serde_json::from_str).transpose().ok().flatten();
        let external = row.webhook_url.zip(row.label).zip(names);
        let external = external.map(|((url, label), header_names)| Peer::External { url, label, header_names });
        let tenant = row.member_organization_id.map(|id| Peer::Organization(OrganizationId::stored(id)));
        Ok(Self {
            peer: codec::sound(tenant.or(external), TABLE, "peer_type", &row.id)?,
            status: codec::sound(Status::parse(&row.status), TABLE, "status", &row.id)?,
            invited: Stamp { by: row.invited_by, at: codec::time(row.invited_at) },
            accepted: stamp(row.accepted_by, row.accepted_at, TABLE, "accepted_at", &row.id)?,
            paused: stamp(row.paused_by, row.paused_at, TABLE, "paused_at", &row.id)?,
            removed: stamp(row.removed_by, row.removed_at, TABLE, "removed_at", &row.id)?,
            id: MemberId::stored(row.id),
            group_id: GroupId::stored(row.group_id),
        })
    }
}

/// The secrets of an external peer, encrypted.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The signing secret.
    pub secret: Vec<u8>,
    /// The static headers; `None` when it has none.
    pub headers: Option<Vec<u8>>,
}

/// Adds a member to a group of the owner; only an external peer has `sealed` secrets.
pub async fn insert(tx: &mut Tx, owner: &OrganizationId, member: &Member, sealed: Option<&Sealed>) -> Result<()> {
    const SQL: &str = "
        insert into federation_member (id, organization_id, group_id, peer_type, member_organization_id, webhook_url,
                                       label, header_names, headers_encrypted, secret_encrypted, status, invited_by,
                                       invited_at, accepted_by, accepted_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let m = member;
    let (url, label, names) = match &m.peer {
        Peer::Organization(_) => (None, None, None),
        Peer::External { url, label, header_names } => {
            let names = serde_json::to_string(header_names).map_err(Error::internal)?;
            (Some(url.as_str()), Some(label.as_str()), Some(names))
        }
    };
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(m.id.as_str())
        .bind(owner.as_str())
        .bind(m.group_id.as_str())
        .bind(m.peer.kind())
        .bind(m.peer.organization().map(OrganizationId::as_str))
        .bind(url)
        .bind(label)
        .bind(names)
        .bind(sealed.and_then(|sealed| sealed.headers.as_deref()))
        .bind(sealed.map(|sealed| sealed.secret.as_slice()))
        .bind(m.status.as_str())
        .bind(&m.invited.by)
        .bind(m.invited.at.as_millis())
        .bind(m.accepted.as_ref().map(|stamp| stamp.by.as_str()))
        .bind(m.accepted.as_ref().map(|stamp| stamp.at.as_millis()))
        .execute(conn)
        .await
        .map(|_| ()))
}

/// A member of a group of the owner.
pub async fn find(tx: &mut Tx, owner: &OrganizationId, id: &MemberId) -> Result<Option<Member>> {
    const SQL: &str = concat!("select ", columns!(), " from federation_member where organization_id = $1 and id = $2");
    let row: Option<MemberRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(owner.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    row.map(Member::try_from).transpose()
}

/// The membership of an organization in a group of the owner; served by
/// `federation_member_organization`.
pub async fn find_organization(
    tx: &mut Tx,
    owner: &OrganizationId,
    group: &GroupId,
    organization: &OrganizationId,
) -> Result<Option<Member>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from federation_member where organization_id = $1 and group_id = $2 and member_organization_id = $3"
    );
    let row: Option<MemberRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(owner.as_str())
        .bind(group.as_str())
        .bind(organization.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(Member::try_from).transpose()
}

/// All members of a group of the owner, in the order in which they were first invited; served by
/// `federation_member_group`.
pub async fn list(tx: &mut Tx, owner: &OrganizationId, group: &GroupId) -> Result<Vec<Member>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from federation_member where organization_id = $1 and group_id = $2 order by id"
    );
    let rows: Vec<MemberRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(owner.as_str()).bind(group.as_str()).fetch_all(conn).await)?;
    rows.into_iter().map(Member::try_from).collect()
}

/// The group of a member. No organization is checked here: the caller then checks who may see the group.
pub async fn group_of(tx: &mut Tx, id: &MemberId) -> Result<Option<GroupId>> {
    const SQL: &str = "select group_id from federation_member where id = $1";
    let group: Option<String> =
        on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(id.as_str()).fetch_optional(conn).await)?;
    Ok(group.map(GroupId::stored))
}

/// The member organizations that are told of changes of the group, the accepted and paused ones, each with
/// its revision.
pub async fn audience(tx: &mut Tx, owner: &OrganizationId, group: &GroupId) -> Result<Vec<(OrganizationId, i64)>> {
    const SQL: &str = "
        select organization.id, organization.revision
          from federation_member
          join organization on organization.id = federation_member.member_organization_id
         where federation_member.organization_id = $1
           and group_id = $2
           and status in ('accepted', 'paused')
         order by federation_member.id";
    let rows: Vec<(String, i64)> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(owner.as_str()).bind(group.as_str()).fetch_all(conn).await)?;
    Ok(rows.into_iter().map(|(id, revision)| (OrganizationId::stored(id), revision)).collect())
}

/// Stores status and stamps. A removal deletes the encrypted secrets; an acceptance forgets earlier
/// failures of the endpoint.
pub async fn update(tx: &mut Tx, owner: &OrganizationId, member: &Member) -> Result<()> {
    const SQL: &str = "
        update federation_member
           set status = $3, invited_by = $4, invited_at = $5, accepted_by = $6, accepted_at = $7, paused_by = $8,
               paused_at = $9, removed_by = $10, removed_at = $11,
               secret_encrypted = case when $3 = 'removed' then null else secret_encrypted end,
               headers_encrypted = case when $3 = 'removed' then null else headers_encrypted end,
               failing_since = case when $3 = 'accepted' then null else failing_since end
         where organization_id = $1 and id = $2";
    let m = member;
    let by = |stamp: &Option<Stamp>| stamp.as_ref().map(|stamp| stamp.by.clone());
    let at = |stamp: &Option<Stamp>| stamp.as_ref().map(|stamp| stamp.at.as_millis());
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(m.id.as_str())
        .bind(m.status.as_str())
        .bind(&m.invited.by)
        .bind(m.invited.at.as_millis())
        .bind(by(&m.accepted))
        .bind(at(&m.accepted))
        .bind(by(&m.paused))
        .bind(at(&m.paused))
        .bind(by(&m.removed))
        .bind(at(&m.removed))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "federation::member::update")
}

/// Stores that the member gets events accepted at `revision` of the owner or later.
pub async fn open(tx: &mut Tx, owner: &OrganizationId, id: &MemberId, revision: i64) -> Result<()> {
    const SQL: &str = "
        insert into federation_membership (organization_id, member_id, since_revision)
        values ($1, $2, $3)";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(id.as_str())
        .bind(revision)
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Stores that the member gets no events accepted at `revision` of the owner or later.
pub async fn close(tx: &mut Tx, owner: &OrganizationId, id: &MemberId, revision: i64) -> Result<()> {
    const SQL: &str = "
        update federation_membership
           set until_revision = $3
         where organization_id = $1 and member_id = $2 and until_revision is null";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(id.as_str())
        .bind(revision)
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "federation::member::close")
}
