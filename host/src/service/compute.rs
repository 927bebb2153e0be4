//! Work that takes a processor and not time.

use std::{sync::Arc, thread};

use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::error::{Error, Result};

/// Runs such work beside the threads that serve, as much at once as there are cores: what one
/// tenant has to be thought over for long makes other requests wait for a core, and not for a
/// thread.
pub struct Compute {
    cores: Arc<Semaphore>,
}

impl Default for Compute {
    fn default() -> Self {
        Self { cores: Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from))) }
    }
}

impl Compute {
    /// Runs `work`. Once it has begun it keeps its core until it is done, even if nobody waits for
    /// it any more.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let core = self.cores.clone().acquire_owned().await.map_err(Error::internal)?;
        let run = move || {
            let done = work();
            drop(core);
            done
        };
        spawn_blocking(run).await.map_err(Error::internal)
    }
}
