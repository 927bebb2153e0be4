//! Accepting a batch of emits: revision, idempotency, quota and rows, in four statements at most.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    insert::{self, NewRow},
    stored_event_type,
};
use crate::{
    db::{
        Dialects, Tx, codec,
        federation::fan_out,
        on_db,
        organization::{self, Revisions},
        over_rows,
    },
    domain::{
        emit::{Emit, Idempotency},
        id::{EmitId, OrganizationId},
    },
    error::Result,
};

/// An emit that was checked and waits to be accepted.
#[derive(Clone, Debug)]
pub struct NewEmit {
    /// The emit, which was checked against its organization at its revision.
    pub emit: Arc<Emit>,
    /// The revision of the rules that it was checked under.
    pub rules_revision: i64,
    /// Whether it counts toward the month's emits.
    pub charge: Charge,
    /// Whether a subscription matches it at that revision, or listens for lifecycle events about emits. If
    /// not, routing has nothing to do, and the emit is inserted as routed.
    pub is_wanted: bool,
    /// Whether its registration is pushed to a group at that revision: the emit is then kept for relaying.
    pub is_pushed: bool,
}

/// Whether an event counts toward the month's emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It counts. The plan allows this many a month; `None` is unlimited.
    Counted(Option<i64>),
    /// It does not count, because the organization did not emit it itself.
    Free,
}

/// The outcome of accepting a [`NewEmit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The emit is stored, under this revision of its organization: a later one than it was checked at, if
    /// changes meanwhile left the rules alone.
    Accepted { revision: i64 },
    /// The same request was accepted before, as the emit named here; nothing was done.
    Duplicate {
        id: EmitId,
        /// The event type of that emit.
        event_type: String,
    },
    /// The key was used before for another request; nothing was done.
    KeyReused,
    /// The month's emits are used up; nothing was done.
    OverQuota,
    /// The rules changed since the emit was checked: check again; nothing was done.
    Stale,
}

/// Accepts a batch, and returns one outcome for each emit, in their order. `is_taken` tells which of them
/// this process routes itself, under a lease of `lease_ms`.
pub async fn accept(
    tx: &mut Tx,
    emits: &[&NewEmit],
    lease_ms: i64,
    is_taken: impl Fn(&Emit) -> bool,
) -> Result<Vec<Acceptance>> {
    if emits.is_empty() {
        return Ok(Vec::new());
    }
    let revisions = organization::hold_revisions(tx, emits.iter().map(|new| &new.emit.organization_id)).await?;
    let at_present: Vec<Option<Cow<'_, NewEmit>>> =
        emits.iter().map(|new| at_present(new, revisions.get(&new.emit.organization_id)?)).collect();
    let current: Vec<&NewEmit> = at_present.iter().flatten().map(AsRef::as_ref).collect();
    let mut kept = insert(tx, &current, lease_ms, is_taken).await?;
    leave_out_outlived(tx, &current, &mut kept).await?;
    let over_quota = charge(tx, &current, &kept).await?;
    kept.retain(|id| !over_quota.contains(id));
    let pushed = current.iter().filter(|new| new.is_pushed && kept.contains(new.emit.id.as_str()));
    fan_out::insert(tx, &pushed.map(|new| &*new.emit).collect::<Vec<_>>()).await?;
    let refused: Vec<&NewEmit> = current
        .iter()
        .copied()
        .filter(|new| !kept.contains(new.emit.id.as_str()) && !over_quota.contains(new.emit.id.as_str()))
        .collect();
    let originals = originals(tx, &refused).await?;
    let answer = |new: &Option<Cow<'_, NewEmit>>| {
        let Some(new) = new else { return Acceptance::Stale };
        let id = new.emit.id.as_str();
        if kept.contains(id) {
            Acceptance::Accepted { revision: new.emit.revision }
        } else if over_quota.contains(id) {
            Acceptance::OverQuota
        } else {
            repeated(&new.emit, &originals)
        }
    };
    Ok(at_present.iter().map(answer).collect())
}

/// The emit as of its organization's present revision; `None` if it has to be checked again. Changes that left
/// the rules alone may have brought a subscription that matches, so that routing has to look.
fn at_present<'a>(new: &'a NewEmit, revisions: &Revisions) -> Option<Cow<'a, NewEmit>> {
    let checked = new.emit.revision;
    if checked == revisions.present {
        return Some(Cow::Borrowed(new));
    }
    // A revision that is later than the present one was lost with the database that had it.
    if checked > revisions.present || new.rules_revision != revisions.rules {
        return None;
    }
    let emit = Arc::new(new.emit.at_revision(revisions.present));
    Some(Cow::Owned(NewEmit { emit, is_wanted: true, ..new.clone() }))
}

