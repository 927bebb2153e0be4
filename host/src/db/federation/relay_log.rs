//! The log of relays: one row for each attempt.

use sqlx::FromRow;

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        federation::{RelayLog, RelayStatus},
        id::{EmitId, GroupId, MemberId, OrganizationId, PushId, RelayId},
    },
    error::Result,
};

/// Rows of one insert: a parameter of a few hundred kilobytes at most.
const ROWS_PER_STATEMENT_MAX: usize = 1_000;

/// Adds rows, whosever they are: for the workers.
pub async fn insert<'rows>(tx: &mut Tx, rows: impl IntoIterator<Item = &'rows RelayLog>) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into federation_relay_log (id, organization_id, group_id, push_id, member_id, peer_organization_id,
                                           peer_canonical_name, emit_id, attempt, status, response_status,
                                           error_message, created_at)
         select item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4,
                item.value ->> 5, item.value ->> 6, item.value ->> 7, cast(item.value ->> 8 as bigint),
                item.value ->> 9, cast(item.value ->> 10 as bigint), item.value ->> 11,
                cast(item.value ->> 12 as bigint)
           from",
        "where true"
    );
    let row = |row: &RelayLog| {
        (
            row.id.clone(),
            row.owner_id.clone(),
            row.group_id.clone(),
            row.push_id.clone(),
            row.member_id.clone(),
            row.peer_organization_id.clone(),
            row.peer_canonical_name.clone(),
            row.emit_id.clone(),
            row.attempt,
            row.status.as_str(),
            row.response_status,
            row.error_message.clone(),
            row.created_at.as_millis(),
        )
    };
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    for some in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let (sql, some) = (SQL.pick(tx), codec::rows(some)?);
        on_db!(&mut *tx, |conn| sqlx::query(sql).bind(&some).execute(conn).await.map(|_| ()))?;
    }
    Ok(())
}

#[derive(FromRow)]
struct RelayRow {
    id: String,
    organization_id: String,
    group_id: String,
    push_id: String,
    member_id: String,
    peer_organization_id: Option<String>,
    peer_canonical_name: Option<String>,
    emit_id: String,
    attempt: i64,
    status: String,
    response_status: Option<i64>,
    error_message: Option<String>,
    created_at: i64,
}

impl TryFrom<RelayRow> for RelayLog {
    type Error = crate::error::Error;

    fn try_from(row: RelayRow) -> Result<Self> {
        const TABLE: &str = "federation_relay_log";
        let status = row
            .response_status
            .map(|status| codec::sound(u16::try_from(status).ok(), TABLE, "response_status", &row.id));
        Ok(Self {
            attempt: codec::sound(u32::try_from(row.attempt).ok(), TABLE, "attempt", &row.id)?,
            status: codec::sound(RelayStatus::parse(&row.status), TABLE, "status", &row.id)?,
            response_status: status.transpose()?,
            id: RelayId::stored(row.id),
            owner_id: OrganizationId::stored(row.organization_id),
            group_id: GroupId::stored(row.group_id),
            push_id: PushId::stored(row.push_id),
            member_id: MemberId::stored(row.member_id),
            peer_organization_id: row.peer_organization_id.map(OrganizationId::stored),
            peer_canonical_name: row.peer_canonical_name,
            emit_id: EmitId::stored(row.emit_id),
            error_message: row.error_message,
            created_at: codec::time(row.created_at),
        })
    }
}

/// What a list of relays may be narrowed by.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these.
    pub status: Option<RelayStatus>,
    /// Only relays of this emit.
    pub emit: Option<EmitId>,
    /// Only relays to this member.
    pub member: Option<MemberId>,
    /// Only relays to this organization: all that a member sees.
    pub organization: Option<OrganizationId>,
}

/// A page of the relays to a group of the owner, the newest first, and how many match. Served by
/// `federation_relay_log_group`.
pub async fn list(
    tx: &mut Tx,
    owner: &OrganizationId,
    group: &GroupId,
    filter: &Filter,
    limit: u32,
    offset: i64,
) -> Result<(Vec<RelayLog>, i64)> {
    const ROWS: &str = "
        select id, organization_id, group_id, push_id, member_id, peer_organization_id, peer_canonical_name, emit_id,
               attempt, status, response_status, error_message, created_at
          from federation_relay_log
         where organization_id = $1
           and group_id = $2
           and (cast($3 as text) is null or status = $3)
           and (cast($4 as text) is null or emit_id = $4)
           and (cast($5 as text) is null or member_id = $5)
           and (cast($6 as text) is null or peer_organization_id = $6)
         order by id desc
         limit $7 offset $8";
    const TOTAL: &str = "
        select count(*)
          from federation_relay_log
         where organization_id = $1
           and group_id = $2
           and (cast($3 as text) is null or status = $3)
           and (cast($4 as text) is null or emit_id = $4)
           and (cast($5 as text) is null or member_id = $5)
           and (cast($6 as text) is null or peer_organization_id = $6)";
    macro_rules! bound {
        ($query:expr) => {
            $query
                .bind(owner.as_str())
                .bind(group.as_str())
                .bind(filter.status.map(RelayStatus::as_str))
                .bind(filter.emit.as_ref().map(EmitId::as_str))
                .bind(filter.member.as_ref().map(MemberId::as_str))
                .bind(filter.organization.as_ref().map(OrganizationId::as_str))
        };
    }
    let rows: Vec<RelayRow> = on_db!(&mut *tx, |conn| bound!(sqlx::query_as(ROWS))
        .bind(i64::from(limit))
        .bind(offset)
        .fetch_all(conn)
        .await)?;
    let total: i64 = on_db!(tx, |conn| bound!(sqlx::query_scalar(TOTAL)).fetch_one(conn).await)?;
    Ok((rows.into_iter().map(RelayLog::try_from).collect::<Result<_>>()?, total))
}
