//! A pool for work that occupies a core: schemas, filters that take long, and components with large payloads.
//!
//! Organizations share its threads by the time that they use: the next job is one of the organization that
//! has used least (start-time fair queueing, where an organization that was idle saves up nothing). So light
//! work of one organization waits for at most the jobs that run already, however many organizations keep
//! heavy work waiting.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{
    domain::{id::OrganizationId, limits::COMPUTING_WAITING_MAX},
    error::{Error, Result},
    fail,
};

/// How much less than other threads the pool's threads weigh for the system's scheduler, where it has
/// weights per thread: with this a thread that serves requests gets ten times as much of a core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Work that waits for its turn.
struct Job {
    run: Box<dyn FnOnce() + Send>,
    /// Alive while a request waits for it; `None` for work that is owed.
    request: Option<Weak<()>>,
}

/// Runs CPU-bound work off the async threads, on as many threads as there are cores, with a lower priority
/// than those that serve. Each organization has one job under way at a time. Clones share the threads, which
/// end with the last clone.
#[derive(Clone)]
pub struct CpuPool {
    shared: Arc<Shared>,
    _end: Arc<End>,
}

/// What the callers and the threads share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Wakes a thread for a job, or all of them for the end.
    changed: Condvar,
}

/// Ends the threads when the last clone of the pool is dropped.
struct End(Arc<Shared>);

#[derive(Default)]
struct State {
    shares: HashMap<OrganizationId, Share>,
    /// The organizations with a waiting job and none under way, by the time that they have used.
    ready: BTreeSet<(Duration, OrganizationId)>,
    /// The organizations without a job that have used more than `floor`, by the time that they have used.
    idle: BTreeSet<(Duration, OrganizationId)>,
    /// The used time from which an organization begins that was idle: that of the job which began last.
    floor: Duration,
    /// Jobs under way.
    running: usize,
    is_over: bool,
}

/// One organization's part of the pool.
#[derive(Default)]
struct Share {
    /// Time that its jobs took, on top of the floor from which it began.
    used: Duration,
    waiting: VecDeque<Job>,
    is_running: bool,
}

impl CpuPool {
    /// Starts the threads. Fails when the system has none left.
    pub fn start() -> Result<Self> {
        Self::with_threads(thread::available_parallelism().map_or(1, usize::from))
    }

    fn with_threads(count: usize) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let pool = Self { shared: shared.clone(), _end: Arc::new(End(shared)) };
        for number in 0..count {
            let shared = pool.shared.clone();
            let thread = thread::Builder::new().name(format!("weir-cpu-{number}"));
            thread.spawn(move || shared.run_jobs()).map_err(no_thread)?;
        }
        Ok(pool)
    }

    /// Runs `work` that is owed, such as that of an accepted event, behind the work that the organization asked
    /// for earlier. Work that has begun keeps its thread and its organization's turn until it is done, even if
    /// the caller stops waiting for it; work that has not begun by then is left out.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.run_job(organization, None, work).await
    }

    /// Runs `work` that a request waits for, as [`Self::run`] does. Code `RATE_LIMITED` when the organization has
    /// [`COMPUTING_WAITING_MAX`] requests whose work has not begun.
    pub async fn try_run<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let request = Arc::new(());
        self.run_job(organization, Some(Arc::downgrade(&request)), work).await
    }

    async fn run_job<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        request: Option<Weak<()>>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, replied) = oneshot::channel();
        let job = move || {
            if reply.is_closed() {
                return;
            }
            let done = catch_unwind(AssertUnwindSafe(work));
            // The caller may have stopped waiting.
            drop(reply.send(done));
        };
        let job = Job { run: Box::new(job), request };
        match self.shared.state.lock().add(organization, job) {
            Added::ToBegin => {
                self.shared.changed.notify_one();
            }
            Added::Behind => {}
            Added::Refused => return Err(too_many()),
        }
        match replied.await.map_err(Error::internal)? {
            Ok(done) => Ok(done),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Shared {
    /// Runs jobs until the pool ends.
    fn run_jobs(&self) {
        step_back();
        while let Some((organization, job)) = self.next() {
            let began = Instant::now();
            (job.run)();
            self.state.lock().end(organization, began.elapsed());
        }
    }

    /// Waits for the next job; `None` when the pool has ended.
    fn next(&self) -> Option<(OrganizationId, Job)> {
        let mut state = self.state.lock();
        loop {
            if state.is_over {
                return None;
            }
            if let Some(next) = state.begin() {
                return Some(next);
            }
            self.changed.wait(&mut state);
        }
    }
}

/// What became of a job that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    /// A thread may begin it at once.
    ToBegin,
    /// It waits behind the organization's others.
    Behind,
    /// Too many of the organization's requests wait already.
    Refused,
}

