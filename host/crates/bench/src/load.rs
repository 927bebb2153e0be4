//! The load: connections that send one event after the other, as fast as the answers come or at a
//! given rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use hyper::StatusCode;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    arrivals::Arrivals,
    client::{Connection, Endpoint},
    message::Message,
};

/// How long the answers to what was sent may take after the last was sent.
const ANSWERS_MAX: Duration = Duration::from_mins(1);

/// When the next event is sent.
#[derive(Clone)]
pub(crate) enum Timing {
    /// As soon as a connection is free, until this time.
    Closed(Instant),
    /// The same, but only while there is room for further events under way.
    Windowed(Instant, Arc<Arrivals>),
    /// When its time has come, whether or not earlier ones were answered.
    Open(Arc<Schedule>),
}

/// The events that were sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Events answered as expected.
    pub(crate) count: u32,
    /// From the beginning to the last answer.
    pub(crate) took: Duration,
}

/// Sends events, numbered from zero, over as many connections, and expects one status for all.
pub(crate) async fn send(
    to: &Endpoint,
    connections: usize,
    message: &Message,
    expected: StatusCode,
    timing: Timing,
) -> Result<Sent> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(to.clone()).await?);
    }
    let (begun, next) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    let end = timing.end();
    let mut senders = JoinSet::new();
    for connection in opened {
        let (message, timing, next) = (message.clone(), timing.clone(), next.clone());
        senders.spawn(async move { keep_sending(connection, &message, expected, &timing, &next).await });
    }
    // Dropped on an error, the set ends the senders that are left.
    let finished = async {
        let mut count = 0;
        while let Some(sent) = senders.join_next().await {
            count += sent??;
        }
        Ok(Sent { count, took: begun.elapsed() })
    };
    match tokio::time::timeout_at((end + ANSWERS_MAX).into(), finished).await {
        Ok(finished) => finished,
        Err(_) => bail!("answers were still missing {ANSWERS_MAX:?} after the end"),
    }
}

async fn keep_sending(
    mut connection: Connection,
    message: &Message,
    expected: StatusCode,
    timing: &Timing,
    next: &AtomicU32,
) -> Result<u32> {
    let mut count = 0;
    while let Some(number) = timing.next(next).await {
        let (status, body) = connection.post(message.numbered(number)).await?;
        if status != expected {
            bail!("an answer was {status}: {}", String::from_utf8_lossy(&body));
        }
        count += 1;
    }
    Ok(count)
}

impl Timing {
    fn end(&self) -> Instant {
        match self {
            Self::Closed(end) | Self::Windowed(end, _) => *end,
            Self::Open(schedule) => schedule.begun + schedule.due(schedule.count),
        }
    }

    /// Waits until an event may be sent and gives its number; `None` when all were.
    async fn next(&self, next: &AtomicU32) -> Option<u32> {
        match self {
            Self::Closed(end) => (Instant::now() < *end).then(|| next.fetch_add(1, Relaxed)),
            Self::Windowed(end, arrivals) => {
                let room = arrivals.room.acquire_many(arrivals.each);
                let room = tokio::time::timeout_at((*end).into(), room).await.ok()?.ok()?;
                // The arrivals give it back.
                room.forget();
                if Instant::now() >= *end {
                    return None;
                }
                let number = next.fetch_add(1, Relaxed);
                ((number as usize) < arrivals.capacity()).then_some(number)
            }
            Self::Open(schedule) => schedule.next().await,
        }
    }
}

/// The times at which the events of an open loop are to be sent.
pub(crate) struct Schedule {
    begun: Instant,
    rate: u32,
    count: u32,
    /// One for each event whose time has come.
    permits: Semaphore,
    next: AtomicU32,
}

impl Schedule {
    /// Waits until the next event may be sent and gives its number; `None` when all were.
    pub(crate) async fn next(&self) -> Option<u32> {
        self.permits.acquire().await.ok()?.forget();
        let number = self.next.fetch_add(1, Relaxed);
        (number < self.count).then_some(number)
    }

    /// `count` events at `rate` a second. A thread of its own keeps time: the timers of the async
    /// runtime are a millisecond coarse, as much as is measured here.
    pub(crate) fn start(begun: Instant, rate: u32, count: u32, senders: usize) -> Arc<Self> {
        let schedule = Arc::new(Self { begun, rate, count, permits: Semaphore::new(0), next: AtomicU32::new(0) });
        let weak = Arc::downgrade(&schedule);
        thread::spawn(move || {
            for number in 0..count {
                // The schedule is gone when the measurement failed.
                let Some(due) = weak.upgrade().map(|schedule| begun + schedule.due(number)) else { return };
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let Some(schedule) = weak.upgrade() else { return };
                schedule.permits.add_permits(1);
            }
            // A last permit for each sender, to find that there is nothing left.
            if let Some(schedule) = weak.upgrade() {
                schedule.permits.add_permits(senders);
            }
        });
        schedule
    }

    /// When an event is to be sent, counted from the beginning.
    pub(crate) fn due(&self, number: u32) -> Duration {
        Duration::from_secs_f64(f64::from(number) / f64::from(self.rate))
    }
}
