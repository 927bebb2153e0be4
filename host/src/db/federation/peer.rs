//! External peers as receivers: what delivery needs of them, and what they are owed.

use sqlx::FromRow;

use crate::{
    db::{Dialects, Tx, codec, on_db, one_row, over_rows},
    domain::{
        delivery::Status,
        federation::Refusal,
        id::{DeliveryId, EmitId, GroupId, MemberId, OrganizationId, PushId},
        time::Time,
    },
    error::Result,
};

/// An external peer, what it signs and sends with still encrypted.
#[derive(Clone, Debug)]
pub struct StoredPeer {
    /// Its group.
    pub group_id: GroupId,
    /// Where relays go.
    pub webhook_url: String,
    /// Its signing secret.
    pub secret_encrypted: Vec<u8>,
    /// Its static headers.
    pub headers_encrypted: Option<Vec<u8>>,
    /// The first failure since the last success.
    pub failing_since: Option<Time>,
}

#[derive(FromRow)]
struct PeerRow {
    group_id: String,
    webhook_url: String,
    secret_encrypted: Vec<u8>,
    headers_encrypted: Option<Vec<u8>>,
    failing_since: Option<i64>,
}

/// An external peer of the owner, paused or not: what is owed is owed. `None` when it was removed.
pub async fn target(tx: &mut Tx, owner: &OrganizationId, id: &MemberId) -> Result<Option<StoredPeer>> {
    const SQL: &str = "
        select group_id, webhook_url, secret_encrypted, headers_encrypted, failing_since
          from federation_member
         where organization_id = $1
           and id = $2
           and webhook_url is not null
           and secret_encrypted is not null";
    let row: Option<PeerRow> =
        on_db!(tx, |conn| sqlx::query_as(SQL).bind(owner.as_str()).bind(id.as_str()).fetch_optional(conn).await)?;
    Ok(row.map(|row| StoredPeer {
        group_id: GroupId::stored(row.group_id),
        webhook_url: row.webhook_url,
        secret_encrypted: row.secret_encrypted,
        headers_encrypted: row.headers_encrypted,
        failing_since: codec::time_opt(row.failing_since),
    }))
}

/// What an external peer is owed because of a push.
#[derive(Clone, Debug)]
pub struct Owed {
    /// The delivery's id.
    pub id: DeliveryId,
    /// The owner's emit.
    pub emit_id: EmitId,
    /// To whom.
    pub member_id: MemberId,
    /// Because of which push.
    pub push_id: PushId,
    /// Why it is a dead letter from the beginning.
    pub refusal: Option<Refusal>,
}

/// Writes deliveries of the owner's emits to external peers, due at once.
pub async fn owe(tx: &mut Tx, owner: &OrganizationId, owed: &[Owed], now: Time) -> Result<()> {
    const SQL: Dialects = over_rows!(
        "insert into delivery (id, organization_id, emit_id, subscription_id, push_id, status, is_replay,
                               attempts_made, attempts_total, due_at, is_claimed, claims, error_message, created_at,
                               updated_at)
         select item.value ->> 0, $2, item.value ->> 1, item.value ->> 2, item.value ->> 3, item.value ->> 4, false,
                0, 0, cast(item.value ->> 5 as bigint), false, 0, item.value ->> 6, cast($3 as bigint),
                cast($3 as bigint)
           from",
        "where true"
    );
    if owed.is_empty() {
        return Ok(());
    }
    let row = |owed: &Owed| {
        let status = if owed.refusal.is_none() { Status::Pending } else { Status::Failed };
        (
            owed.id.clone(),
            owed.emit_id.clone(),
            owed.member_id.clone(),
            owed.push_id.clone(),
            status.as_str(),
            owed.refusal.is_none().then_some(now.as_millis()),
            owed.refusal.map(Refusal::reason),
        )
    };
    let rows: Vec<_> = owed.iter().map(row).collect();
    let (sql, rows) = (SQL.pick(tx), codec::rows(&rows)?);
    on_db!(tx, |conn| sqlx::query(sql)
        .bind(&rows)
        .bind(owner.as_str())
        .bind(now.as_millis())
        .execute(conn)
        .await
        .map(|_| ()))
}

/// Corrects since when a peer's endpoint has failed.
pub async fn set_failing_since(tx: &mut Tx, owner: &OrganizationId, id: &MemberId, since: Option<Time>) -> Result<()> {
    const SQL: &str = "update federation_member set failing_since = $3 where organization_id = $1 and id = $2";
    let touched = on_db!(tx, |conn| sqlx::query(SQL)
        .bind(owner.as_str())
        .bind(id.as_str())
        .bind(codec::millis(since))
        .execute(conn)
        .await
        .map(|done| done.rows_affected()))?;
    one_row(touched, "federation::peer::set_failing_since")
}
