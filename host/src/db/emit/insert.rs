//! Inserts emits: accepted ones, lifecycle events, and relays.

use std::{collections::HashSet, sync::Arc};

use weir_runtime::Digest;

use super::{CUSTOM, INGESTED, LIFECYCLE};
use crate::{
    db::{
        Dialects, Tx, codec,
        insert::{insert as insert_rows, insertable},
        on_db, over_rows,
    },
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
    pub(super) emit: &'a Emit,
    /// When routing may take it, or take it again; `None` when it is routed already.
    pub(super) due_at: Option<Time>,
    /// Claims so far: 1 when the inserting process routes it itself.
    pub(super) claims: i64,
}

/// Bytes of the largest payload that is stored in the row of its emit: a row that is no larger fits a page
/// of the database.
const ROW_PAYLOAD_BYTES_MAX: usize = 2_048;

/// Inserts emits and returns the ids of those that are in: one whose idempotency key exists, in the table or
/// earlier in the list, is left out.
pub(super) async fn insert(tx: &mut Tx, rows: &[NewRow<'_>]) -> Result<HashSet<String>> {
    const FIND: Dialects = over_rows!("select emit.id from", "join emit on emit.id = item.value ->> 0");
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let columns: Vec<Columns<'_>> = rows.iter().map(Columns::of).collect();
    // The database sends a count as one message and each id as another, so ids are read only if some
    // emits were left out, which is rare.
    let inserted: HashSet<String> = if insert_rows(tx, &columns).await? == rows.len() as u64 {
        rows.iter().map(|row| row.emit.id.to_string()).collect()
    } else {
        let ids: Vec<[&EmitId; 1]> = rows.iter().map(|row| [&row.emit.id]).collect();
        let (sql, ids) = (FIND.pick(tx), codec::rows(&ids)?);
        let ids: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&ids).fetch_all(conn).await)?;
        ids.into_iter().collect()
    };
    for row in rows.iter().filter(|row| is_large(&row.emit.payload) && inserted.contains(row.emit.id.as_str())) {
        insert_payload(tx, row.emit).await?;
    }
    Ok(inserted)
}

fn is_large(payload: &str) -> bool {
    payload.len() > ROW_PAYLOAD_BYTES_MAX
}

/// Inserts a payload that is too large for the row of its emit.
async fn insert_payload(tx: &mut Tx, emit: &Emit) -> Result<()> {
    const SQL: &str = "insert into emit_payload (emit_id, payload) values ($1, $2)";
    on_db!(tx, |conn| sqlx::query(SQL).bind(emit.id.as_str()).bind(&*emit.payload).execute(conn).await.map(drop))
}

insertable! {
    /// The columns of an emit that is inserted. Of emits with one idempotency key the first stays.
    struct Columns<'a> into "emit" {
        id: &'a EmitId,
        organization_id: &'a OrganizationId,
        registration_id: &'a str,
        namespace: &'a str,
        name: &'a str,
        version: String,
        payload: &'a str,
        idempotency_key: Option<&'a str>,
        request_hash: Option<&'a str>,
        chain_depth: u32 as bigint,
        emitted_by: &'a str,
        accepted_at: i64 as bigint,
        due_at: Option<i64> as bigint,
        claims: i64 as bigint,
        routed_at: Option<i64> as bigint,
        kind: &'static str,
        entity_type: Option<&'a str>,
        entity_id: Option<&'a str>,
        revision: i64 as bigint,
    }
    "where true on conflict (organization_id, idempotency_key) where idempotency_key is not null do nothing"
}

impl<'a> Columns<'a> {
    fn of(row: &NewRow<'a>) -> Self {
        let emit = row.emit;
        let idempotency = emit.idempotency.as_ref();
        let (kind, registration_id, namespace, name, version) = match &emit.subject {
            Subject::Custom { registration_id, event, version } => {
                (CUSTOM, registration_id.as_str(), event.namespace(), event.name(), version.to_string())
            }
            Subject::Lifecycle(fact) => (LIFECYCLE, "", "", fact.event_type.as_str(), String::new()),
            Subject::Ingested(fact) => (INGESTED, "", "", fact.event_type.as_str(), String::new()),
        };
        let entity = emit.subject.entity();
        Self {
            id: &emit.id,
            organization_id: &emit.organization_id,
            registration_id,
            namespace,
            name,
            version,
            payload: if is_large(&emit.payload) { "" } else { &emit.payload },
            idempotency_key: idempotency.map(|idempotency| idempotency.key.as_str()),
            request_hash: idempotency.map(|idempotency| idempotency.request_hash.as_str()),
            chain_depth: emit.chain_depth,
            emitted_by: &emit.emitted_by,
            accepted_at: emit.accepted_at.as_millis(),
            due_at: codec::millis(row.due_at),
            claims: row.claims,
            routed_at: row.due_at.is_none().then_some(emit.accepted_at.as_millis()),
            kind,
            entity_type: entity.map(|entity| entity.kind.as_str()),
            entity_id: entity.map(|entity| entity.id.as_str()),
            revision: emit.revision,
        }
    }
}

/// Inserts emits that wait in the table for routing, due at once.
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

/// Inserts emits of members and returns those that were not there before: a member has each emit once,
/// however many pushes bring it. A payload that is not large is copied from the owner's row. The emit's revision has to be
/// the member's present one, so that the subscriptions that exist now get it by routing, and later ones only
/// if they ask for earlier events.
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
    let ids: Vec<String> =
        on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).bind(PLATFORM).fetch_all(conn).await)?;
    let inserted: HashSet<EmitId> = ids.into_iter().map(EmitId::stored).collect();
    let mut large: Vec<&Arc<Emit>> =
        relayed.iter().map(|relayed| &relayed.emit).filter(|emit| is_large(&emit.payload)).collect();
    // Two pushes may bring one emit to one member.
    large.sort_unstable_by_key(|emit| &emit.id);
    large.dedup_by_key(|emit| &emit.id);
    for emit in large.into_iter().filter(|emit| inserted.contains(&emit.id)) {
        insert_payload(tx, emit).await?;
    }
    Ok(inserted)
}
