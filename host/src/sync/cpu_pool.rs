//! A pool for work that occupies a core: compiling, checking and comparing schemas.

use std::{sync::Arc, thread};

use tokio::{sync::Semaphore, task::spawn_blocking};

use super::KeyedLock;
use crate::{
    domain::id::OrganizationId,
    error::{Error, Result},
};

/// Runs CPU-bound work off the async threads: as many jobs at once as there are cores, and one at a
/// time for each organization. So a schema that was made to be slow delays its own organization
/// alone. Clones share their places.
#[derive(Clone)]
pub struct CpuPool {
    cores: Arc<Semaphore>,
    organizations: KeyedLock<OrganizationId>,
}

impl Default for CpuPool {
    fn default() -> Self {
        Self::with_cores(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl CpuPool {
    fn with_cores(cores: usize) -> Self {
        Self { cores: Arc::new(Semaphore::new(cores)), organizations: KeyedLock::default() }
    }

    /// Runs `work` for an organization. Work that has begun keeps its core and its organization's
    /// turn until it is done, even if the caller stops waiting for it.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.organizations.lock(organization).await;
        let core = self.cores.clone().acquire_owned().await.map_err(Error::internal)?;
        let run = move || {
            let done = work();
            drop((core, turn));
            done
        };
        spawn_blocking(run).await.map_err(Error::internal)
    }
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
            // That the other end is gone tells it as well.
            ends.recv().unwrap_or_default();
        };
        (until_told, end)
    }

    #[tokio::test]
    async fn one_organization_waits_for_itself_and_not_for_another() {
        let pool = CpuPool::with_cores(2);
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
        let pool = CpuPool::with_cores(1);
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
