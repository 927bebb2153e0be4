//! Catching up: what was accepted before a subscription was created is owed to it when it asked
//! for that (`startAt`).
//!
//! Routing gives a subscription what was accepted at the revision of its creation or later; here it
//! gets what came before, back to the time that it named. The revision is what keeps the two apart:
//! nothing is owed twice, and nothing falls between them. How far it got stands on its row, and
//! moves in the transaction that owes it a batch, so that a crash neither skips nor repeats one.

use std::{slice, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    POLL_INTERVAL, Shared,
    choice::{self, Effort},
    contained, decide,
};
use crate::{
    db::{
        self,
        emit::StoredEmit,
        ledger::{self, NewDelivery, Routed},
        subscription::CatchingUp,
    },
    domain::{flow::Limits, id::DeliveryId, receiver::ReceiverId, subscription::Target, time::Time},
    error::Result,
};

/// Emits looked at in one step.
const EMITS_MAX: u32 = 200;
/// Deliveries that may wait for a subscription before it is owed more of the past: the table stays
/// small, and a slow endpoint is not buried.
const WAITING_MAX: u32 = 1_000;
/// Between two rounds the database belongs to the living.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct CatchUp {
    shared: Arc<Shared>,
}

impl CatchUp {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Catches up until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let rung = self.shared.host.catching_up.notified();
            let moved = match contained("a round of catching up", self.round()).await {
                Some(Ok(steps)) => steps > 0,
                Some(Err(error)) => {
                    tracing::error!(error = ?error, "the table could not be searched for subscriptions that are behind");
                    false
                }
                None => false,
            };
            let wait = if moved { PAUSE } else { POLL_INTERVAL };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = rung => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One step of each subscription that is behind; says how many moved.
    pub(super) async fn round(&self) -> Result<usize> {
        let mut moved = 0;
        let mut after = String::new();
        loop {
            let mut tx = self.shared.host.db.read().await?;
            let Some(behind) = db::subscription::next_behind(&mut tx, &after).await? else { return Ok(moved) };
            drop(tx);
            after = behind.id.to_string();
            match self.step(&behind).await {
                Ok(has_moved) => moved += usize::from(has_moved),
                // One subscription's trouble is not another's; the next round tries again.
                Err(error) => {
                    tracing::error!(subscription = %behind.id, error = ?error, "{} cannot catch up yet", behind.id);
                }
            }
        }
    }

    async fn step(&self, behind: &CatchingUp) -> Result<bool> {
        let host = &self.shared.host;
        let organization = &behind.organization_id;
        let receiver = ReceiverId::from(behind.id.clone());
        let mut tx = host.db.read().await?;
        if db::delivery::waiting(&mut tx, organization, &receiver, WAITING_MAX).await? >= WAITING_MAX {
            return Ok(false);
        }
        let Some(subscription) = db::subscription::find(&mut tx, organization, &behind.id).await? else {
            return Ok(false);
        };
        let emits =
            db::emit::accepted_before(&mut tx, organization, &behind.after, behind.since_revision, EMITS_MAX).await?;
        drop(tx);
        let Some(target) = host.memory.target(organization, &receiver).await? else { return Ok(false) };
        let now = host.now();
        let mut owed = Vec::new();
        for stored in &emits {
            let name = stored.emit.event_type();
            if subscription.event_types.iter().any(|event_type| event_type.matches(&name)) {
                owed.extend(self.choose(stored, &target, now).await?);
            }
        }
        let is_last = emits.len() < EMITS_MAX as usize;
        let reached = emits.last().map(|stored| &stored.emit.id).filter(|_| !is_last);
        let mut tx = host.db.begin_unsynced().await?;
        if !db::subscription::advance(&mut tx, behind, reached).await? {
            return Ok(false);
        }
        // A replay may have brought some of them already.
        let ids: Vec<_> = owed.iter().map(|routed| &routed.emit_id).collect();
        let had = db::replay::had(&mut tx, organization, &receiver, &ids).await?;
        owed.retain(|routed| !had.contains(&routed.emit_id));
        ledger::owe(&mut tx, &owed).await?;
        tx.commit().await?;
        if !owed.is_empty() {
            self.shared.slots.note_backlog(organization, &receiver, Limits::of(&target.terms), now);
        }
        Ok(true)
    }

    /// What the router says of one emit and the subscription.
    async fn choose(&self, stored: &StoredEmit, target: &Arc<Target>, now: Time) -> Result<Option<Routed>> {
        let emit = &stored.emit;
        let (call, event) = (decide::call_for(emit), emit.as_event(Vec::new()));
        let (runtime, one) = (&self.shared.runtime, slice::from_ref(target));
        let chosen = choice::choose(runtime, &call, &event, one, Effort::AsManyAsItTakes).await?;
        let deliveries: Vec<NewDelivery> = chosen
            .into_iter()
            .flatten()
            .map(|(target, destination)| NewDelivery {
                id: DeliveryId::new(now, self.shared.host.randomness.id()),
                receiver: target.receiver.clone(),
                attributes: destination.attributes,
                due_at: now.plus_millis(i64::try_from(destination.delay_ms).unwrap_or(i64::MAX)),
                is_claimed: false,
            })
            .collect();
        if deliveries.is_empty() {
            return Ok(None);
        }
        Ok(Some(Routed {
            emit_id: emit.id.clone(),
            organization_id: emit.organization_id.clone(),
            claims: stored.claims,
            routed_at: now,
            deliveries,
            lifecycle: Vec::new(),
        }))
    }
}
