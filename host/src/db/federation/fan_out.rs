//! Fan-outs: emits that are still to be relayed, and how far each has come.

use std::collections::HashSet;

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        emit::Emit,
        id::{EmitId, MemberId, OrganizationId},
        time::Time,
    },
    error::Result,
};

/// An emit that is not relayed to all members yet.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// The organization that pushes the emit.
    pub owner_id: OrganizationId,
    pub emit_id: EmitId,
    /// The last member, in the order of ids, that has the emit; empty when none has.
    pub after_member: String,
    /// How often relaying it failed.
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

/// The oldest due emits of the next organization after `after` that has any: for the workers.
pub async fn next(tx: &mut Tx, after: &str, now: Time, limit: u32) -> Result<Vec<FanOut>> {
    const SQL: &str = "
        select organization_id, emit_id, after_member, failures
          from federation_fan_out
         where organization_id = (select min(organization_id)
                                    from federation_fan_out
                                   where organization_id > $1 and due_at <= $2)
           and due_at <= $2
         order by emit_id
         limit $3";
    let rows: Vec<(String, String, String, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL)
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

/// Whether an emit is due to be relayed.
pub async fn is_any_due(tx: &mut Tx, now: Time) -> Result<bool> {
    const SQL: &str = "select exists (select 1 from federation_fan_out where due_at <= $1)";
    on_db!(tx, |conn| sqlx::query_scalar(SQL).bind(now.as_millis()).fetch_one(conn).await)
}

/// Puts off an emit that could not be relayed, so that it holds up no other.
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

/// One step of an emit: from one member to another.
#[derive(Clone, Debug)]
pub struct Advance {
    pub emit_id: EmitId,
    /// `after_member` when the step began.
    pub from: String,
    /// `after_member` from now on; `None` when all members have the emit.
    pub to: Option<MemberId>,
}

/// A statement of PostgreSQL over the fan-outs of organization `$2` that are still where their step in `$1`
/// began. SQLite has one writer, but hosts that share a server must not wait for each other's rows.
macro_rules! held {
    ($then:literal) => {
        concat!(
            "with held as (
                 select fan_out.emit_id, item.value ->> 2 as up_to
                   from jsonb_array_elements(cast($1 as jsonb)) as item(value)
                   join federation_fan_out as fan_out
                     on fan_out.organization_id = $2
                    and fan_out.emit_id = item.value ->> 0
                    and fan_out.after_member = item.value ->> 1
                    for update of fan_out skip locked)
             ",
            $then
        )
    };
}

/// Moves emits of an organization on, and returns those that were still where their step began. Another host
/// has moved the others meanwhile, or is moving them.
pub async fn advance(tx: &mut Tx, owner: &OrganizationId, steps: &[Advance]) -> Result<HashSet<EmitId>> {
    const MOVE: Dialects = Dialects {
        sqlite: "
            update federation_fan_out
               set after_member = item.value ->> 2
              from jsonb_each($1) as item
             where organization_id = $2
               and emit_id = item.value ->> 0
               and after_member = item.value ->> 1
            returning emit_id",
        postgres: held!(
            "update federation_fan_out as fan_out
                set after_member = held.up_to
               from held
              where fan_out.organization_id = $2 and fan_out.emit_id = held.emit_id
             returning fan_out.emit_id"
        ),
    };
    const END: Dialects = Dialects {
        sqlite: "
            delete from federation_fan_out
             where organization_id = $2
               and (emit_id, after_member) in (select item.value ->> 0, item.value ->> 1 from jsonb_each($1) as item)
            returning emit_id",
        postgres: held!(
            "delete from federation_fan_out as fan_out
              using held
              where fan_out.organization_id = $2 and fan_out.emit_id = held.emit_id
             returning fan_out.emit_id"
        ),
    };
    let (ends, moves): (Vec<&Advance>, Vec<&Advance>) = steps.iter().partition(|step| step.to.is_none());
    let mut moved = HashSet::new();
    for (sql, steps) in [(MOVE, moves), (END, ends)] {
        if steps.is_empty() {
            continue;
        }
        let rows: Vec<_> = steps.iter().map(|step| (&step.emit_id, &step.from, &step.to)).collect();
        let (sql, rows) = (sql.pick(tx), codec::rows(&rows)?);
        let ids: Vec<String> =
            on_db!(&mut *tx, |conn| sqlx::query_scalar(sql).bind(&rows).bind(owner.as_str()).fetch_all(conn).await)?;
        moved.extend(ids.into_iter().map(EmitId::stored));
    }
    Ok(moved)
}