impl State {
    /// Adds a job behind the organization's others.
    fn add(&mut self, organization: &OrganizationId, job: Job) -> Added {
        let share = self.shares.entry(organization.clone()).or_default();
        if job.request.is_some() && share.requests() >= COMPUTING_WAITING_MAX {
            return Added::Refused;
        }
        share.waiting.push_back(job);
        if share.is_running || share.waiting.len() > 1 {
            return Added::Behind;
        }
        let was = (share.used, organization.clone());
        self.idle.remove(&was);
        share.used = share.used.max(self.floor);
        self.ready.insert((share.used, was.1));
        Added::ToBegin
    }

    /// Takes the first job of the organization that has used least.
    fn begin(&mut self) -> Option<(OrganizationId, Job)> {
        let (used, organization) = self.ready.pop_first()?;
        self.raise_floor(used);
        let share = self.shares.get_mut(&organization)?;
        let job = share.waiting.pop_front()?;
        share.is_running = true;
        self.running += 1;
        Some((organization, job))
    }

    /// Charges an organization for its job, which took so long, and gives it its next turn.
    fn end(&mut self, organization: OrganizationId, took: Duration) {
        self.running -= 1;
        if let Some(share) = self.shares.get_mut(&organization) {
            share.is_running = false;
            share.used += took;
            let all = if share.waiting.is_empty() { &mut self.idle } else { &mut self.ready };
            all.insert((share.used, organization));
        }
        if self.running == 0 && self.ready.is_empty() {
            // No organization is ahead of another in an idle pool.
            self.idle.clear();
            self.shares.clear();
        }
    }

    /// Raises the floor, and forgets the idle organizations that would begin from it anyway.
    fn raise_floor(&mut self, used: Duration) {
        self.floor = self.floor.max(used);
        while let Some((used, organization)) = self.idle.pop_first() {
            if used > self.floor {
                self.idle.insert((used, organization));
                return;
            }
            self.shares.remove(&organization);
        }
    }
}

