//! The relay log: one row for each attempt to relay an emit to a member.

use sqlx::FromRow;

use crate::{
    db::{
        Tx, codec,
        insert::{insert as insert_rows, insertable},
        page::{Part, paged},
    },
    domain::{
        federation::{RelayLog, RelayStatus},
        id::{EmitId, GroupId, MemberId, OrganizationId, PushId, RelayId},
    },
    error::Result,
};

insertable! {
    /// A row of the relay log.
    struct NewRelay<'a> into "federation_relay_log" {
        id: &'a RelayId,
        organization_id: &'a OrganizationId,
        group_id: &'a GroupId,
        push_id: &'a PushId,
        member_id: &'a MemberId,
        peer_organization_id: Option<&'a OrganizationId>,
        peer_canonical_name: Option<&'a str>,
        emit_id: &'a EmitId,
        attempt: u32 as bigint,
        status: &'static str,
        response_status: Option<u16> as bigint,
        error_message: Option<&'a str>,
        created_at: i64 as bigint,
    }
    "where true"
}

/// Adds rows of any organization: for the workers.
pub async fn insert<'rows>(tx: &mut Tx, rows: impl IntoIterator<Item = &'rows RelayLog>) -> Result<()> {
    let row = |log: &'rows RelayLog| NewRelay {
        id: &log.id,
        organization_id: &log.owner_id,
        group_id: &log.group_id,
        push_id: &log.push_id,
        member_id: &log.member_id,
        peer_organization_id: log.peer_organization_id.as_ref(),
        peer_canonical_name: log.peer_canonical_name.as_deref(),
        emit_id: &log.emit_id,
        attempt: log.attempt,
        status: log.status.as_str(),
        response_status: log.response_status,
        error_message: log.error_message.as_deref(),
        created_at: log.created_at.as_millis(),
    };
    let rows: Vec<NewRelay<'_>> = rows.into_iter().map(row).collect();
    insert_rows(tx, &rows).await.map(drop)
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

/// The conditions of a list of relays; a field that is `None` sets none.
#[derive(Clone, Debug, Default)]
pub struct RelayQuery {
    /// Only relays that ended like this.
    pub status: Option<RelayStatus>,
    /// Only relays of this emit.
    pub emit: Option<EmitId>,
    /// Only relays to this member.
    pub member: Option<MemberId>,
    /// Only relays to this organization: a member sees no others.
    pub organization: Option<OrganizationId>,
}

/// A page of the relays to a group of the owner, the newest first, and how many match. Served by
/// `federation_relay_log_group`.
pub async fn list(
    tx: &mut Tx,
    owner: &OrganizationId,
    group: &GroupId,
    query: &RelayQuery,
    part: Part<'_>,
) -> Result<(Vec<RelayLog>, i64)> {
    let (rows, total): (Vec<RelayRow>, i64) = paged!(
        tx,
        select: "id, organization_id, group_id, push_id, member_id, peer_organization_id, peer_canonical_name,
                 emit_id, attempt, status, response_status, error_message, created_at",
        from: "federation_relay_log",
        where: "organization_id = $1
            and group_id = $2
            and (cast($3 as text) is null or status = $3)
            and (cast($4 as text) is null or emit_id = $4)
            and (cast($5 as text) is null or member_id = $5)
            and (cast($6 as text) is null or peer_organization_id = $6)",
        newest: "id",
        bind: [
            owner.as_str(),
            group.as_str(),
            query.status.map(RelayStatus::as_str),
            query.emit.as_ref().map(EmitId::as_str),
            query.member.as_ref().map(MemberId::as_str),
            query.organization.as_ref().map(OrganizationId::as_str),
        ],
        page: part,
    );
    Ok((rows.into_iter().map(RelayLog::try_from).collect::<Result<_>>()?, total))
}