/// Inserts emits and returns the ids of those that are in.
async fn insert(
    tx: &mut Tx,
    emits: &[&NewEmit],
    lease_ms: i64,
    is_taken: impl Fn(&Emit) -> bool,
) -> Result<HashSet<String>> {
    let row = |new: &&'_ NewEmit| {
        let is_taken = is_taken(&new.emit);
        let accepted_at = new.emit.accepted_at;
        let due_at = if is_taken { accepted_at.plus_millis(lease_ms) } else { accepted_at };
        (new.is_wanted.then_some(due_at), i64::from(is_taken))
    };
    let rows: Vec<NewRow<'_>> = in_order_of_keys(emits)
        .iter()
        .map(|new| {
            let (due_at, claims) = row(new);
            NewRow { emit: &new.emit, due_at, claims }
        })
        .collect();
    insert::insert(tx, &rows).await
}

/// Takes back inserted emits whose key stands for an emit that is deleted by now. The keys of deleted
/// emits are read after the insert, because the insert waits for a deletion under way.
async fn leave_out_outlived(tx: &mut Tx, emits: &[&NewEmit], kept: &mut HashSet<String>) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "select item.value ->> 2
           from",
        "join emit_key on emit_key.organization_id = item.value ->> 0
                      and emit_key.idempotency_key = item.value ->> 1"
    );
    let key = |new: &&NewEmit| {
        let (emit, idempotency) = (&new.emit, new.emit.idempotency.as_ref()?);
        let id = emit.id.to_string();
        kept.contains(&id).then(|| (emit.organization_id.to_string(), idempotency.key.clone(), id))
    };
    let keys: Vec<(String, String, String)> = emits.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let (sql, keys) = (SQL.pick(tx), codec::rows(&keys)?);
    let outlived: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&keys).fetch_all(conn).await)?;
    kept.retain(|id| !outlived.contains(id));
    delete(tx, &outlived).await
}

async fn delete(tx: &mut Tx, ids: &[String]) -> Result<()> {
    const SQL: Dialects = over_rows!("delete from emit where id in (select item.value ->> 0 from", ")");
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

/// Sorts emits by their idempotency keys, so that two batches with the same keys, on two hosts, cannot wait
/// for each other. Of emits with one key the first stays the first.
fn in_order_of_keys<'a>(emits: &[&'a NewEmit]) -> Vec<&'a NewEmit> {
    let key = |new: &'a NewEmit| {
        let idempotency = new.emit.idempotency.as_ref()?;
        Some((new.emit.organization_id.as_str(), idempotency.key.as_str()))
    };
    let mut ordered = emits.to_vec();
    ordered.sort_by(|one, other| key(one).cmp(&key(other)));
    ordered
}

/// Counts inserted emits toward their month, and takes back those over the plan, whose ids it returns. The
/// counter's row stays locked until the commit, so no number of hosts can exceed a plan by one.
async fn charge(tx: &mut Tx, emits: &[&NewEmit], kept: &HashSet<String>) -> Result<HashSet<String>> {
    const SQL: Dialects = over_rows!(
        "insert into emit_usage (organization_id, month, emits)
         select item.value ->> 0, item.value ->> 1, cast(item.value ->> 2 as bigint)
           from",
        "where true
         on conflict (organization_id, month) do update set emits = emit_usage.emits + excluded.emits
         returning organization_id, month, emits"
    );
    let mut charged: HashMap<(&OrganizationId, String), Vec<&NewEmit>> = HashMap::new();
    let counts = |new: &&&NewEmit| new.charge != Charge::Free && kept.contains(new.emit.id.as_str());
    for new in emits.iter().filter(counts) {
        charged.entry((&new.emit.organization_id, new.emit.accepted_at.month())).or_default().push(new);
    }
    if charged.is_empty() {
        return Ok(HashSet::new());
    }
    let mut rows: Vec<(&str, &str, usize)> = charged
        .iter()
        .map(|((organization, month), emits)| (organization.as_str(), month.as_str(), emits.len()))
        .collect();
    // One order for all hosts, so that two batches cannot wait for each other's rows.
    rows.sort_unstable();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let totals: Vec<(String, String, i64)> =
        on_db!(&mut *tx, |conn| sqlx::query_as(sql).bind(&rows).fetch_all(conn).await)?;
    let mut over_quota = HashSet::new();
    for (organization, month, total) in totals {
        let organization = OrganizationId::stored(organization);
        let Some(emits) = charged.get(&(&organization, month.clone())) else { continue };
        let limit = emits.iter().filter_map(|new| match new.charge {
            Charge::Counted(limit) => limit,
            Charge::Free => None,
        });
        let Some(limit) = limit.min() else { continue };
        let excess = usize::try_from(total.saturating_sub(limit)).unwrap_or(0).min(emits.len());
        if excess > 0 {
            let last: Vec<String> = emits[emits.len() - excess..].iter().map(|new| new.emit.id.to_string()).collect();
            take_back(tx, &organization, &month, &last).await?;
            over_quota.extend(last);
        }
    }
    Ok(over_quota)
}

