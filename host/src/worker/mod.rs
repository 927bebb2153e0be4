//! What happens after the 202: routing and delivery.
//!
//! Every stage claims rows, works with no transaction open, and records the outcome in one short
//! transaction. Claims are leases: whatever dies with a process is taken by another, or by the
//! next start.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    db::{
        self,
        ledger::{Handover, RoutingQueue},
    },
    domain::{retention::Retention, retry::RetrySchedule},
    error::Result,
    memory::EndpointHealth,
    runtime::Runtime,
    service::Host,
};

pub mod outbound;

mod catch_up;
mod choice;
mod claim;
mod decide;
mod delivery;
mod housekeeping;
mod prepare;
mod relay;
mod replay;
mod routing;
mod slots;
mod trial;
mod verdict;

use outbound::Outbound;
use slots::Slots;

/// Accepted emits that may wait in memory for routing; beyond it they wait in the table.
const HANDOVERS_MAX: usize = 8_192;
/// How often the table is looked at although nobody rang: for what another process left behind,
/// and for retries that became due.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How long a stop waits until what it put back is recorded. What is not, is taken when its lease ends.
const PUT_BACK_MAX: Duration = Duration::from_secs(2);

/// Tests of endpoints under way at once: people wait for them, so there are few.
const TRIALS_MAX: usize = 32;

/// What the workers work with.
pub struct Settings {
    /// When a failed delivery is tried again.
    pub retry_schedule: RetrySchedule,
    /// Deliveries under way at once.
    pub deliveries_max: usize,
    /// How long what is finished is kept.
    pub retention: Retention,
    /// How often what is older is looked for.
    pub housekeeping_interval: Duration,
    /// How long an endpoint may do nothing but fail; `None` is for ever.
    pub disable_after: Option<Duration>,
}

/// The parts that all workers share.
struct Shared {
    host: Arc<Host>,
    runtime: Runtime,
    outbound: Outbound,
    retry_schedule: RetrySchedule,
    disable_after: Option<Duration>,
    slots: Slots,
    endpoints: EndpointHealth,
    /// Places for tests of endpoints.
    trials: Semaphore,
    /// Deliveries under way.
    deliveries: TaskTracker,
    /// Batches of routing under way.
    routings: TaskTracker,
    /// Fires when a stop waits no longer for endpoints.
    give_up: CancellationToken,
}

/// The queue between the ledger and routing; made first, because both ends need it.
pub struct Handovers {
    /// For the ledger.
    pub queue: RoutingQueue,
    receiver: mpsc::Receiver<Handover>,
}

impl Handovers {
    /// An empty queue.
    pub fn new() -> Self {
        let (handovers, receiver) = mpsc::channel(HANDOVERS_MAX);
        Self { queue: RoutingQueue { handovers, backlog: Arc::default(), relays: Arc::default() }, receiver }
    }
}

impl Default for Handovers {
    fn default() -> Self {
        Self::new()
    }
}

/// The running workers.
pub struct Workers {
    shared: Arc<Shared>,
    routing: Arc<routing::Routing>,
    claims: Arc<claim::Claims>,
    replays: Arc<replay::Replays>,
    catch_up: Arc<catch_up::CatchUp>,
    housekeeping: Arc<housekeeping::Housekeeping>,
    relays: Arc<relay::Relays>,
    stop: CancellationToken,
    loops: TaskTracker,
    /// Whoever drops the workers without stopping them leaves no thread behind.
    _stop_on_drop: DropGuard,
}

impl Workers {
    /// Starts routing and delivery. The one owner of a database first takes back what the process
    /// before it held.
    pub async fn start(
        host: Arc<Host>,
        runtime: Runtime,
        outbound: Outbound,
        settings: Settings,
        handovers: Handovers,
    ) -> Result<Self> {
        if host.db.is_owned() {
            take_back(&host).await?;
        }
        let shared = Arc::new(Shared {
            slots: Slots::new(settings.deliveries_max),
            trials: Semaphore::new(TRIALS_MAX),
            retry_schedule: settings.retry_schedule,
            disable_after: settings.disable_after,
            endpoints: EndpointHealth::default(),
            host,
            runtime,
            outbound,
            deliveries: TaskTracker::new(),
            routings: TaskTracker::new(),
            give_up: CancellationToken::new(),
        });
        let stop = CancellationToken::new();
        let loops = TaskTracker::new();
        let routing = Arc::new(routing::Routing::new(shared.clone(), handovers.queue.backlog));
        let claims = Arc::new(claim::Claims::new(shared.clone()));
        let catch_up = Arc::new(catch_up::CatchUp::new(shared.clone()));
        let housekeeping = Arc::new(housekeeping::Housekeeping::new(
            shared.clone(),
            settings.retention,
            settings.housekeeping_interval,
        ));
        let relays = Arc::new(relay::Relays::new(shared.clone()));
        loops.spawn(routing.clone().run(handovers.receiver, stop.clone()));
        loops.spawn(claims.clone().run(stop.clone()));
        loops.spawn(catch_up.clone().run(stop.clone()));
        relays.clone().start(&loops, stop.clone())?;
        let replays = Arc::new(replay::Replays::new(shared.clone()));
        loops.spawn(replays.clone().run(stop.clone()));
        loops.spawn(housekeeping.clone().run(stop.clone()));
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

    /// Stops taking work, gives endpoints this `grace` to answer, and puts back what they did not:
    /// no attempt was made, and whoever looks at the table next makes it.
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
            "endpoints that have not answered are asked again later"
        );
        self.shared.give_up.cancel();
        if tokio::time::timeout(PUT_BACK_MAX, finished).await.is_err() {
            tracing::warn!(under_way = self.shared.deliveries.len(), "deliveries were still under way at the stop");
        }
    }

    /// Works until nothing is due at the present moment: for tests, which move the clock
    /// themselves. False when that did not happen within `at_most`.
    pub async fn settle(&self, at_most: Duration) -> Result<bool> {
        let settled = async {
            loop {
                let claimed = self.routing.claim_backlog().await?
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

    /// Deletes what is old at the present moment, and says how many events and attempts: for tests,
    /// which move the clock themselves.
    pub async fn keep_house(&self) -> Result<u64> {
        self.housekeeping.sweep().await
    }

    /// Whether anything is due at the present moment or claimed, by this host or another. What waits
    /// for its subscription's rate is not due yet.
    async fn is_work_left(&self) -> Result<bool> {
        // A delivery under way may let a replay go on, so it is asked for first.
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

    /// Calls of components so far, and the time spent in them.
    pub fn usage(&self) -> crate::runtime::Usage {
        self.shared.runtime.usage()
    }
}

/// Runs a piece of work so that a panic in it, which is a bug, ends it alone and not the loop that
/// everybody's events go through. What it had claimed is taken again when its lease ends.
async fn contained<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    // What it was about to change is in the table, and locks that it held recover.
    let done = AssertUnwindSafe(work).catch_unwind().await;
    if done.is_err() {
        tracing::error!("a bug ended {what}; what it had claimed is taken again");
    }
    done.ok()
}

async fn take_back(host: &Host) -> Result<()> {
    let now = host.now();
    let mut tx = host.db.begin_unsynced().await?;
    let emits = db::emit::end_leases(&mut tx, now).await?;
    let deliveries = db::delivery::end_leases(&mut tx, now).await?;
    tx.commit().await?;
    if emits + deliveries > 0 {
        tracing::info!(emits, deliveries, "took back what was under way when the host last ended");
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
