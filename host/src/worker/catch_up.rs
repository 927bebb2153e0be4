//! Catching up: gives a new subscription the events that were accepted before it was created, if it asks for
//! them (`startAt`).
//!
//! Routing gives a subscription the emits accepted at the revision of its creation or later; catching up
//! gives it the emits of earlier revisions, from the time in `startAt` on. So the revision keeps the two
//! apart: no emit is delivered twice, and none is left out. How far a subscription has got stands on its row,
//! and moves in the transaction that inserts a batch of deliveries, so that a crash neither skips nor repeats
//! one.

use std::{slice, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{POLL_INTERVAL, Shared, contained, routing::decide::new_delivery};
use crate::{
    db::{self, subscription::CatchingUp},
    domain::{
        delivery::{New, Start},
        emit::Emit,
        flow::Limits,
        receiver::ReceiverId,
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    pipeline::{self, choose},
};

/// Emits looked at in one step.
const EMITS_MAX: u32 = 200;
/// Unfinished deliveries to a subscription at which its catching up pauses: the table stays small, and a slow
/// endpoint is not buried.
const WAITING_MAX: u32 = 1_000;
/// Pause between rounds, so that live traffic gets the database.
const PAUSE: Duration = Duration::from_millis(10);

/// The worker that lets subscriptions catch up.
pub(super) struct CatchUp {
    shared: Arc<Shared>,
}

impl CatchUp {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes rounds until `stop` fires.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let rung = self.shared.host.bells.catch_up_due.notified();
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

    /// Makes one step for each subscription that is behind, and returns how many of them moved.
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
                // The other subscriptions go on, and the next round tries this one again.
                Err(error) => {
                    tracing::error!(subscription = %behind.id, error = ?error, "subscription {} cannot catch up yet", behind.id);
                }
            }
        }
    }

    /// Inserts the deliveries of the next [`EMITS_MAX`] emits. False when the subscription could not move.
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
        let Some(endpoint) = host.memory.endpoint(organization, &receiver).await? else { return Ok(false) };
        let now = host.now();
        let mut owed = Vec::new();
        for stored in &emits {
            let name = stored.emit.event_type();
            if subscription.event_types.iter().any(|event_type| event_type.matches(&name)) {
                owed.extend(self.choose(&stored.emit, &endpoint, now).await?);
            }
        }
        let is_last = emits.len() < EMITS_MAX as usize;
        let reached = emits.last().map(|stored| &stored.emit.id).filter(|_| !is_last);
        let mut tx = host.db.begin_unsynced().await?;
        if !db::subscription::advance(&mut tx, behind, reached).await? {
            return Ok(false);
        }
        // A replay may have sent some of these emits already.
        let ids: Vec<_> = owed.iter().map(|new| &new.emit_id).collect();
        let already_owed = db::delivery::owed_already(&mut tx, organization, &receiver, &ids).await?;
        owed.retain(|new| !already_owed.contains(&new.emit_id));
        db::delivery::insert(&mut tx, &owed.iter().collect::<Vec<_>>()).await?;
        tx.commit().await?;
        if !owed.is_empty() {
            self.shared.slots.note_due(organization, &receiver, Limits::of(&endpoint.terms), now);
        }
        Ok(true)
    }

    /// The delivery of one emit to the subscription, if the router chooses it.
    async fn choose(&self, emit: &Arc<Emit>, endpoint: &Arc<Endpoint>, now: Time) -> Result<Option<New>> {
        let host = &self.shared.host;
        let choice = pipeline::choose(&host.runtime, &host.cpu, emit, slice::from_ref(endpoint)).await?;
        let choice = choice.map_err(|failure| choose::refusal(&failure))?;
        let owed = choice.chosen.into_iter().next().map(|(endpoint, destination)| {
            let delay_ms = i64::try_from(destination.delay_ms).unwrap_or(i64::MAX);
            new_delivery(
                &self.shared,
                emit,
                &endpoint,
                destination.attributes,
                Start::Due(now.plus_millis(delay_ms)),
                now,
            )
        });
        Ok(owed)
    }
}
