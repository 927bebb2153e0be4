//! Deliveries and their attempts.

use super::{Dialects, Tx, codec, on_db, over_rows};
use crate::{
    domain::{
        delivery::Status,
        id::{DeliveryId, EmitId, OrganizationId, PushId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

mod claim;
mod insert;
mod list;
mod revive;
mod settle;

pub use claim::{DueReceiver, claim_due, due_receivers, end_leases, is_any_claimed, unfinished};
pub use insert::{insert, owed_already};
pub use list::{DeliveryQuery, DeliveryView, attempts, find, list, of_emit};
pub use revive::revive;
pub use settle::settle;

/// Makes a delivery that is in one of these states pending again, with a fresh budget of attempts and marked
/// as a replay. Its attempts stay. False when it is in none of them.
pub async fn replay(
    tx: &mut Tx,
    organization: &OrganizationId,
    id: &DeliveryId,
    states: &[Status],
    now: Time,
) -> Result<bool> {
    const SQL: Dialects = over_rows!(
        "update delivery
            set status = 'PENDING', is_replay = true, attempts_made = 0, due_at = $4, error_message = null,
                updated_at = $4
          where organization_id = $2 and id = $3
            and status in (select item.value ->> 0 from",
        ")"
    );
    let states: Vec<[&str; 1]> = states.iter().map(|status| [status.as_str()]).collect();
    let (sql, states) = (SQL.pick(tx), codec::rows(&states)?);
    on_db!(tx, |conn| sqlx::query(sql)
        .bind(&states)
        .bind(organization.as_str())
        .bind(id.as_str())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1))
}

/// A delivery that [`give_up`] has ended.
#[derive(Clone, Debug)]
pub struct GivenUp {
    pub emit_id: EmitId,
    /// The push that owed it; only deliveries to external peers have one.
    pub push_id: Option<PushId>,
    /// Attempts that were made at it, through all replays.
    pub attempts_total: u32,
}

/// Turns the unfinished deliveries to a receiver into dead letters that say `why`. Attempts under way lose
/// their claim, so that their outcome cannot undo this.
pub async fn give_up(
    tx: &mut Tx,
    organization: &OrganizationId,
    receiver: &ReceiverId,
    why: &str,
    now: Time,
) -> Result<Vec<GivenUp>> {
    const SQL: &str = "
        update delivery
           set status = 'FAILED', due_at = null, is_claimed = false, claims = claims + 1, error_message = $3,
               updated_at = $4
         where organization_id = $1 and receiver_id = $2 and due_at is not null
        returning emit_id, push_id, attempts_total";
    let rows: Vec<(String, Option<String>, i64)> = on_db!(tx, |conn| sqlx::query_as(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(why)
        .bind(now.as_millis())
        .fetch_all(conn)
        .await)?;
    let given_up = |(emit, push, attempts): (String, Option<String>, i64)| {
        Ok(GivenUp {
            attempts_total: codec::sound(u32::try_from(attempts).ok(), "delivery", "attempts_total", &emit)?,
            emit_id: EmitId::stored(emit),
            push_id: push.map(PushId::stored),
        })
    };
    rows.into_iter().map(given_up).collect()
}

/// The number of unfinished deliveries to a receiver, counted up to `most`; served by `delivery_due`.
pub async fn waiting(tx: &mut Tx, organization: &OrganizationId, receiver: &ReceiverId, most: u32) -> Result<u32> {
    const SQL: &str = "
        select count(*)
          from (select 1
                  from delivery
                 where organization_id = $1 and receiver_id = $2 and due_at is not null
                 limit $3) as waiting";
    let count: i64 = on_db!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(organization.as_str())
        .bind(receiver.as_str())
        .bind(i64::from(most))
        .fetch_one(conn)
        .await)?;
    Ok(u32::try_from(count).unwrap_or(most))
}
