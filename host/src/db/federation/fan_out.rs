//! Emits that are still to be relayed, and the rows that relays are.

use std::{collections::HashSet, sync::Arc};

use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        emit::Emit,
        id::{EmitId, MemberId, OrganizationId},
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
/// they are: for the workers.
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

/// How far an emit comes with one step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The emit.
    pub emit_id: EmitId,
    /// Up to which member it was when the step began.
    pub from: String,
    /// Up to which member it is now; `None` when everybody has it.
    pub to: Option<MemberId>,
}

/// What PostgreSQL does with the rows of steps `$1` of `$2` that are where their step began. SQLite's
/// writer is alone, but hosts that share a server must not wait for each other's rows.
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

/// Moves emits of an organization on, and gives those that were still where the step began. The
/// others another host has moved meanwhile, or is moving.
pub async fn advance(tx: &mut Tx, owner: &OrganizationId, steps: &[Step]) -> Result<HashSet<EmitId>> {
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
    let (ends, moves): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| step.to.is_none());
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

/// An emit that is accepted for a member.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// The owner's emit.
    pub of: EmitId,
    /// What the member has of it.
    pub emit: Arc<Emit>,
    /// When it was routed; `None` when that is left to the table, at once.
    pub routed_at: Option<Time>,
}

/// Accepts emits for members, and gives those that were not there before: a member has each emit
/// once, however many pushes bring it. The revision has to be the member's present one, so that the
/// subscriptions that exist now get it by routing, and those that come later only if they ask for
/// what was before them.
pub async fn relay(tx: &mut Tx, relayed: &[Relayed], now: Time) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "insert into emit (id, organization_id, registration_id, namespace, name, version, payload, chain_depth,
                           emitted_by, accepted_at, claims, kind, source_organization_id, push_id, revision, due_at,
                           routed_at)
         select item.value ->> 1, item.value ->> 2, source.registration_id, source.namespace, source.name,
                source.version, source.payload, source.chain_depth, $2, source.accepted_at, 0, source.kind,
                source.organization_id, item.value ->> 3, cast(item.value ->> 4 as bigint),
                cast(item.value ->> 5 as bigint), cast(item.value ->> 6 as bigint)
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
        let due_at = relayed.routed_at.is_none().then_some(now);
        (
            relayed.of.clone(),
            emit.id.clone(),
            emit.organization_id.clone(),
            emit.source.as_ref().map(|source| source.push_id.clone()),
            emit.revision,
            codec::millis(due_at),
            codec::millis(relayed.routed_at),
        )
    };
    let rows: Vec<_> = relayed.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&rows).bind(PLATFORM).fetch_all(conn).await)?;
    Ok(ids.into_iter().map(EmitId::stored).collect())
}
