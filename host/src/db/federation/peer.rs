//! External peers as receivers: the data that a delivery to one needs.

use sqlx::FromRow;

use crate::{
    db::{Tx, codec, on_db, one_row},
    domain::{
        id::{GroupId, MemberId, OrganizationId},
        time::Time,
    },
    error::Result,
};

/// An external peer as a receiver, its secret and headers still encrypted.
#[derive(Clone, Debug)]
pub struct StoredPeer {
    pub group_id: GroupId,
    /// The URL that relays go to.
    pub webhook_url: String,
    pub secret_encrypted: Vec<u8>,
    /// The static headers; `None` when it has none.
    pub headers_encrypted: Option<Vec<u8>>,
    /// The first failure since the last success; `None` while the endpoint works.
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

/// An external peer of the owner, paused or not, because deliveries that it is owed already still go to a
/// paused one. `None` when it was removed.
pub async fn endpoint(tx: &mut Tx, owner: &OrganizationId, id: &MemberId) -> Result<Option<StoredPeer>> {
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

/// Stores since when a peer's endpoint fails; `None` when it works.
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
