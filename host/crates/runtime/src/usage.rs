//! Counts calls and the time that they take, for benchmarks and the operator.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The sums over all calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls that ended, well or not.
    pub calls: u64,
    /// The durations of these calls together.
    pub busy: Duration,
}

/// Counts calls, from all threads at once.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: AtomicU64,
    busy_nanos: AtomicU64,
}

impl Meter {
    pub(crate) fn count(&self, duration: Duration) {
        self.calls.fetch_add(1, Relaxed);
        // Half a millennium of calls fits.
        self.busy_nanos.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn read(&self) -> Usage {
        Usage { calls: self.calls.load(Relaxed), busy: Duration::from_nanos(self.busy_nanos.load(Relaxed)) }
    }
}
