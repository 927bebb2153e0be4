//! Inserting emits: the one place for accepted, lifecycle and relayed events.

use std::{collections::HashSet, sync::Arc};

use serde::Serialize;

use weir_runtime::Digest;

use super::{CUSTOM, INGESTED, LIFECYCLE};
use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        emit::{Emit, Subject},
        id::{EmitId, OrganizationId},
        registration::PLATFORM,
        time::Time,
    },
    error::Result,
};

/// An emit as it is inserted.
#[derive(Clone, Copy)]
pub(super) struct NewRow<'a> {
    /// The emit.
    pub(super) emit: &'a Emit,
    /// When routing may take it, or take it again; `None` when it is routed already.
    pub(super) due_at: Option<Time>,
    /// Claims so far: 1 when the inserting process routes it itself.
    pub(super) claims: i64,
}

/// Inserts emits and gives the ids of those that are in: one whose idempotency key exists, in the
/// table or earlier in the list, is left out.
pub(super) async fn insert(tx: &mut Tx, rows: &[NewRow<'_>]) -> Result<HashSet<String>> {
    const INSERT: Dialects = over_rows!(
        "insert into emit (id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
                           request_hash, chain_depth, emitted_by, accepted_at, due_at, claims, routed_at, kind,
                           entity_type, entity_id, revision)
         select item.value ->> 0, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4,
                item.value ->> 5, item.value ->> 6, item.value ->> 7, item.value ->> 8,
                cast(item.value ->> 9 as bigint), item.value ->> 10, cast(item.value ->> 11 as bigint),
                cast(item.value ->> 12 as bigint), cast(item.value ->> 13 as bigint),
                cast(item.value ->> 14 as bigint), item.value ->> 15, item.value ->> 16, item.value ->> 17,
                cast(item.value ->> 18 as bigint)
           from",
        "where true
         on conflict (organization_id, idempotency_key) where idempotency_key is not null do nothing"
    );
    const FIND: Dialects = over_rows!("select emit.id from", "join emit on emit.id = item.value ->> 0");
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let columns: Vec<_> = rows.iter().map(Columns::of).collect();
    let (sql, columns) = (INSERT.pick(tx), codec::rows(&columns)?);
    let inserted = on_db!(&mut *tx, |conn| {
        sqlx::query(sql).bind(&columns).execute(conn).await.map(|done| done.rows_affected())
    })?;
    // A number is one message from the database, ids are one each: they are asked for only if some
    // were left out, which is rare.
    if inserted == rows.len() as u64 {
        return Ok(rows.iter().map(|row| row.emit.id.to_string()).collect());
    }
    let ids: Vec<[&EmitId; 1]> = rows.iter().map(|row| [&row.emit.id]).collect();
    let (sql, ids) = (FIND.pick(tx), codec::rows(&ids)?);
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&ids).fetch_all(conn).await)?;
    Ok(ids.into_iter().collect())
}

/// The columns of an emit, in the order of the statement above.
#[derive(Serialize)]
struct Columns<'a>(
    &'a EmitId,
    &'a OrganizationId,
    &'a str,
    &'a str,
    &'a str,
    String,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    u32,
    &'a str,
    i64,
    Option<i64>,
    i64,
    Option<i64>,
    &'static str,
    Option<&'a str>,
    Option<&'a str>,
    i64,
);

impl<'a> Columns<'a> {
    fn of(row: &NewRow<'a>) -> Self {
        let emit = row.emit;
        let idempotency = emit.idempotency.as_ref();
        let (kind, registration, namespace, name, version) = match &emit.subject {
            Subject::Custom { registration_id, event, version } => {
                (CUSTOM, registration_id.as_str(), event.namespace(), event.name(), version.to_string())
            }
            Subject::Lifecycle(fact) => (LIFECYCLE, "", "", fact.event_type.as_str(), String::new()),
            Subject::Ingested(fact) => (INGESTED, "", "", fact.event_type.as_str(), String::new()),
        };
        let entity = emit.subject.entity();
        Self(
            &emit.id,
            &emit.organization_id,
            registration,
            namespace,
            name,
            version,
            &emit.payload,
            idempotency.map(|idempotency| idempotency.key.as_str()),
            idempotency.map(|idempotency| idempotency.request_hash.as_str()),
            emit.chain_depth,
            &emit.emitted_by,
            emit.accepted_at.as_millis(),
            codec::millis(row.due_at),
            row.claims,
            row.due_at.is_none().then_some(emit.accepted_at.as_millis()),
            kind,
            entity.map(|entity| entity.kind.as_str()),
            entity.map(|entity| entity.id.as_str()),
            emit.revision,
        )
    }
}

/// Inserts events that wait in the table for routing, due at once.
pub async fn insert_due(tx: &mut Tx, emits: &[Emit]) -> Result<()> {
    let rows: Vec<NewRow<'_>> =
        emits.iter().map(|emit| NewRow { emit, due_at: Some(emit.accepted_at), claims: 0 }).collect();
    insert(tx, &rows).await.map(drop)
}

/// The emit of a member that an owner's emit is relayed to.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// The owner's emit.
    pub of: EmitId,
    /// The member's emit.
    pub emit: Arc<Emit>,
    /// When it was routed, and by which router; `None` when it waits in the table for routing, due at once.
    pub routed: Option<(Time, Option<Digest>)>,
}

/// Inserts emits of members and gives those that were not there before: a member has each emit once,
/// however many pushes bring it. The payload is copied from the owner's row. The emit's revision has to
/// be the member's present one, so that the subscriptions that exist now get it by routing, and later
/// ones only if they ask for earlier events.
pub async fn insert_relayed(tx: &mut Tx, relayed: &[Relayed], now: Time) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "insert into emit (id, organization_id, registration_id, namespace, name, version, payload, chain_depth,
                           emitted_by, accepted_at, claims, kind, source_organization_id, push_id, revision, due_at,
                           routed_at, router_digest)
         select item.value ->> 1, item.value ->> 2, source.registration_id, source.namespace, source.name,
                source.version, source.payload, source.chain_depth, $2, source.accepted_at, 0, source.kind,
                source.organization_id, item.value ->> 3, cast(item.value ->> 4 as bigint),
                cast(item.value ->> 5 as bigint), cast(item.value ->> 6 as bigint), item.value ->> 7
           from",
        "join emit as source on source.id = item.value ->> 0
         where true
         on conflict (id) do nothing
         returning id"
    );
    if relayed.is_empty() {
        return Ok(HashSet::new());
    }
    let row = |relayed: &Relayed| {
        let emit = &relayed.emit;
        let due_at = relayed.routed.is_none().then_some(now);
        (
            relayed.of.clone(),
            emit.id.clone(),
            emit.organization_id.clone(),
            emit.source.as_ref().map(|source| source.push_id.clone()),
            emit.revision,
            codec::millis(due_at),
            relayed.routed.map(|(at, _)| at.as_millis()),
            relayed.routed.and_then(|(_, router)| router).map(|router| router.to_string()),
        )
    };
    let rows: Vec<_> = relayed.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&rows).bind(PLATFORM).fetch_all(conn).await)?;
    Ok(ids.into_iter().map(EmitId::stored).collect())
}
