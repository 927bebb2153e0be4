//! Replaying: sends events again, in small steps beside live traffic and never before it.
//!
//! A step takes as many slots as replays may have, and then as many rows, so that no replayed delivery waits
//! in front of a new one. The rows are claimed in the transaction that moves the replay on, so a crash
//! repeats no step and skips none.

use std::{
    slice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    POLL_INTERVAL, Shared, contained,
    delivery::{self, job::Job, slots::Slot},
    routing::decide::new_delivery,
};
use crate::{
    db,
    domain::{
        delivery::{Claimed, New, Start},
        emit::Emit,
        id::{DeliveryId, EmitId},
        replay::{Replay, ReplaySource},
        subscription::Endpoint,
        time::Time,
    },
    error::Result,
    pipeline::{self, choose},
};

/// The pause between steps: each is a commit that live traffic waits for.
const STEP_PAUSE: Duration = Duration::from_millis(20);
/// Deliveries of one step.
const STEP_MAX: usize = 32;
/// Rows that are looked at in one statement, and such statements of one step.
const PAGE: u32 = 256;
const PAGES_MAX: usize = 8;
/// Replays that are looked at for one that may make a step.
const DUE_MAX: u32 = 64;
/// The wait before an endpoint that fails is sent one more delivery, in milliseconds.
const FAILING_MS: i64 = 30_000;
/// The wait after a step that failed, and while the endpoint is disabled, in milliseconds; enabling the
/// endpoint ends it.
const PUT_OFF_MS: i64 = 300_000;

/// The worker that makes the steps of replays.
pub(super) struct Replays {
    shared: Arc<Shared>,
    /// Steps so far: each begins with another replay.
    turn: AtomicUsize,
}

/// The deliveries that a step has claimed.
struct Made {
    /// Deliveries that were finished before.
    revived: Vec<Claimed>,
    /// New deliveries, each with its emit.
    created: Vec<(Arc<Emit>, New)>,
}

/// The rows that one step takes.
#[derive(Default)]
struct Picked {
    /// Deliveries that are finished.
    finished: Vec<DeliveryId>,
    /// Events without a delivery.
    missing: Vec<EmitId>,
    /// The cursor at which the next step begins.
    done_until: String,
    /// Whether no row comes after the cursor.
    is_end: bool,
}