impl Share {
    /// Requests that wait for work which has not begun.
    fn requests(&self) -> usize {
        let waits = |job: &&Job| job.request.as_ref().is_some_and(|request| request.strong_count() > 0);
        self.waiting.iter().filter(waits).count()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.state.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

/// Lowers the priority of the calling thread below those that serve. Where the system refuses, the pool's
/// threads compete with them.
#[cfg(target_os = "linux")]
fn step_back() {
    // On Linux the niceness is that of the calling thread.
    if let Err(cause) = rustix::process::nice(NICENESS) {
        tracing::warn!(%cause, "threads for computing compete with those that serve");
    }
}

/// Elsewhere the niceness is that of the whole process, so it stays.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

fn too_many() -> Error {
    fail!(
        RateLimited,
        "{COMPUTING_WAITING_MAX} requests of this organization wait for a core already: checks of payloads that take \
         long, and schemas"
    )
    .retry_after(1)
}

fn no_thread(cause: io::Error) -> Error {
    fail!(Unavailable, "there is no thread for computing").caused_by(cause)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::mpsc::{Receiver, Sender, channel},
    };

    use futures_util::poll;

    use super::*;
    use crate::error::Code;

    fn organizations() -> [OrganizationId; 2] {
        ["org_a", "org_b"].map(OrganizationId::stored)
    }

    /// Work that lasts until it is told to end, and how to tell it.
    fn work() -> (impl FnOnce() + Send, Sender<()>) {
        let (end, ends): (Sender<()>, Receiver<()>) = channel();
        let until_told = move || {
            // A dropped sender ends the work as well.
            ends.recv().unwrap_or_default();
        };
        (until_told, end)
    }

    #[tokio::test]
    async fn one_organization_waits_for_itself_and_not_for_another() {
        let pool = CpuPool::with_threads(2).expect("threads start");
        let ([a, b], (slow, end)) = (organizations(), work());
        let mut slow = pin!(pool.run(&a, slow));
        assert!(poll!(slow.as_mut()).is_pending());
        let mut own = pin!(pool.run(&a, || "own"));
        assert!(poll!(own.as_mut()).is_pending());
        assert_eq!(pool.run(&b, || "other").await.expect("it runs"), "other");
        assert!(poll!(own.as_mut()).is_pending(), "it is not its turn");
        drop(end);
        slow.await.expect("it ran");
        assert_eq!(own.await.expect("it runs"), "own");
    }

    #[tokio::test]
    async fn abandoned_work_keeps_its_core() {
        let pool = CpuPool::with_threads(1).expect("threads start");
        let ([a, b], (slow, end)) = (organizations(), work());
        {
            let mut slow = pin!(pool.run(&a, slow));
            assert!(poll!(slow.as_mut()).is_pending());
        }
        let mut next = pin!(pool.run(&b, || ()));
        assert!(poll!(next.as_mut()).is_pending());
        drop(end);
        next.await.expect("it runs");
    }

    #[tokio::test]
    async fn work_that_has_not_begun_is_left_out_when_its_caller_stops_waiting() {
        let pool = CpuPool::with_threads(1).expect("threads start");
        let ([a, _], (slow, end)) = (organizations(), work());
        let mut slow = pin!(pool.run(&a, slow));
        assert!(poll!(slow.as_mut()).is_pending());
        let (began, begins) = channel();
        {
            let mut abandoned = pin!(pool.run(&a, move || began.send(())));
            assert!(poll!(abandoned.as_mut()).is_pending());
        }
        drop(end);
        slow.await.expect("it ran");
        pool.run(&a, || ()).await.expect("it runs");
        assert!(begins.recv().is_err(), "the abandoned work did not begin");
    }

    #[tokio::test]
    async fn computing_waiting_max() {
        let pool = CpuPool::with_threads(1).expect("threads start");
        let ([a, b], (slow, end)) = (organizations(), work());
        let mut slow = pin!(pool.run(&a, slow));
        assert!(poll!(slow.as_mut()).is_pending());
        let mut requests: Vec<_> = (0..COMPUTING_WAITING_MAX).map(|_| Box::pin(pool.try_run(&a, || ()))).collect();
        for request in &mut requests {
            assert!(poll!(request.as_mut()).is_pending());
        }
        let refused = pool.try_run(&a, || ()).await.expect_err("too many wait");
        assert_eq!((refused.code(), refused.retry_after_s()), (Code::RateLimited, Some(1)));
        // Neither work that is owed nor another organization is refused, and a request that is given up makes room.
        let (mut owed, mut other) = (pin!(pool.run(&a, || ())), pin!(pool.try_run(&b, || ())));
        assert!(poll!(owed.as_mut()).is_pending() && poll!(other.as_mut()).is_pending());
        drop(requests.pop());
        let mut next = pin!(pool.try_run(&a, || ()));
        assert!(poll!(next.as_mut()).is_pending());
        drop(end);
        for request in requests {
            request.await.expect("it runs");
        }
        owed.await.and(next.await).and(other.await).and(slow.await).expect("they run");
    }

    fn job() -> Job {
        Job { run: Box::new(|| ()), request: None }
    }

    /// The organizations of the next jobs, each of which takes `took`.
    fn next_turns(state: &mut State, count: usize, took: Duration) -> Vec<String> {
        let mut turn = || {
            let (organization, _) = state.begin()?;
            let name = organization.to_string();
            state.end(organization, took);
            Some(name)
        };
        (0..count).map_while(|_| turn()).collect()
    }

    #[test]
    fn light_work_goes_before_heavy_work_that_waited_longer() {
        let mut state = State::default();
        let ([a, b], c) = (organizations(), OrganizationId::stored("org_c"));
        for organization in [&a, &a, &a, &b, &b, &b] {
            state.add(organization, job());
        }
        assert_eq!(next_turns(&mut state, 2, Duration::from_millis(50)), ["org_a", "org_b"]);
        state.add(&c, job());
        assert_eq!(next_turns(&mut state, 1, Duration::from_millis(1)), ["org_c"]);
        state.add(&c, job());
        assert_eq!(next_turns(&mut state, 9, Duration::from_millis(50)), ["org_c", "org_a", "org_b", "org_a", "org_b"]);
    }

    #[test]
    fn an_organization_saves_up_nothing_while_it_is_idle() {
        let mut state = State::default();
        let [a, b] = organizations();
        for _ in 0..4 {
            state.add(&a, job());
        }
        assert_eq!(next_turns(&mut state, 3, Duration::from_secs(1)).len(), 3);
        for _ in 0..3 {
            state.add(&b, job());
        }
        assert_eq!(next_turns(&mut state, 9, Duration::from_secs(1)), ["org_b", "org_a", "org_b", "org_b"]);
    }

    #[test]
    fn nothing_is_left_of_organizations_without_work() {
        let mut state = State::default();
        for number in 0..100 {
            state.add(&OrganizationId::stored(format!("org_{number}")), job());
        }
        assert_eq!(next_turns(&mut state, 100, Duration::from_millis(1)).len(), 100);
        assert!(state.shares.is_empty() && state.ready.is_empty() && state.idle.is_empty());
    }
}
