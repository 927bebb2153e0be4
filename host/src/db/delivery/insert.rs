//! Inserts deliveries, for routing, relays, replays and catching up.

use std::collections::HashSet;

use crate::{
    db::{
        Dialects, Tx, codec,
        insert::{insert as insert_rows, insertable},
        on_db, over_rows,
    },
    domain::{
        delivery::{New, Start, Status},
        id::{DeliveryId, EmitId, OrganizationId, ProgramId, PushId},
        receiver::ReceiverId,
    },
    error::Result,
};

/// Inserts deliveries and returns the ids of those that are in: a receiver that was removed meanwhile is owed
/// nothing, so its deliveries are left out.
pub async fn insert(tx: &mut Tx, new: &[&New]) -> Result<HashSet<DeliveryId>> {
    const FIND: Dialects = over_rows!("select delivery.id from", "join delivery on delivery.id = item.value ->> 0");
    let rows: Vec<Columns<'_>> = new.iter().map(|new| Columns::of(new)).collect::<Result<_>>()?;
    // The database sends a count as one message and each id as another, so ids are read only if some
    // deliveries were left out, which is rare.
    if insert_rows(tx, &rows).await? == new.len() as u64 {
        return Ok(new.iter().map(|new| new.id.clone()).collect());
    }
    let ids: Vec<[&DeliveryId; 1]> = new.iter().map(|new| [&new.id]).collect();
    let (sql, ids) = (FIND.pick(tx), codec::rows(&ids)?);
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql).bind(&ids).fetch_all(conn).await)?;
    Ok(ids.into_iter().map(DeliveryId::stored).collect())
}

insertable! {
    /// A delivery as it is inserted. One to a receiver that was removed meanwhile is left out, unless it
    /// tells the owner of a group that the peer was removed.
    struct Columns<'a> into "delivery" {
        id: &'a DeliveryId,
        organization_id: &'a OrganizationId,
        emit_id: &'a EmitId,
        receiver_id: &'a ReceiverId,
        push_id: Option<&'a PushId>,
        program_id: &'a ProgramId,
        status: &'static str,
        attributes: Option<String>,
        is_replay: bool as boolean,
        attempts_made: i64 as bigint,
        attempts_total: i64 as bigint,
        due_at: Option<i64> as bigint,
        is_claimed: bool as boolean,
        claims: i64 as bigint,
        error_message: Option<&'static str>,
        created_at: i64 as bigint,
        updated_at: i64 as bigint,
    }
    "where exists (select 1 from subscription where subscription.id = new.receiver_id)
        or exists (select 1
                     from federation_member as peer
                    where peer.id = new.receiver_id
                      and (peer.status <> 'removed' or new.status = 'FAILED'))"
}

impl<'a> Columns<'a> {
    fn of(new: &'a New) -> Result<Self> {
        let attributes = match &new.attributes[..] {
            [] => None,
            attributes => Some(codec::rows(attributes)?),
        };
        let (due_at, is_claimed, refusal) = match new.start {
            Start::Due(at) => (Some(at), false, None),
            Start::Claimed(until) => (Some(until), true, None),
            Start::Refused(reason) => (None, false, Some(reason)),
        };
        let status = if refusal.is_some() { Status::Failed } else { Status::Pending };
        Ok(Self {
            id: &new.id,
            organization_id: &new.organization_id,
            emit_id: &new.emit_id,
            receiver_id: &new.receiver,
            push_id: new.push_id.as_ref(),
            program_id: &new.program_id,
            status: status.as_str(),
            attributes,
            is_replay: new.is_replay,
            attempts_made: 0,
            attempts_total: 0,
            due_at: codec::millis(due_at),
            is_claimed,
            claims: i64::from(is_claimed),
            error_message: refusal,
            created_at: new.now.as_millis(),
            updated_at: new.now.as_millis(),
        })
    }
}

/// The emits among these of which the receiver has a delivery; served by `delivery_emit`.
pub async fn owed_already(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    emits: &[&EmitId],
) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "select emit_id
           from delivery
          where organization_id = $2
            and receiver_id = $3
            and emit_id in (select item.value ->> 0 from",
        ")"
    );
    if emits.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<[&EmitId; 1]> = emits.iter().map(|id| [*id]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let found: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(&ids)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .fetch_all(conn)
        .await)?;
    Ok(found.into_iter().map(EmitId::stored).collect())
}
