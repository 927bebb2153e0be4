//! Emits that are still to be relayed, and the rows that relays are.

use std::collections::BTreeSet;

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        emit::Emit,
        id::{EmitId, MemberId, OrganizationId, PushId},
        registration::PLATFORM,
        time::Time,
    },
    error::Result,
};

/// An emit that is not relayed to everybody yet.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// Whose it is.
    pub owner_id: OrganizationId,
    /// The emit.
    pub emit_id: EmitId,
    /// Members up to this one have it; empty when nobody has.
    pub after_member: String,
    /// How often it could not be relayed.
    pub failures: u32,
}

/// Keeps emits for relaying, in the transaction that accepts them.
pub async fn insert(tx: &mut Tx, emits: &[&Emit]) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into federation_fan_out (organization_id, emit_id, after_member)
         select item.value ->> 0, item.value ->> 1, ''
           from",
        "where true"
    );
    if emits.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = emits.iter().map(|emit| (&emit.organization_id, &emit.id)).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).execute(conn).await.map(|_| ()))
}

/// The oldest emits that are due of the next organization behind `after` that has any, whosever
/// they are: for the workers. They are locked until the transaction ends.
pub async fn next(tx: &mut Tx, after: &str, now: Time, limit: u32) -> Result<Vec<FanOut>> {
    // SQLite's writer is alone anyway; PostgreSQL's hosts must not wait for each other's rows.
    const SQL: Dialects = Dialects {
        sqlite: "
            select organization_id, emit_id, after_member, failures
              from federation_fan_out
             where organization_id = (select min(organization_id)
                                        from federation_fan_out
                                       where organization_id > $1 and due_at <= $2)
               and due_at <= $2
             order by emit_id
             limit $3",
        postgres: "
            select organization_id, emit_id, after_member, failures
              from federation_fan_out
             where organization_id = (select min(organization_id)
                                        from federation_fan_out
                                       where organization_id > $1 and due_at <= $2)
               and due_at <= $2
             order by emit_id
             limit $3
               for update skip locked",
    };
    let sql = SQL.pick(tx);
    let rows: Vec<(String, String, String, i64)> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(after)
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await)?;
    let fan_out = |(owner, emit, after_member, failures): (String, String, String, i64)| FanOut {
        owner_id: OrganizationId::stored(owner),
        emit_id: EmitId::stored(emit),
        after_member,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
    };
    Ok(rows.into_iter().map(fan_out).collect())
}

/// Whether anything is due to be relayed: a look that writes nothing.
pub async fn is_any_due(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from federation_fan_out where due_at <= $1)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}

/// Puts an emit that could not be relayed off, so that it is in nobody's way.
pub async fn put_off(tx: &mut Tx, owner: &OrganizationId, emit: &EmitId, due_at: Time) -> Result<()> {
    const SQL: &str = "
        update federation_fan_out
           set due_at = $3, failures = failures + 1
         where organization_id = $1 and emit_id = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(emit.as_str())
        .bind(due_at.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Members up to this one have the emit.
pub async fn advance(tx: &mut Tx, owner: &OrganizationId, emit: &EmitId, after: &MemberId) -> Result<()> {
    const SQL: &str = "update federation_fan_out set after_member = $3 where organization_id = $1 and emit_id = $2";
    on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(emit.as_str())
        .bind(after.as_str())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// All members have the emit.
pub async fn finish(tx: &mut Tx, owner: &OrganizationId, emit: &EmitId) -> Result<()> {
    const SQL: &str = "delete from federation_fan_out where organization_id = $1 and emit_id = $2";
    on_db!(tx, |conn| sqlx::query(SQL).bind(owner.as_str()).bind(emit.as_str()).execute(conn).await.map(|_| ()))
}

/// Accepts emits for members, due for routing at once. A member has each emit once, however many
/// pushes bring it. Its revision is the present one, so that the subscriptions that exist now get it
/// by routing, and those that come later only if they ask for what was before them.
pub async fn relay(tx: &mut Tx, relays: &[(EmitId, PushId, OrganizationId)], now: Time) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into emit (id, organization_id, registration_id, namespace, name, version, payload, chain_depth,
                           emitted_by, accepted_at, due_at, claims, kind, revision, source_organization_id, push_id)
         select item.value ->> 2, member.id, source.registration_id, source.namespace, source.name, source.version,
                source.payload, source.chain_depth, $3, source.accepted_at, $2, 0, source.kind, member.revision,
                source.organization_id, item.value ->> 3
           from",
        "join emit as source on source.id = item.value ->> 0
          join organization as member on member.id = item.value ->> 1
         where true
         on conflict (id) do nothing"
    );
    if relays.is_empty() {
        return Ok(());
    }
    hold_revisions(tx, relays.iter().map(|(.., member)| member.as_str()).collect()).await?;
    let row = |(emit, push, member): &(EmitId, PushId, OrganizationId)| {
        (emit.clone(), member.clone(), emit.relayed_to(member), push.clone())
    };
    let rows: Vec<_> = relays.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).bind(now.as_millis()).bind(PLATFORM).execute(conn).await.map(|_| ()))
}

/// Keeps the members' revisions as they are until the commit; in the order in which everybody locks
/// several organizations.
async fn hold_revisions(tx: &mut Tx, members: BTreeSet<&str>) -> Result<()> {
    const SQL: Dialects = Dialects {
        // The writer is alone.
        sqlite: "select $1 where false",
        postgres: "
            select id
              from organization
             where id in (select item.value ->> 0 from jsonb_array_elements(cast($1 as jsonb)) as item(value))
             order by id
               for share",
    };
    let rows: Vec<[&str; 1]> = members.into_iter().map(|id| [id]).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql).bind(&rows).fetch_all(conn).await.map(|_| ()))
}
