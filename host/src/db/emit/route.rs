//! Writes a batch of routed emits: their new state, their deliveries and the router's lines, in three
//! statements.

use std::collections::HashSet;

use weir_runtime::Digest;

use crate::{
    db::{Dialects, Tx, codec, component, delivery, on_db, over_rows},
    domain::{component::LogEntry, delivery::New, emit::Emit, id::EmitId, time::Time},
    error::Result,
};

/// A routed emit with the deliveries that it is owed.
#[derive(Clone, Debug)]
pub struct Routed {
    pub emit_id: EmitId,
    /// The fencing token of the claim on the emit.
    pub claims: i64,
    /// When it was routed.
    pub routed_at: Time,
    /// The router that chose the receivers; `None` when there was nothing to choose from.
    pub router: Option<Digest>,
    /// One delivery for each receiver.
    pub deliveries: Vec<New>,
    /// Lifecycle events about the emit, for subscriptions that listen for them.
    pub lifecycle: Vec<Emit>,
    /// Lines that the router wrote.
    pub logs: Vec<LogEntry>,
}

/// Marks emits as routed, inserts their deliveries, and returns the emits whose claim still held. The others
/// were routed under another claim since: their deliveries are not inserted again.
pub async fn mark_routed(tx: &mut Tx, routed: &[&Routed]) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "update emit
            set routed_at = cast(item.value ->> 2 as bigint), due_at = null, error_message = null,
                router_digest = item.value ->> 3
           from",
        "where emit.id = item.value ->> 0
           and emit.claims = cast(item.value ->> 1 as bigint)
           and emit.routed_at is null
         returning emit.id"
    );
    if routed.is_empty() {
        return Ok(HashSet::new());
    }
    let row = |routed: &&Routed| {
        (
            routed.emit_id.clone(),
            routed.claims,
            routed.routed_at.as_millis(),
            routed.router.map(|router| router.to_string()),
        )
    };
    let rows: Vec<_> = routed.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let held: Vec<String> = on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).fetch_all(conn).await)?;
    let held: HashSet<EmitId> = held.into_iter().map(EmitId::stored).collect();
    let deliveries: Vec<&New> =
        routed.iter().filter(|routed| held.contains(&routed.emit_id)).flat_map(|routed| &routed.deliveries).collect();
    delivery::insert(tx, &deliveries).await?;
    let held_routes = routed.iter().filter(|routed| held.contains(&routed.emit_id));
    component::insert_logs(tx, held_routes.flat_map(|routed| &routed.logs)).await?;
    Ok(held)
}
