//! Emits: the audit record and the outbox of routing.

use std::{collections::HashSet, sync::Arc};

use serde::Serialize;
use sqlx::FromRow;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        emit::{Emit, Entity, Fact, Idempotency, Source, Subject},
        id::{EmitId, OrganizationId, PushId, RegistrationId},
        name::EventName,
        time::Time,
    },
    error::Result,
};

mod list;

pub use list::{EmitQuery, FailedEmit, delivery_counts, list, recent_failures};

/// The columns of [`EmitRow`].
macro_rules! columns {
    () => {
        "id, organization_id, registration_id, namespace, name, version, payload, idempotency_key, request_hash,
         chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type, entity_id,
         revision, source_organization_id, push_id"
    };
}
use columns;

#[derive(FromRow)]
struct EmitRow {
    id: String,
    organization_id: String,
    registration_id: String,
    namespace: String,
    name: String,
    version: String,
    payload: String,
    idempotency_key: Option<String>,
    request_hash: Option<String>,
    chain_depth: i64,
    emitted_by: String,
    accepted_at: i64,
    routed_at: Option<i64>,
    claims: i64,
    error_message: Option<String>,
    kind: String,
    entity_type: Option<String>,
    entity_id: Option<String>,
    revision: i64,
    source_organization_id: Option<String>,
    push_id: Option<String>,
}

/// An emit as it is stored, with how far it got.
#[derive(Clone, Debug)]
pub struct StoredEmit {
    /// The emit.
    pub emit: Arc<Emit>,
    /// When its deliveries were written.
    pub routed_at: Option<Time>,
    /// The fencing token of whoever took it last.
    pub claims: i64,
    /// Why it could not be routed yet.
    pub error_message: Option<String>,
}

impl TryFrom<EmitRow> for StoredEmit {
    type Error = crate::error::Error;

    fn try_from(row: EmitRow) -> Result<Self> {
        let subject = subject(&row)?;
        let idempotency = row.idempotency_key.zip(row.request_hash);
        let emit = Emit {
            subject,
            chain_depth: codec::sound(u32::try_from(row.chain_depth).ok(), "emit", "chain_depth", &row.id)?,
            id: EmitId::stored(row.id),
            organization_id: OrganizationId::stored(row.organization_id),
            payload: row.payload.into(),
            idempotency: idempotency.map(|(key, request_hash)| Idempotency { key, request_hash }),
            emitted_by: row.emitted_by,
            accepted_at: codec::time(row.accepted_at),
            revision: row.revision,
            source: row.source_organization_id.zip(row.push_id).map(|(organization, push)| Source {
                organization_id: OrganizationId::stored(organization),
                push_id: PushId::stored(push),
            }),
        };
        Ok(Self {
            emit: Arc::new(emit),
            routed_at: codec::time_opt(row.routed_at),
            claims: row.claims,
            error_message: row.error_message,
        })
    }
}

/// The words for what an emit is. Of what is not custom, namespace, version and registration are
/// empty, and the name is the whole event type.
const CUSTOM: &str = "custom";
const LIFECYCLE: &str = "lifecycle";
const INGESTED: &str = "ingested";

fn subject(row: &EmitRow) -> Result<Subject> {
    let fact = || Fact {
        event_type: row.name.clone(),
        entity: row.entity_type.clone().zip(row.entity_id.clone()).map(|(kind, id)| Entity { kind, id }),
    };
    match row.kind.as_str() {
        CUSTOM => Ok(Subject::Custom {
            registration_id: RegistrationId::stored(row.registration_id.clone()),
            event: EventName::stored(&row.namespace, &row.name),
            version: codec::sound(row.version.parse().ok(), "emit", "version", &row.id)?,
        }),
        LIFECYCLE => Ok(Subject::Lifecycle(fact())),
        INGESTED => Ok(Subject::Ingested(fact())),
        _ => codec::sound(None, "emit", "kind", &row.id),
    }
}

/// The text that an event's name is stored as, with the namespace before it and the version after.
pub(super) fn stored_event_type(organization: &OrganizationId, namespace: &str, name: &str, version: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        EventName::stored(namespace, name).canonical(organization, version)
    }
}

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

/// Inserts events that are due at once, for whoever looks at the table.
pub async fn record(tx: &mut Tx, emits: &[Emit]) -> Result<()> {
    let rows: Vec<NewRow<'_>> =
        emits.iter().map(|emit| NewRow { emit, due_at: Some(emit.accepted_at), claims: 0 }).collect();
    insert(tx, &rows).await.map(drop)
}

/// An emit of the organization: its own, or one that was relayed to it.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &EmitId) -> Result<Option<StoredEmit>> {
    const SQL: &str = "
        select id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
               request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type,
               entity_id, revision, source_organization_id, push_id
          from emit
         where organization_id = $1 and id in ($2, $2 || '-' || $1)";
    let row: Option<EmitRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(StoredEmit::try_from).transpose()
}

