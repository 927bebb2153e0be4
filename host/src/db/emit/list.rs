//! Emits as the API lists them.

use super::{EmitRow, StoredEmit, columns};
use crate::{
    db::{
        Dialects, Tx, codec, on_db, over_rows,
        page::{Part, paged},
    },
    domain::{
        delivery::Counts,
        id::{EmitId, OrganizationId},
        name::{EventName, Version},
        time::Time,
    },
    error::Result,
};

/// The conditions of a list of emits; a field that is `None` sets none.
#[derive(Clone, Debug, Default)]
pub struct EmitQuery {
    /// Only emits of this event.
    pub event: Option<EventName>,
    /// Only emits in this version.
    pub version: Option<Version>,
    /// Only emits whose deliveries are written (true), or only the others (false).
    pub routed: Option<bool>,
    /// Only emits accepted at or after this time.
    pub from: Option<Time>,
    /// Only emits accepted at or before this time.
    pub to: Option<Time>,
}

/// A page of the organization's custom emits, the newest first, and how many match; served by
/// `emit_organization`.
pub async fn list(
    tx: &mut Tx,
    organization: &OrganizationId,
    query: &EmitQuery,
    part: Part<'_>,
) -> Result<(Vec<StoredEmit>, i64)> {
    let (rows, total): (Vec<EmitRow>, i64) = paged!(
        tx,
        select: columns!(),
        from: "emit",
        where: "organization_id = $1
            and kind = 'custom'
            and (cast($2 as text) is null or namespace = $2)
            and (cast($3 as text) is null or name = $3)
            and (cast($4 as text) is null or version = $4)
            and (cast($5 as boolean) is null or (routed_at is not null) = $5)
            and (cast($6 as bigint) is null or accepted_at >= $6)
            and (cast($7 as bigint) is null or accepted_at <= $7)",
        newest: "id",
        bind: [
            organization.as_str(),
            query.event.as_ref().map(EventName::namespace),
            query.event.as_ref().map(EventName::name),
            query.version.map(|version| version.to_string()),
            query.routed,
            codec::millis(query.from),
            codec::millis(query.to),
        ],
        page: part,
    );
    Ok((rows.into_iter().map(StoredEmit::try_from).collect::<Result<_>>()?, total))
}

/// Counts the deliveries of each emit by status. Emits without deliveries are left out. Served by `delivery_emit`.
pub async fn delivery_counts(
    tx: &mut Tx,
    organization: &OrganizationId,
    ids: &[EmitId],
) -> Result<Vec<(EmitId, Counts)>> {
    // Behind `|| ''` neither database looks through all deliveries of the organization.
    const SQL: Dialects = over_rows!(
        "select emit_id,
                count(case when status = 'PENDING' then 1 end),
                count(case when status = 'RETRYING' then 1 end),
                count(case when status = 'SUCCESS' then 1 end),
                count(case when status = 'FAILED' then 1 end),
                count(case when status = 'SKIPPED' then 1 end)
           from delivery
          where organization_id || '' = $2
            and emit_id in (select item.value ->> 0 from",
        ") group by emit_id"
    );
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<(String, i64, i64, i64, i64, i64)> =
        on_db!(tx, |conn| sqlx::query_as(sql).bind(&ids).bind(organization.as_str()).fetch_all(conn).await)?;
    let counts = rows.into_iter().map(|(id, pending, retrying, success, failed, skipped)| {
        (EmitId::stored(id), Counts { pending, retrying, success, failed, skipped })
    });
    Ok(counts.collect())
}

/// An emit of which at least one delivery became a dead letter.
#[derive(Clone, Debug)]
pub struct FailedEmit {
    pub id: EmitId,
    pub event: EventName,
    pub version: Version,
    /// The reason of one of its dead letters.
    pub error_message: Option<String>,
    pub accepted_at: Time,
}

/// The newest failed emits, newest first: at least one delivery is a dead letter, and none is still
/// pending or retrying. Served by `delivery_failed`.
pub async fn recent_failures(tx: &mut Tx, organization: &OrganizationId, limit: u32) -> Result<Vec<FailedEmit>> {
    // One emit may have many dead letters, so more of them than `limit` are read, up to the newest
    // thousand.
    const SQL: &str = "
        select emit.id, emit.namespace, emit.name, emit.version, max(dead.error_message), emit.accepted_at
          from (select id, emit_id, error_message
                  from delivery
                 where organization_id = $1 and status = 'FAILED'
                 order by id desc
                 limit 1000) as dead
          join emit on emit.id = dead.emit_id
         where emit.kind = 'custom'
           and not exists (select 1
                             from delivery as open
                            where open.emit_id = emit.id and open.status in ('PENDING', 'RETRYING'))
         group by emit.id, emit.namespace, emit.name, emit.version, emit.accepted_at
         order by emit.id desc
         limit $2";
    let rows: Vec<(String, String, String, String, Option<String>, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    let failed =
        |(id, namespace, name, version, error_message, accepted_at): (String, String, String, String, _, _)| {
            Ok(FailedEmit {
                version: codec::sound(version.parse().ok(), "emit", "version", &id)?,
                id: EmitId::stored(id),
                event: EventName::stored(&namespace, &name),
                error_message,
                accepted_at: codec::time(accepted_at),
            })
        };
    rows.into_iter().map(failed).collect()
}
