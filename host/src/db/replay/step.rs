//! One step of a replay: what it makes due.

use std::collections::HashSet;

use crate::{
    db::{
        Dialects, Tx, codec,
        delivery::{Claimed, ClaimedRow},
        on_db, over_rows,
    },
    domain::{
        id::{DeliveryId, EmitId, OrganizationId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// Locks a receiver, so that two hosts do not create the same delivery; false when it is gone.
pub async fn lock(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId) -> Result<bool> {
    // SQLite's writer is alone anyway.
    const SUBSCRIPTION: Dialects = Dialects {
        sqlite: "select 1 from subscription where organization_id = $1 and id = $2",
        postgres: "select 1 from subscription where organization_id = $1 and id = $2 for update",
    };
    const PEER: Dialects = Dialects {
        sqlite: "
            select 1 from federation_member where organization_id = $1 and id = $2 and status <> 'removed'",
        postgres: "
            select 1 from federation_member where organization_id = $1 and id = $2 and status <> 'removed' for update",
    };
    let sql = if receiver.peer().is_some() { PEER } else { SUBSCRIPTION }.pick(tx);
    let found: Option<i32> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .fetch_optional(conn)
        .await)?;
    Ok(found.is_some())
}

/// Makes finished deliveries to a receiver pending again, with a fresh budget of attempts,
/// marked as replays and claimed until `lease_until`. Those that are owed again meanwhile are left
/// out.
pub async fn revive(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    ids: &[DeliveryId],
    lease_until: Time,
    now: Time,
) -> Result<Vec<Claimed>> {
    const SQL: Dialects = over_rows!(
        "update delivery
            set status = 'PENDING', is_replay = true, attempts_made = 0, due_at = $4, is_claimed = true,
                claims = claims + 1, error_message = null, updated_at = $5
          where organization_id = $2
            and subscription_id = $3
            and due_at is null
            and id in (select item.value ->> 0 from",
        ")
         returning id, organization_id, emit_id, subscription_id, push_id, attributes, is_replay, attempts_made,
                   attempts_total, claims"
    );
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let rows: Vec<ClaimedRow> = on_db!(tx, |conn| sqlx::query_as(sql)
        .bind(&ids)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(lease_until.as_millis())
        .bind(now.as_millis())
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Claimed::try_from).collect()
}

/// A delivery of an event that its receiver never had.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: DeliveryId,
    /// What is sent.
    pub emit_id: EmitId,
    /// Added by the router.
    pub attributes: Vec<(String, String)>,
}

/// Creates deliveries, marked as replays and claimed until `lease_until`; gives the ids of those
/// whose event the receiver does not have meanwhile.
pub async fn create(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    new: &[New],
    lease_until: Time,
    now: Time,
) -> Result<Vec<DeliveryId>> {
    const SQL: Dialects = over_rows!(
        "insert into delivery (id, organization_id, emit_id, subscription_id, status, attributes, is_replay,
                               attempts_made, attempts_total, due_at, is_claimed, claims, created_at, updated_at)
         select item.value ->> 0, $2, item.value ->> 1, $3, 'PENDING', item.value ->> 2, true, 0, 0,
                cast($4 as bigint), true, 1, cast($5 as bigint), cast($5 as bigint)
           from",
        "where not exists (select 1
                             from delivery
                            where delivery.emit_id = item.value ->> 1 and delivery.subscription_id = $3)
         returning id"
    );
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let row = |new: &New| -> Result<_> {
        let attributes = if new.attributes.is_empty() { None } else { Some(codec::rows(&new.attributes)?) };
        Ok((new.id.clone(), new.emit_id.clone(), attributes))
    };
    let rows: Vec<_> = new.iter().map(row).collect::<Result<_>>()?;
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    let ids: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(&rows)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(lease_until.as_millis())
        .bind(now.as_millis())
        .fetch_all(conn)
        .await)?;
    Ok(ids.into_iter().map(DeliveryId::stored).collect())
}

/// Which of these events the receiver has a delivery of.
pub async fn had(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    ids: &[&EmitId],
) -> Result<HashSet<EmitId>> {
    const SQL: Dialects = over_rows!(
        "select emit_id
           from delivery
          where organization_id = $2
            and subscription_id = $3
            and emit_id in (select item.value ->> 0 from",
        ")"
    );
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
    let (sql, ids) = (SQL.pick(tx), codec::rows(&ids)?);
    let found: Vec<String> = on_db!(tx, |conn| sqlx::query_scalar(sql)
        .bind(&ids)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .fetch_all(conn)
        .await)?;
    Ok(found.into_iter().map(EmitId::stored).collect())
}