/// Deletes emits that are over the plan, and subtracts them from their month.
async fn take_back(tx: &mut Tx, organization: &OrganizationId, month: &str, ids: &[String]) -> Result<()> {
    const USAGE: &str = "update emit_usage set emits = emits - $3 where organization_id = $1 and month = $2";
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    delete(tx, ids).await?;
    on_db!(tx, |conn| sqlx::query(USAGE)
        .bind(organization.as_str())
        .bind(month)
        .bind(count)
        .execute(conn)
        .await
        .map(|_| ()))
}

/// An emit that an idempotency key stands for.
struct Original {
    id: EmitId,
    event_type: String,
    request_hash: String,
}

type Originals = HashMap<(String, String), Original>;
/// Organization, key, id, namespace, name, version and request hash.
type OriginalRow = (String, String, String, String, String, String, String);

/// The emits that the keys of these refused emits stand for.
async fn originals(tx: &mut Tx, refused: &[&NewEmit]) -> Result<Originals> {
    const EMITS: Dialects = over_rows!(
        "select emit.organization_id, emit.idempotency_key, emit.id, emit.namespace, emit.name, emit.version,
                emit.request_hash
           from",
        "join emit on emit.organization_id = item.value ->> 0 and emit.idempotency_key = item.value ->> 1"
    );
    // The emits that are deleted by now.
    const OUTLIVED: Dialects = over_rows!(
        "select emit_key.organization_id, emit_key.idempotency_key, emit_key.emit_id, emit_key.namespace,
                emit_key.name, emit_key.version, emit_key.request_hash
           from",
        "join emit_key on emit_key.organization_id = item.value ->> 0
                      and emit_key.idempotency_key = item.value ->> 1"
    );
    let key = |new: &&NewEmit| {
        let idempotency = new.emit.idempotency.as_ref()?;
        Some((new.emit.organization_id.to_string(), idempotency.key.clone()))
    };
    let keys: Vec<(String, String)> = refused.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys = codec::rows(&keys)?;
    let mut rows: Vec<OriginalRow> = Vec::new();
    for sql in [EMITS, OUTLIVED] {
        let sql = sql.pick(tx);
        let found: Vec<OriginalRow> = on_db!(&mut *tx, |conn| sqlx::query_as(sql).bind(&keys).fetch_all(conn).await)?;
        rows.extend(found);
    }
    let original = |(organization, key, id, namespace, name, version, request_hash): OriginalRow| {
        let event_type = stored_event_type(&OrganizationId::stored(organization.as_str()), &namespace, &name, &version);
        ((organization, key), Original { id: EmitId::stored(id), event_type, request_hash })
    };
    Ok(rows.into_iter().map(original).collect())
}

/// The outcome of an emit that was left out because its key exists. A key without an original was taken back
/// in this very batch, over quota like the emit that brought it first.
fn repeated(emit: &Emit, originals: &Originals) -> Acceptance {
    let Some(Idempotency { key, request_hash }) = &emit.idempotency else { return Acceptance::OverQuota };
    let Some(original) = originals.get(&(emit.organization_id.to_string(), key.clone())) else {
        return Acceptance::OverQuota;
    };
    if original.request_hash != *request_hash {
        return Acceptance::KeyReused;
    }
    Acceptance::Duplicate { id: original.id.clone(), event_type: original.event_type.clone() }
}
