//! Notes which events arrived, and when.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::sync::Semaphore;

/// How often [`Arrivals::all`] looks whether everything arrived.
const POLL: Duration = Duration::from_millis(5);

/// The arrivals of one measurement, whose events are numbered from zero.
pub(crate) struct Arrivals {
    /// When the measurement began.
    pub(crate) begun: Instant,
    /// Endpoints that each event goes to.
    pub(crate) each: u32,
    /// Microseconds until the event of each number arrived at each endpoint; zero when it has not.
    micros: Vec<AtomicU32>,
    arrived: AtomicUsize,
    repeated: AtomicUsize,
    /// Room for further arrivals: back-pressure for a closed loop.
    pub(crate) room: Semaphore,
}

impl Arrivals {
    /// Begins a measurement of at most `count` events to as many endpoints each, `room` of the events
    /// under way at once.
    pub(crate) fn new(count: usize, each: u32, room: usize) -> Arc<Self> {
        let arrivals = count * each as usize;
        Arc::new(Self {
            each,
            micros: std::iter::repeat_with(|| AtomicU32::new(0)).take(arrivals).collect(),
            arrived: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
            room: Semaphore::new(room * each as usize),
            begun: Instant::now(),
        })
    }

    /// Events that there is room to note.
    pub(crate) fn capacity(&self) -> usize {
        self.micros.len() / self.each as usize
    }

    /// Notes an arrival, unless it is at an endpoint beside those that are measured.
    fn note(&self, number: u32, endpoint: Option<u32>) {
        let place = match endpoint {
            None if self.each == 1 => 0,
            Some(endpoint) if self.each > 1 && endpoint < self.each => endpoint as usize,
            _ => return,
        };
        let micros = u32::try_from(self.begun.elapsed().as_micros()).unwrap_or(u32::MAX).max(1);
        let Some(slot) = self.micros.get(number as usize * self.each as usize + place) else { return };
        if slot.compare_exchange(0, micros, Relaxed, Relaxed).is_ok() {
            self.arrived.fetch_add(1, Relaxed);
            self.room.add_permits(1);
        } else {
            self.repeated.fetch_add(1, Relaxed);
        }
    }

    /// Waits until so many have arrived; an error says how many have not.
    pub(crate) async fn all(&self, count: usize, at_most: Duration) -> Result<()> {
        let deadline = Instant::now() + at_most;
        while self.arrived.load(Relaxed) < count {
            if Instant::now() > deadline {
                let missing = count - self.arrived.load(Relaxed);
                let seconds = at_most.as_secs();
                bail!("{missing} of {count} deliveries did not arrive within {seconds} s");
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Times from the beginning to the first `count` arrivals, event by event.
    pub(crate) fn times(&self, count: usize) -> impl Iterator<Item = Duration> {
        self.micros.iter().take(count).map(|micros| Duration::from_micros(micros.load(Relaxed).into()))
    }

    /// Events that arrived again: allowed, but worth knowing.
    pub(crate) fn repeated(&self) -> usize {
        self.repeated.load(Relaxed)
    }
}

/// Notes arrivals: those of the measurement under way, and those of what goes on beside it.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<Measured>>);

#[derive(Clone, Default)]
struct Measured {
    main: Option<Arc<Arrivals>>,
    beside: Option<Arc<Arrivals>>,
}

impl Inbox {
    /// Notes arrivals in `to` from now on. Numbers start anew, so nothing of the measurement before may
    /// be under way.
    pub(crate) fn switch(&self, to: &Arc<Arrivals>) {
        self.lock().main = Some(to.clone());
    }

    /// The same for what goes on beside measurements. Only one of both goes to many endpoints.
    pub(crate) fn switch_beside(&self, to: &Arc<Arrivals>) {
        self.lock().beside = Some(to.clone());
    }

    /// Notes an arrival: the event's number, and the endpoint's if it is one of many.
    pub(crate) fn note(&self, number: u32, endpoint: Option<u32>) {
        let Measured { main, beside } = self.lock().clone();
        for arrivals in [main, beside].into_iter().flatten() {
            arrivals.note(number, endpoint);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_missing_is_an_error_and_what_repeats_counts_once() {
        let (inbox, arrivals) = (Inbox::default(), Arrivals::new(3, 1, 0));
        inbox.switch(&arrivals);
        for number in [0, 2, 2, 9] {
            inbox.note(number, None);
        }
        assert_eq!((arrivals.repeated(), arrivals.room.available_permits()), (1, 2));
        assert!(arrivals.all(2, Duration::ZERO).await.is_ok());
        let missing = arrivals.all(3, Duration::ZERO).await.map_err(|error| error.to_string());
        assert!(missing.is_err_and(|message| message.contains("1 of 3")));
        inbox.note(1, Some(0));
        assert!(arrivals.all(3, Duration::ZERO).await.is_err());
        inbox.note(1, None);
        assert!(arrivals.all(3, Duration::ZERO).await.is_ok());
    }

    #[test]
    fn what_goes_on_beside_is_noted_beside() {
        let (inbox, one, many) = (Inbox::default(), Arrivals::new(2, 1, 0), Arrivals::new(2, 2, 0));
        inbox.switch(&one);
        inbox.switch_beside(&many);
        for (number, endpoint) in [(0, None), (0, Some(1)), (1, Some(0)), (1, Some(1))] {
            inbox.note(number, endpoint);
        }
        assert_eq!((one.room.available_permits(), many.room.available_permits()), (1, 3));
    }

    #[tokio::test]
    async fn each_endpoint_counts() {
        let (inbox, arrivals) = (Inbox::default(), Arrivals::new(2, 2, 0));
        inbox.switch(&arrivals);
        for (number, endpoint) in [(0, Some(0)), (0, Some(1)), (0, Some(2)), (0, None), (1, Some(1)), (2, Some(0))] {
            inbox.note(number, endpoint);
        }
        assert_eq!((arrivals.capacity(), arrivals.repeated(), arrivals.room.available_permits()), (2, 0, 3));
    }
}
