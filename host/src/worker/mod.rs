//! Workers: the loops in the background that route, relay, deliver and replay accepted emits, and delete old
//! ones.
//!
//! Every stage claims rows, works with no transaction open, and records the outcome in one short transaction.
//! Claims are leases: rows that a process had claimed when it died are claimed again by another process, or
//! by the next start.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    db,
    domain::{retention::Retention, retry::RetrySchedule},
    error::Result,
    ledger::RoutingQueue,
    service::Host,
};

mod catch_up;
mod delivery;
mod housekeeping;
mod refusals;
mod relay;
mod replay;
mod routing;
mod testing;

use delivery::{claim::Claims, slots::Slots};
use routing::slow_events::SlowEvents;

pub use routing::turns_each_max;

/// How often a worker looks at the table although no bell rang: for rows that another process left behind,
/// and for retries that became due.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long a stop waits until deliveries that were put back are settled. The others are claimed again
/// when their lease ends.
const PUT_BACK_MAX: Duration = Duration::from_secs(2);

/// The settings of the workers.
pub struct WorkerSettings {
    /// The waits before a failed delivery is tried again, for subscriptions that set none.
    pub retry_schedule: RetrySchedule,
    /// Deliveries under way at once.
    pub deliveries_max: usize,
    /// How long finished work is kept.
    pub retention: Retention,
    /// How often housekeeping looks for older work.
    pub housekeeping_interval: Duration,
    /// How long an endpoint may fail without a success before it is disabled; `None` for ever.
    pub disable_after: Option<Duration>,
}

/// The parts that all workers share.
struct Shared {
    host: Arc<Host>,
    retry_schedule: RetrySchedule,
    disable_after: Option<Duration>,
    slots: Slots,
    /// Deliveries under way.
    deliveries: TaskTracker,
    slow_events: SlowEvents,
    /// Routings that are being written, or made in the slow lane.
    routings: TaskTracker,
    /// Fires when a stop no longer waits for endpoints.
    give_up: CancellationToken,
}

/// The running workers.
pub struct Workers {
    shared: Arc<Shared>,
    routing: Arc<routing::Routing>,
    claims: Arc<Claims>,
    replays: Arc<replay::Replays>,
    catch_up: Arc<catch_up::CatchUp>,
    housekeeping: Arc<housekeeping::Housekeeping>,
    relays: Arc<relay::Relays>,
    stop: CancellationToken,
    loops: TaskTracker,
    /// Ends the loops when the workers are dropped without a stop.
    _stop_on_drop: DropGuard,
}

impl Workers {
    /// Starts the workers. If this process is the only one that uses the database, it first takes back the
    /// claims of the process before it.
    pub async fn start(host: Arc<Host>, queue: RoutingQueue, settings: WorkerSettings) -> Result<Self> {
        if host.db.is_owned() {
            take_back(&host).await?;
        }
        let shared = Arc::new(Shared {
            slots: Slots::new(settings.deliveries_max),
            retry_schedule: settings.retry_schedule,
            disable_after: settings.disable_after,
            host,
            deliveries: TaskTracker::new(),
            slow_events: SlowEvents::default(),
            routings: TaskTracker::new(),
            give_up: CancellationToken::new(),
        });
        let stop = CancellationToken::new();
        let loops = TaskTracker::new();
        let routing = routing::Routing::new(shared.clone(), queue);
        let claims = Arc::new(Claims::new(shared.clone()));
        let replays = Arc::new(replay::Replays::new(shared.clone()));
        let catch_up = Arc::new(catch_up::CatchUp::new(shared.clone()));
        let relays = Arc::new(relay::Relays::new(shared.clone()));
        let housekeeping = Arc::new(housekeeping::Housekeeping::new(
            shared.clone(),
            settings.retention,
            settings.housekeeping_interval,
        ));
        routing.start(&loops, &stop)?;
        relays.clone().start(&loops, stop.clone())?;
        loops.spawn(claims.clone().run(stop.clone()));
        loops.spawn(replays.clone().run(stop.clone()));
        loops.spawn(catch_up.clone().run(stop.clone()));
        loops.spawn(housekeeping.clone().run(stop.clone()));
        loops.spawn(refusals::run(shared.clone(), stop.clone()));
        loops.close();
        let stop_on_drop = stop.clone().drop_guard();
        Ok(Self {
            shared,
            routing,
            claims,
            replays,
            catch_up,
            housekeeping,
            relays,
            stop,
            loops,
            _stop_on_drop: stop_on_drop,
        })
    }

    /// Stops taking work, gives endpoints `grace` to answer, and puts the deliveries of the others back:
    /// these use up no attempt, and are claimed again by this host or another.
    pub async fn stop(&self, grace: Duration) {
        self.stop.cancel();
        self.shared.deliveries.close();
        self.shared.routings.close();
        let mut finished = pin!(async {
            self.loops.wait().await;
            self.shared.routings.wait().await;
            self.shared.deliveries.wait().await;
        });
        if tokio::time::timeout(grace, &mut finished).await.is_ok() {
            return;
        }
        tracing::info!(
            under_way = self.shared.deliveries.len(),
            "deliveries to endpoints that have not answered are put back"
        );
        self.shared.give_up.cancel();
        if tokio::time::timeout(PUT_BACK_MAX, finished).await.is_err() {
            tracing::warn!(under_way = self.shared.deliveries.len(), "deliveries were still under way at the stop");
        }
    }
}

/// Runs a piece of work so that a panic in it, which is a bug, ends this work alone and not the worker's
/// loop. Rows that it had claimed are claimed again when their lease ends.
async fn contained<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    // The state of the work is in the table, and a panic frees its locks.
    let done = AssertUnwindSafe(work).catch_unwind().await;
    if done.is_err() {
        tracing::error!("a bug ended {what}; rows that it had claimed are claimed again");
    }
    done.ok()
}

/// Ends the claims of the process before this one.
async fn take_back(host: &Host) -> Result<()> {
    let now = host.now();
    let mut tx = host.db.begin_unsynced().await?;
    let emits = db::emit::end_leases(&mut tx, now).await?;
    let deliveries = db::delivery::end_leases(&mut tx, now).await?;
    tx.commit().await?;
    if emits + deliveries > 0 {
        tracing::info!(
            emits,
            deliveries,
            "took back emits and deliveries that were under way when the host last ended"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::contained;

    #[tokio::test]
    async fn a_panic_ends_its_own_work_only() {
        assert_eq!(contained("the test", async { 1 }).await, Some(1));
        let ended: Option<()> = contained("the test", async { panic!("a bug") }).await;
        assert_eq!(ended, None);
    }
}
