//! Relaying: takes emits that an organization pushes to the members of its groups.
//!
//! An emit that is pushed leaves a fan-out row in the transaction that accepts it. From there it is relayed
//! in rounds, beside the owner's own routing: each chunk of a round takes it to some members, logs that, and
//! moves the row on in one transaction, so that a crash neither skips a member nor repeats one ([`batch`]).
//! For a member that is an organization the emit is accepted again, and routed in the same transaction like
//! its own events; an external peer gets a delivery, as a subscription does. Neither leaves a fan-out row, so
//! no emit is relayed twice (contract 4.3).

use std::{sync::Arc, thread, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tokio::{runtime::Handle, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{POLL_INTERVAL, Shared, contained};
use crate::{
    db::federation::fan_out::{self, FanOut},
    domain::{id::OrganizationId, retry},
    error::{Code, Error, Result},
    fail,
};
use batch::Round;

mod batch;

/// Relays of one round: they are read together, and without traffic written in one transaction.
const RELAYS_MAX: usize = 64;
/// The pause between two transactions, for other work on the database.
const PAUSE: Duration = Duration::from_millis(2);
/// Relays of one transaction beside traffic: accepts wait for its end.
const RELAYS_BESIDE: usize = 4;
/// The pause beside traffic: relays have the database for a fifth of the time.
const PAUSE_BESIDE: Duration = Duration::from_millis(4);
/// Deliveries that start at the same moment beside traffic: few enough that requests wait for none.
const STARTS_BESIDE: usize = 2;
/// For each such time that relays are behind, transactions beside traffic grow by [`RELAYS_BESIDE`].
const BEHIND: Duration = Duration::from_secs(2);
/// As many emits accepted within [`TRAFFIC_WINDOW`] are traffic; fewer may be the pushed emits themselves.
const TRAFFIC_EMITS: u64 = 3;
const TRAFFIC_WINDOW: Duration = Duration::from_millis(100);
/// The wait before an emit that could not be relayed is tried again, which doubles each time, and the
/// longest.
const PUT_OFF_MS: i64 = 2_000;
const PUT_OFF_MS_MAX: i64 = 300_000;

/// How fast relays are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    /// Relays of one transaction.
    relays: usize,
    /// Deliveries that start at the same moment.
    starts: usize,
    /// The pause after a transaction.
    pause: Duration,
}

impl Pace {
    /// The pace without traffic.
    const ALONE: Self = Self { relays: RELAYS_MAX, starts: usize::MAX, pause: PAUSE };

    /// The pace beside traffic, when relays are `behind` by this time: the further, the larger the
    /// transactions, so that relays keep up however much is pushed.
    fn beside(behind: Duration) -> Self {
        let times = behind.as_millis() / BEHIND.as_millis() + 1;
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        Self {
            relays: times.saturating_mul(RELAYS_BESIDE).min(RELAYS_MAX),
            starts: times.saturating_mul(STARTS_BESIDE),
            pause: PAUSE_BESIDE,
        }
    }
}

/// Finds out whether there is traffic: emits that are being accepted.
#[derive(Debug)]
struct Traffic {
    /// The beginning of the present window, and the emits accepted until then.
    since: Instant,
    before: u64,
    is_any: bool,
}

impl Traffic {
    fn new(now: Instant) -> Self {
        Self { since: now, before: 0, is_any: false }
    }

    /// Takes the number of emits accepted until `now`, and returns whether there is traffic.
    fn observe(&mut self, accepted: u64, now: Instant) -> bool {
        let is_enough = accepted - self.before >= TRAFFIC_EMITS;
        if now - self.since >= TRAFFIC_WINDOW {
            *self = Self { since: now, before: accepted, is_any: is_enough };
        }
        self.is_any |= is_enough;
        self.is_any
    }
}

/// The worker that relays emits.
pub(super) struct Relays {
    shared: Arc<Shared>,
    /// The organization that had the last step; the next step is for the one after it.
    cursor: Mutex<String>,
    traffic: Mutex<Traffic>,
}

impl Relays {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, cursor: Mutex::default(), traffic: Mutex::new(Traffic::new(Instant::now())) }
    }

    /// Relays until `stop` fires, on a thread of its own: a step holds the database from statement to
    /// statement, and among the tasks of requests it would have to wait its turn after each. Fails when the
    /// system has no thread left.
    pub(super) fn start(self: Arc<Self>, loops: &TaskTracker, stop: CancellationToken) -> Result<()> {
        let (runtime, run) = (Handle::current(), loops.track_future(self.run(stop)));
        let thread = thread::Builder::new().name("weir-relays".to_owned());
        let no_thread = |cause| fail!(Unavailable, "there is no thread for relays").caused_by(cause);
        thread.spawn(move || runtime.block_on(run)).map(drop).map_err(no_thread)
    }

    async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            // Listening begins before the look, so that no ring in between is lost.
            let rung = self.shared.host.bells.relays_due.notified();
            let is_more = match contained("a step of relaying", self.step()).await {
                Some(Ok(was_any_due)) => was_any_due,
                Some(Err(error)) => {
                    tracing::error!(error = ?error, "emits cannot be relayed yet");
                    false
                }
                None => false,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = std::future::ready(()), if is_more => {}
                () = rung => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    fn pace(&self, behind: Duration) -> Pace {
        let mut traffic = self.traffic.lock();
        let is_any = traffic.observe(self.shared.host.ledger.accepted(), Instant::now());
        if is_any { Pace::beside(behind) } else { Pace::ALONE }
    }

    fn cursor(&self) -> MutexGuard<'_, String> {
        self.cursor.lock()
    }

    /// Relays due emits of one organization, and returns whether there were any. When they cannot be relayed
    /// together, the oldest is tried alone, and put off if it fails again.
    pub(super) async fn step(&self) -> Result<bool> {
        let due = self.due().await?;
        let Some(oldest) = due.first() else { return Ok(false) };
        // Moved before anything can fail, so that an organization whose relays fail does not hold up the
        // next.
        self.cursor().clone_from(&oldest.owner_id.to_string());
        for emits in [&due[..], std::slice::from_ref(oldest)] {
            match self.relay(&oldest.owner_id, emits).await {
                Ok(()) => return Ok(true),
                Err(error) if error.code() == Code::Unavailable => return Err(error),
                Err(error) if emits.len() == 1 => {
                    self.put_off(oldest, &error).await?;
                    return Ok(true);
                }
                Err(error) => {
                    tracing::warn!(error = ?error, "emits could not be relayed together; the oldest is tried alone");
                }
            }
        }
        Ok(true)
    }

    /// The oldest emits of the organization whose turn it is.
    async fn due(&self) -> Result<Vec<FanOut>> {
        let host = &self.shared.host;
        let (after, now) = (self.cursor().clone(), host.now());
        let limit = u32::try_from(RELAYS_MAX).unwrap_or(u32::MAX);
        let mut tx = host.db.read().await?;
        let due = fan_out::next(&mut tx, &after, now, limit).await?;
        if due.is_empty() { fan_out::next(&mut tx, "", now, limit).await } else { Ok(due) }
    }

    /// Relays emits of an organization to their next members, in as many transactions as the pace
    /// asks for.
    async fn relay(&self, owner: &OrganizationId, emits: &[FanOut]) -> Result<()> {
        let db = &self.shared.host.db;
        // Before the transaction, because the program may have to be stored.
        let peer_program = self.shared.host.memory.peer_program(owner).await?;
        let mut tx = db.read().await?;
        let mut round = Round::take(&self.shared, owner, peer_program, &mut tx, emits, RELAYS_MAX).await?;
        drop(tx);
        loop {
            let pace = self.pace(round.behind());
            let Some(mut chunk) = round.chunk(pace.relays) else { return Ok(()) };
            chunk.route().await;
            let mut tx = db.begin_unsynced().await?;
            let after_commit = chunk.write(&mut tx).await?;
            tx.commit().await?;
            let is_outdated = after_commit.is_outdated;
            after_commit.start(&self.shared, pace.starts).await;
            if is_outdated {
                return Ok(());
            }
            tokio::time::sleep(pace.pause).await;
        }
    }

    /// Puts off an emit that cannot be relayed, so that the emits behind it are not held up.
    async fn put_off(&self, fan_out: &FanOut, error: &Error) -> Result<()> {
        let host = &self.shared.host;
        let FanOut { owner_id, emit_id, failures, .. } = fan_out;
        tracing::error!(emit = %emit_id, error = ?error, "emit {emit_id} cannot be relayed yet");
        let wait_ms = retry::doubling(i64::from(*failures), PUT_OFF_MS, PUT_OFF_MS_MAX);
        let due_at = host.now().plus_millis(wait_ms);
        let mut tx = host.db.begin_unsynced().await?;
        fan_out::put_off(&mut tx, owner_id, emit_id, due_at).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_that_are_behind_go_faster_but_never_in_larger_steps_than_without_traffic() {
        let relays = |seconds| Pace::beside(Duration::from_secs(seconds)).relays;
        assert_eq!([0, 1, 2, 5].map(relays), [RELAYS_BESIDE, RELAYS_BESIDE, 2 * RELAYS_BESIDE, 3 * RELAYS_BESIDE]);
        assert_eq!(relays(u64::MAX), RELAYS_MAX);
    }

    #[test]
    fn a_few_emits_are_no_traffic_and_traffic_ends_with_the_emits() {
        let begun = Instant::now();
        let mut traffic = Traffic::new(begun);
        let mut is_any = |accepted, after_ms| traffic.observe(accepted, begun + Duration::from_millis(after_ms));
        assert!(!is_any(TRAFFIC_EMITS - 1, 10));
        assert!(is_any(TRAFFIC_EMITS, 20), "at once");
        assert!(is_any(TRAFFIC_EMITS, 99));
        assert!(is_any(TRAFFIC_EMITS, 100), "the window that ends had it");
        assert!(is_any(TRAFFIC_EMITS, 150), "and holds for the next one");
        assert!(!is_any(TRAFFIC_EMITS + 1, 200));
    }
}
