//! A pool for work that occupies a core: schemas, and filters that take long.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::KeyedLock;
use crate::{
    domain::id::OrganizationId,
    error::{Error, Result},
    fail,
};

/// How much less than other threads the pool's threads weigh for the system's scheduler, where it has
/// weights per thread: with this a thread that serves requests gets ten times as much of a core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Runs CPU-bound work off the async threads, on as many threads as there are cores, with a lower priority
/// than those that serve. Each organization has one job under way at a time, and jobs run in the order of
/// their calls, so organizations take turns: work that was made to be slow delays its own organization alone.
/// Clones share the threads, which end with the last clone.
#[derive(Clone)]
pub struct CpuPool {
    jobs: Sender<Job>,
    organizations: KeyedLock<OrganizationId>,
}

impl CpuPool {
    /// Starts the threads. Fails when the system has none left.
    pub fn start() -> Result<Self> {
        Self::with_threads(thread::available_parallelism().map_or(1, usize::from))
    }

    fn with_threads(count: usize) -> Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..count {
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name(format!("weir-cpu-{number}"));
            thread.spawn(move || run_jobs(&waiting)).map_err(no_thread)?;
        }
        Ok(Self { jobs, organizations: KeyedLock::default() })
    }

    /// Runs `work` for an organization. Work that has begun keeps its thread and its organization's turn
    /// until it is done, even if the caller stops waiting for it.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.organizations.lock(organization).await;
        let (reply, replied) = oneshot::channel();
        let job = move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            drop(turn);
            // The caller may have stopped waiting.
            drop(reply.send(done));
        };
        self.jobs.send(Box::new(job)).map_err(|_| Error::internal("the threads for computing have ended"))?;
        match replied.await.map_err(Error::internal)? {
            Ok(done) => Ok(done),
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn run_jobs(waiting: &Mutex<Receiver<Job>>) {
    step_back();
    loop {
        // The lock is free again before the job runs.
        let next = waiting.lock().recv();
        let Ok(job) = next else { return };
        job();
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
}
