//! Revives finished deliveries: makes them due again, for a replay.

use super::claim::{ClaimedRow, columns};
use crate::{
    db::{Dialects, Tx, codec, on_db, over_rows},
    domain::{
        delivery::Claimed,
        id::{DeliveryId, OrganizationId},
        receiver::ReceiverId,
        time::Time,
    },
    error::Result,
};

/// Makes finished deliveries to a receiver pending again, with a fresh budget of attempts, marked as replays
/// and claimed until `lease_until`. Those that are no longer finished are left out.
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
            and receiver_id = $3
            and due_at is null
            and id in (select item.value ->> 0 from",
        concat!(") returning ", columns!())
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
