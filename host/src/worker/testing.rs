//! Functions for tests, which move the clock themselves and let the workers work until nothing is due.

use std::time::Duration;

use super::Workers;
use crate::{db, error::Result, service::event::announce_gathered};

impl Workers {
    /// Works until nothing is due at the present moment. False when that did not happen within
    /// `at_most`.
    pub async fn settle(&self, at_most: Duration) -> Result<bool> {
        let settled = async {
            loop {
                let claimed = announce_gathered(&self.shared.host).await
                    + self.routing.claim_unrouted().await?
                    + self.catch_up.round().await?
                    + usize::from(self.relays.step().await?)
                    + self.claims.sweep_and_claim().await?;
                if !self.replays.make_step().await? && claimed == 0 && !self.is_work_left().await? {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(at_most, settled).await.map_or(Ok(false), |settled| settled.map(|()| true))
    }

    /// Deletes rows that are old at the present moment, and returns the number of events and attempts.
    pub async fn keep_house(&self) -> Result<u64> {
        self.housekeeping.sweep().await
    }

    /// Whether an emit, a relay, a replay or a delivery is due at the present moment or claimed, by this host
    /// or another. A delivery that waits for its subscription's rate is not due yet.
    async fn is_work_left(&self) -> Result<bool> {
        // Deliveries under way are looked at first, because one that ends may make a replay due.
        if !self.shared.routings.is_empty() || !self.shared.deliveries.is_empty() {
            return Ok(true);
        }
        let now = self.shared.host.now();
        let mut tx = self.shared.host.db.read().await?;
        let is_left = db::federation::fan_out::is_any_due(&mut tx, now).await?
            || db::emit::is_any_left(&mut tx, now).await?
            || db::replay::is_any_due(&mut tx, now).await?;
        drop(tx);
        Ok(is_left || self.claims.is_work_left().await?)
    }
}