impl Replays {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, turn: AtomicUsize::new(0) }
    }

    /// Makes steps until `stop` fires.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the table is looked at, so that no ring in between is lost.
            let added = self.shared.host.bells.replays_due.notified();
            let stepped = contained("a step of a replay", self.make_step()).await;
            let is_more = stepped.unwrap_or(Ok(false)).unwrap_or_else(|error| {
                tracing::error!(error = ?error, "the table could not be searched for replays");
                false
            });
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(STEP_PAUSE), if is_more => {}
                () = tokio::time::sleep(POLL_INTERVAL), if !is_more => {}
                () = added, if !is_more => {}
            }
        }
    }

    /// Makes one step of one due replay, if one gets slots. False when no replay is due.
    pub(super) async fn make_step(&self) -> Result<bool> {
        let host = &self.shared.host;
        let mut tx = host.db.read().await?;
        let mut due = db::replay::due(&mut tx, host.now(), DUE_MAX).await?;
        drop(tx);
        if due.is_empty() {
            return Ok(false);
        }
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % due.len();
        due.rotate_left(first);
        for replay in due {
            match self.step(&replay).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(replay = %replay.id, error = ?error, "a step of replay {} failed, and the replay is put off", replay.id);
                    self.put_off(&replay).await?;
                }
            }
        }
        Ok(true)
    }

    /// Makes one step of a replay. False when it gets no slot.
    async fn step(&self, replay: &Replay) -> Result<bool> {
        let (shared, host) = (&self.shared, &self.shared.host);
        let Some(endpoint) = host.memory.endpoint(&replay.organization_id, &replay.receiver).await? else {
            // The receiver was removed, and its replays with it.
            return Ok(true);
        };
        if endpoint.disabled.is_some() {
            return self.put_off(replay).await.map(|()| true);
        }
        let now = host.now();
        // A failing endpoint gets one delivery at a time, to see whether it still fails.
        let is_failing = host.health.is_failing(&endpoint);
        let slots = shared.slots.take_for_replay(&endpoint, if is_failing { 1 } else { STEP_MAX }, now);
        if slots.is_empty() {
            return Ok(false);
        }
        let picked = self.pick(replay, slots.len()).await?;
        let missing = self.choose(&endpoint, &picked.missing).await?;
        let goes_on_at = if is_failing { now.plus_millis(FAILING_MS) } else { now };
        let Some(made) = self.write(replay, &picked, missing, goes_on_at, now).await? else { return Ok(true) };
        self.start(&endpoint, made, slots).await?;
        Ok(true)
    }

    async fn put_off(&self, replay: &Replay) -> Result<()> {
        let host = &self.shared.host;
        let mut tx = host.db.begin_unsynced().await?;
        let due_at = host.now().plus_millis(PUT_OFF_MS);
        db::replay::advance(&mut tx, replay, &replay.done_until, due_at).await?;
        tx.commit().await
    }

    /// Looks for the next rows to send, `wanted` of them at most.
    async fn pick(&self, replay: &Replay, wanted: usize) -> Result<Picked> {
        let organization = &replay.organization_id;
        let mut tx = self.shared.host.db.read().await?;
        let subscription = match replay.receiver.subscription() {
            Some(id) => db::subscription::find(&mut tx, organization, id).await?,
            None => None,
        };
        let is_wanted = |row: &db::replay::Row| match replay.source {
            ReplaySource::Events { .. } => subscription.as_ref().is_some_and(|found| found.wants(&row.event_type)),
            ReplaySource::DeadLetters { .. } => true,
        };
        let mut at = replay.clone();
        let mut picked = Picked { done_until: replay.done_until.clone(), ..Picked::default() };
        for _ in 0..PAGES_MAX {
            let rows = db::replay::rows(&mut tx, organization, &at, PAGE).await?;
            let is_last = rows.len() < PAGE as usize;
            for row in rows {
                if picked.finished.len() + picked.missing.len() >= wanted {
                    return Ok(picked);
                }
                let status = row.delivery.as_ref().map(|(_, status)| *status);
                if row.is_within && replay.source.takes(status) && is_wanted(&row) {
                    match row.delivery {
                        Some((id, _)) => picked.finished.push(id),
                        None => picked.missing.push(row.emit_id),
                    }
                }
                picked.done_until.clone_from(&row.id);
            }
            if is_last {
                picked.is_end = true;
                break;
            }
            at.done_until.clone_from(&picked.done_until);
        }
        Ok(picked)
    }

    /// Asks the router about events that have no delivery to the receiver, and makes new deliveries of those
    /// that it chooses.
    async fn choose(&self, endpoint: &Arc<Endpoint>, ids: &[EmitId]) -> Result<Vec<(Arc<Emit>, New)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let host = &self.shared.host;
        let mut tx = host.db.read().await?;
        let emits = db::emit::load(&mut tx, &ids.iter().collect::<Vec<_>>()).await?;
        drop(tx);
        let mut chosen = Vec::new();
        for stored in emits {
            let (emit, now) = (stored.emit, host.now());
            let choice = pipeline::choose(&host.runtime, &host.cpu, &emit, slice::from_ref(endpoint)).await?;
            let choice = choice.map_err(|failure| choose::refusal(&failure))?;
            for (endpoint, destination) in choice.chosen {
                let start = Start::Claimed(delivery::lease_from(now));
                let new = new_delivery(&self.shared, &emit, &endpoint, destination.attributes, start, now);
                chosen.push((emit.clone(), New { is_replay: true, ..new }));
            }
        }
        Ok(chosen)
    }

    /// Moves the replay on and claims the picked deliveries; `None` when another host was faster or the
    /// receiver is gone.
    async fn write(
        &self,
        replay: &Replay,
        picked: &Picked,
        missing: Vec<(Arc<Emit>, New)>,
        goes_on_at: Time,
        now: Time,
    ) -> Result<Option<Made>> {
        let (organization, receiver) = (&replay.organization_id, &replay.receiver);
        let mut tx = self.shared.host.db.begin_unsynced().await?;
        let is_ours = db::receiver::lock(&mut tx, organization, receiver).await?
            && if picked.is_end {
                db::replay::finish(&mut tx, replay).await?
            } else {
                db::replay::advance(&mut tx, replay, &picked.done_until, goes_on_at).await?
            };
        if !is_ours {
            return Ok(None);
        }
        let lease = delivery::lease_from(now);
        let revived = db::delivery::revive(&mut tx, organization, receiver, &picked.finished, lease, now).await?;
        // Routing or catching up may have inserted some of these deliveries meanwhile.
        let ids: Vec<_> = missing.iter().map(|(emit, _)| &emit.id).collect();
        let already_owed = db::delivery::owed_already(&mut tx, organization, receiver, &ids).await?;
        let created: Vec<_> = missing.into_iter().filter(|(emit, _)| !already_owed.contains(&emit.id)).collect();
        db::delivery::insert(&mut tx, &created.iter().map(|(_, new)| new).collect::<Vec<_>>()).await?;
        tx.commit().await?;
        Ok(Some(Made { revived, created }))
    }

    async fn start(&self, endpoint: &Arc<Endpoint>, made: Made, slots: Vec<Slot>) -> Result<()> {
        let ids: Vec<&EmitId> = made.revived.iter().map(|claimed| &claimed.emit_id).collect();
        let mut tx = self.shared.host.db.read().await?;
        let emits = db::emit::load(&mut tx, &ids).await?;
        drop(tx);
        // An emit is deleted only after its deliveries have ended, so each is found.
        let emit_of = |claimed: &Claimed| emits.iter().find(|stored| stored.emit.id == claimed.emit_id);
        let revived = made.revived.into_iter().filter_map(|claimed| Some((emit_of(&claimed)?.emit.clone(), claimed)));
        let created = made.created.into_iter().filter_map(|(emit, new)| Some((emit, new.claim()?)));
        for ((emit, claimed), slot) in revived.chain(created).zip(slots) {
            Job::new(claimed, emit, endpoint.clone()).start(&self.shared, slot);
        }
        Ok(())
    }
}
