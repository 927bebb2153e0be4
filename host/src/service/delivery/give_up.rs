//! Giving up deliveries to a receiver that was removed.

use crate::{
    db,
    domain::{id::OrganizationId, receiver::ReceiverId},
    error::Result,
    service::{Host, federation::relay_log, subscription::find::REMOVED},
};

/// Ends all deliveries to a receiver that was removed. Removing it did that already; a delivery that
/// was being written at that moment is found later, when it is claimed.
pub async fn give_up(host: &Host, organization: &OrganizationId, receiver: &ReceiverId) -> Result<()> {
    let now = host.now();
    let mut tx = host.db.begin().await?;
    match receiver {
        ReceiverId::Subscription(_) => {
            db::delivery::give_up(&mut tx, organization, receiver, REMOVED, now).await?;
        }
        ReceiverId::Peer(id) => {
            let Some(member) = db::federation::member::find(&mut tx, organization, id).await? else { return Ok(()) };
            relay_log::give_up(host, &mut tx, (organization, 0), (&member.group_id, id), now).await?;
        }
    }
    tx.commit().await
}
