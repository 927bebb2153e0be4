//! Which events arrived, and when.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{error::Result, fail};

/// How often is looked whether everything arrived.
const POLL: Duration = Duration::from_millis(5);

/// The arrivals of one measurement, whose events are numbered from zero.
pub(super) struct Arrivals {
    /// When the measurement began.
    pub(super) begun: Instant,
    /// Microseconds until the event of each number arrived; zero when it has not.
    micros: Vec<AtomicU32>,
    arrived: AtomicUsize,
    repeated: AtomicUsize,
    /// Room for further events under way: back-pressure for a closed loop.
    pub(super) room: Semaphore,
}

impl Arrivals {
    /// Begins a measurement of at most `count` events, `room` of them under way at once.
    pub(super) fn new(count: usize, room: usize) -> Arc<Self> {
        let micros = std::iter::repeat_with(|| AtomicU32::new(0)).take(count).collect();
        Arc::new(Self {
            micros,
            arrived: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
            room: Semaphore::new(room),
            begun: Instant::now(),
        })
    }

    /// How many events it has room for.
    pub(super) fn capacity(&self) -> usize {
        self.micros.len()
    }

    fn note(&self, number: u32) {
        let micros = u32::try_from(self.begun.elapsed().as_micros()).unwrap_or(u32::MAX).max(1);
        let Some(slot) = usize::try_from(number).ok().and_then(|number| self.micros.get(number)) else { return };
        if slot.compare_exchange(0, micros, Relaxed, Relaxed).is_ok() {
            self.arrived.fetch_add(1, Relaxed);
            self.room.add_permits(1);
        } else {
            self.repeated.fetch_add(1, Relaxed);
        }
    }

    /// Waits until the first `count` events have arrived; an error says how many have not.
    pub(super) async fn all(&self, count: usize, at_most: Duration) -> Result<()> {
        let deadline = Instant::now() + at_most;
        while self.arrived.load(Relaxed) < count {
            if Instant::now() > deadline {
                let missing = count - self.arrived.load(Relaxed);
                let seconds = at_most.as_secs();
                return Err(fail!(Unavailable, "{missing} of {count} events did not arrive within {seconds} s"));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// When each of the first `count` events arrived.
    pub(super) fn times(&self, count: usize) -> impl Iterator<Item = Duration> {
        self.micros.iter().take(count).map(|micros| Duration::from_micros(micros.load(Relaxed).into()))
    }

    /// Events that arrived again: allowed, but worth knowing.
    pub(super) fn repeated(&self) -> usize {
        self.repeated.load(Relaxed)
    }
}

/// Where arrivals are noted: the measurement under way.
#[derive(Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Option<Arc<Arrivals>>>>);

impl Inbox {
    /// From now on arrivals are noted there. Numbers start anew, so nothing of the measurement
    /// before may be under way.
    pub(super) fn switch(&self, to: &Arc<Arrivals>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.clone());
    }

    /// Notes an arrival.
    pub(super) fn note(&self, number: u32) {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(arrivals) = current {
            arrivals.note(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_missing_is_an_error_and_what_repeats_counts_once() {
        let (inbox, arrivals) = (Inbox::default(), Arrivals::new(3, 0));
        inbox.switch(&arrivals);
        for number in [0, 2, 2, 9] {
            inbox.note(number);
        }
        assert_eq!((arrivals.repeated(), arrivals.room.available_permits()), (1, 2));
        assert!(arrivals.all(2, Duration::ZERO).await.is_ok());
        let missing = arrivals.all(3, Duration::ZERO).await.map_err(|error| error.message());
        assert!(missing.is_err_and(|message| message.contains("1 of 3")));
        inbox.note(1);
        assert!(arrivals.all(3, Duration::ZERO).await.is_ok());
    }
}
