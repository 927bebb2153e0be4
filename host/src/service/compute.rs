//! Work that takes a processor and not time.

use std::{sync::Arc, thread};

use tokio::{sync::Semaphore, task::spawn_blocking};

use super::turns::Turns;
use crate::{
    domain::id::OrganizationId,
    error::{Error, Result},
};

/// Runs such work beside the threads that serve: as much at once as there are cores, and for one
/// organization one after the other. So a schema that was made to be slow makes its own
/// organization wait, and nobody else.
pub struct Compute {
    cores: Arc<Semaphore>,
    turns: Turns<OrganizationId>,
}

impl Default for Compute {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { cores: Arc::new(Semaphore::new(cores)), turns: Turns::default() }
    }
}

impl Compute {
    /// Runs `work` for an organization. Once it has begun it keeps its turn and its core until it
    /// is done, even if nobody waits for it any more.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.turns.take(organization).await;
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
        let compute = Compute { cores: Arc::new(Semaphore::new(2)), turns: Turns::default() };
        let ([a, b], (slow, end)) = (organizations(), work());
        let mut slow = pin!(compute.run(&a, slow));
        assert!(poll!(slow.as_mut()).is_pending());
        let mut own = pin!(compute.run(&a, || "own"));
        assert!(poll!(own.as_mut()).is_pending());
        assert_eq!(compute.run(&b, || "other").await.expect("it runs"), "other");
        assert!(poll!(own.as_mut()).is_pending(), "it is not its turn");
        drop(end);
        slow.await.expect("it ran");
        assert_eq!(own.await.expect("it runs"), "own");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_core() {
        let compute = Compute { cores: Arc::new(Semaphore::new(1)), turns: Turns::default() };
        let ([a, b], (slow, end)) = (organizations(), work());
        {
            let mut slow = pin!(compute.run(&a, slow));
            assert!(poll!(slow.as_mut()).is_pending());
        }
        let mut next = pin!(compute.run(&b, || ()));
        assert!(poll!(next.as_mut()).is_pending());
        drop(end);
        next.await.expect("it runs");
    }
}