/// What was accepted first with an idempotency key.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    /// The emit.
    pub id: EmitId,
    /// Its name in full.
    pub event_type: String,
    /// SHA-256 of what was asked.
    pub request_hash: String,
}

/// What was accepted with this idempotency key, also when it is deleted by now; served by
/// `emit_idempotency` and the key of `emit_key`.
pub async fn find_by_key(tx: &mut Tx, organization: &OrganizationId, key: &str) -> Result<Option<KeyHolder>> {
    const SQL: &str = "
        select id, namespace, name, version, request_hash
          from emit
         where organization_id = $1 and idempotency_key = $2
        union all
        select emit_id, namespace, name, version, request_hash
          from emit_key
         where organization_id = $1 and idempotency_key = $2
         limit 1";
    let row: Option<(String, String, String, String, String)> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(organization.as_str()).bind(key).fetch_optional(conn).await)?;
    Ok(row.map(|(id, namespace, name, version, request_hash)| KeyHolder {
        id: EmitId::stored(id),
        event_type: stored_event_type(organization, &namespace, &name, &version),
        request_hash,
    }))
}

/// The emits with these ids, whosever they are: for the workers, who hold claims on them.
pub async fn load(tx: &mut Tx, ids: &[&EmitId]) -> Result<Vec<StoredEmit>> {
    const SQL: Dialects = over_rows!(
        "select id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
                request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type,
               entity_id, revision, source_organization_id, push_id
           from emit
          where id in (select item.value ->> 0 from",
        ")"
    );
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(sql).bind(&ids).fetch_all(conn).await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}

/// The next emits of the organization after one of them that were accepted under a revision before
/// this one, in order; served by `emit_organization`.
pub async fn accepted_before(
    tx: &mut Tx,
    organization: &OrganizationId,
    after: &EmitId,
    revision: i64,
    limit: u32,
) -> Result<Vec<StoredEmit>> {
    const SQL: &str = "
        select id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
               request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type,
               entity_id, revision, source_organization_id, push_id
          from emit
         where organization_id = $1 and id > $2 and revision < $3
         order by id
         limit $4";
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(after.as_str())
        .bind(revision)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}

/// Takes up to `limit` emits that are due, the oldest first, until `lease_until`.
pub async fn claim_due(tx: &mut Tx, now: Time, lease_until: Time, limit: u32) -> Result<Vec<StoredEmit>> {
    // SQLite's writer is alone anyway; PostgreSQL's hosts must not wait for each other's rows.
    const SQL: Dialects = Dialects {
        sqlite: "
            with due as (select id from emit where due_at <= $1 order by due_at limit $3)
            update emit
               set due_at = $2, claims = claims + 1
             where id in (select id from due)
            returning id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
                      request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type,
               entity_id, revision, source_organization_id, push_id",
        postgres: "
            with due as (select id from emit where due_at <= $1 order by due_at limit $3 for update skip locked)
            update emit
               set due_at = $2, claims = claims + 1
             where id in (select id from due)
            returning id, organization_id, registration_id, namespace, name, version, payload, idempotency_key,
                      request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message, kind, entity_type,
               entity_id, revision, source_organization_id, push_id",
    };
    let sql = SQL.pick(tx);
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(now.as_millis())
        .bind(lease_until.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}

/// Puts an emit that could not be routed back until `due_at`, saying why; nothing happens when
/// somebody else has taken it since.
pub async fn put_back(tx: &mut Tx, id: &EmitId, claims: i64, due_at: Time, why: &str) -> Result<()> {
    const SQL: &str =
        "update emit set due_at = $3, error_message = $4 where id = $1 and claims = $2 and routed_at is null";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(id.as_str())
        .bind(claims)
        .bind(due_at.as_millis())
        .bind(why)
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Ends all leases at `now`: only the one owner of a database may do so, when it starts.
pub async fn end_leases(tx: &mut Tx, now: Time) -> Result<u64> {
    const SQL: &str = "update emit set due_at = $1 where due_at > $1";
    on_db!(tx, |conn| sqlx::query(SQL).bind(now.as_millis()).execute(conn).await.map(|done| done.rows_affected()))
}

/// How many emits wait for routing, and since when the oldest does.
pub async fn backlog(tx: &mut Tx) -> Result<(i64, Option<Time>)> {
    const SQL: &str = "select count(*), min(accepted_at) from emit where due_at is not null";
    let (count, oldest): (i64, Option<i64>) = on_db!(tx, |conn| sqlx::query_as(SQL).fetch_one(conn).await)?;
    Ok((count, codec::time_opt(oldest)))
}

/// Whether an emit is due for routing: a look that writes nothing.
pub async fn is_any_due(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from emit where due_at <= $1)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}

/// Whether an emit is due for routing, or claimed by anybody: for tests. One that was put back
/// says why, and waits for its time.
pub async fn is_any_left(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "
        select exists (select 1 from emit where due_at is not null and (error_message is null or due_at <= $1))";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}
