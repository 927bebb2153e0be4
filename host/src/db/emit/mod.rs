//! Emits: the record of accepted events, and the outbox of routing.

use std::sync::Arc;

use sqlx::FromRow;

use weir_runtime::Digest;

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        emit::{Emit, Entity, Fact, Idempotency, RelaySource, Subject},
        id::{EmitId, OrganizationId, PushId, RegistrationId},
        name::EventName,
        time::Time,
    },
    error::Result,
};

mod accept;
mod claim;
mod insert;
mod list;
mod route;

pub use accept::{Acceptance, Charge, NewEmit, accept};
pub use claim::{claim_due, due_organizations, end_leases, is_any_left, put_back, unrouted};
pub use insert::{Relayed, insert_due, insert_relayed};
pub use list::{EmitQuery, FailedEmit, delivery_counts, list, recent_failures};
pub use route::{Routed, mark_routed};

/// The columns of [`EmitRow`].
macro_rules! columns {
    () => {
        concat!(
            "id, organization_id, registration_id, namespace, name, version, ",
            crate::db::emit::payload!(),
            ", idempotency_key, request_hash, chain_depth, emitted_by, accepted_at, routed_at, claims, error_message,
             kind, entity_type, entity_id, revision, source_organization_id, push_id, router_digest"
        )
    };
}
use columns;

/// The column `payload` of an emit, wherever the payload is stored.
macro_rules! payload {
    () => {
        "case when payload = ''
              then (select large.payload from emit_payload as large where large.emit_id = emit.id)
              else payload end as payload"
    };
}
pub(super) use payload;

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
    router_digest: Option<String>,
}

/// A stored emit, with the state of its routing.
#[derive(Clone, Debug)]
pub struct StoredEmit {
    pub emit: Arc<Emit>,
    /// When its deliveries were written; `None` while it waits for routing.
    pub routed_at: Option<Time>,
    /// The fencing token of the last claim.
    pub claims: i64,
    /// Why it could not be routed yet; `None` unless that was tried.
    pub error_message: Option<String>,
    /// The router that chose its receivers; `None` when there was nothing to choose from.
    pub router: Option<Digest>,
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
            source: row.source_organization_id.zip(row.push_id).map(|(organization, push)| RelaySource {
                organization_id: OrganizationId::stored(organization),
                push_id: PushId::stored(push),
            }),
        };
        Ok(Self {
            emit: Arc::new(emit),
            routed_at: codec::time_opt(row.routed_at),
            claims: row.claims,
            error_message: row.error_message,
            router: row.router_digest.as_deref().and_then(Digest::parse),
        })
    }
}

/// The words in the column `kind`. Emits that are not custom have an empty namespace, version and
/// registration, and their name is the whole event type.
const CUSTOM: &str = "custom";
const LIFECYCLE: &str = "lifecycle";
const INGESTED: &str = "ingested";

/// Reads the kind of an emit, and what comes with it.
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

/// The event type of a stored emit: the canonical name of a custom event, or the whole name of another.
pub(super) fn stored_event_type(organization: &OrganizationId, namespace: &str, name: &str, version: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        EventName::stored(namespace, name).canonical(organization, version)
    }
}

/// An emit of the organization: one of its own, or one that was relayed to it.
pub async fn find(tx: &mut Tx, organization: &OrganizationId, id: &EmitId) -> Result<Option<StoredEmit>> {
    const SQL: &str =
        concat!("select ", columns!(), " from emit where organization_id = $1 and id in ($2, $2 || '-' || $1)");
    let row: Option<EmitRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(id.as_str())
        .fetch_optional(conn)
        .await)?;
    row.map(StoredEmit::try_from).transpose()
}

/// The emit that was accepted first with an idempotency key.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    pub id: EmitId,
    /// The event type of the emit.
    pub event_type: String,
    /// SHA-256 of the request.
    pub request_hash: String,
}

/// The emit that holds an idempotency key, even if it is deleted by now; served by `emit_idempotency` and the
/// key of `emit_key`.
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

/// The emits with these ids, of any organization: for the workers, which hold claims on them.
pub async fn load(tx: &mut Tx, ids: &[&EmitId]) -> Result<Vec<StoredEmit>> {
    const SQL: Dialects =
        over_rows!(concat!("select ", columns!(), " from emit where id in (select item.value ->> 0 from"), ")");
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(sql).bind(&ids).fetch_all(conn).await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}

/// The next emits of the organization after `after` that were accepted at a revision before `revision`, in
/// order; served by `emit_organization`.
pub async fn accepted_before(
    tx: &mut Tx,
    organization: &OrganizationId,
    after: &EmitId,
    revision: i64,
    limit: u32,
) -> Result<Vec<StoredEmit>> {
    const SQL: &str = concat!(
        "select ",
        columns!(),
        " from emit
         where organization_id = $1 and id > $2 and revision < $3
         order by id
         limit $4"
    );
    let rows: Vec<EmitRow> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(after.as_str())
        .bind(revision)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(StoredEmit::try_from).collect()
}
