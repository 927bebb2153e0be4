//! The measurements, one function each.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hyper::{StatusCode, header::USER_AGENT};

use super::{
    CONNECTIONS, ENDPOINTS, HANGING_ENDPOINTS, OPEN_CONNECTIONS, SHARED_RATE, UNDER_WAY_MAX, WIDE_UNDER_WAY_MAX,
    arrivals::Arrivals,
    child::{Child, own_cpu},
    client::Endpoint,
    load::{self, Schedule, Timing},
    message::Message,
    receiver::{HANGING, Receiver},
    report::{EndToEnd, Hanging, Latency, Throughput},
    tenant::{HEARD, SHARED, Tenant, UNHEARD, WIDE},
    yardstick,
};
use crate::error::{Error, Result};

/// Deliveries a second that a closed loop has room to note; beyond it, it ends early.
const DELIVERIES_PER_SECOND_MAX: usize = 100_000;
/// How long the last events may take to arrive: longer than the first retry of a delivery.
pub(super) const ARRIVE_MAX: Duration = Duration::from_secs(90);
/// The longest time to arrival that is told apart, in microseconds: beyond it nothing is missing
/// but everything is lost.
const MICROS_MAX: u64 = 120_000_000;
/// A rate counts as reached when this part of it was: the last answer takes its time.
const RATE_REACHED: f64 = 0.98;

/// Everything that runs.
pub(super) struct Bench {
    pub(super) tenant: Tenant,
    pub(super) host: Child,
    pub(super) receiver: Receiver,
    /// How long each measurement takes.
    pub(super) seconds: Duration,
}

impl Bench {
    /// Requests a second that a bare server answers.
    pub(super) async fn bare(&self, yardstick: &Child) -> Result<Throughput> {
        let endpoint = Endpoint::new(yardstick.address, yardstick::PATH, (USER_AGENT, "weir-bench"))?;
        self.closed(&endpoint, yardstick, StatusCode::OK).await
    }

    /// Emits a second that the host accepts.
    pub(super) async fn accepts(&self) -> Result<Throughput> {
        self.closed(&self.tenant.emit, &self.host, StatusCode::ACCEPTED).await
    }

    async fn closed(&self, to: &Endpoint, server: &Child, expected: StatusCode) -> Result<Throughput> {
        let meter = Meter::start(server);
        let end = Instant::now() + self.seconds;
        let sent = load::send(to, CONNECTIONS, &Message::new(UNHEARD), expected, Timing::Closed(end)).await?;
        Ok(meter.stop(sent.count, sent.took))
    }

    /// Events a second that are accepted, routed, delivered and recorded, all at once: a new event
    /// is sent when an earlier one has arrived.
    pub(super) async fn end_to_end(&self, duration: Duration) -> Result<EndToEnd> {
        let components = self.tenant.components().await?;
        let (throughput, repeated) = self.windowed(HEARD, 1, UNDER_WAY_MAX, duration).await?;
        let after = self.tenant.components().await?;
        Ok(EndToEnd {
            throughput,
            repeated,
            component_calls: after.calls - components.calls,
            component_ms: after.busy_ms - components.busy_ms,
        })
    }

    /// Deliveries of events that go to so many endpoints each, as fast as it goes with at most
    /// `under_way` events at once; and how many arrived again.
    pub(super) async fn windowed(
        &self,
        event: &str,
        endpoints: u32,
        under_way: usize,
        duration: Duration,
    ) -> Result<(Throughput, usize)> {
        let seconds = usize::try_from(duration.as_secs()).unwrap_or(1).max(1);
        let arrivals = Arrivals::new(seconds * DELIVERIES_PER_SECOND_MAX / endpoints as usize, endpoints, under_way);
        self.receiver.inbox.switch(&arrivals);
        let meter = Meter::start(&self.host);
        let timing = Timing::Windowed(arrivals.begun + duration, arrivals.clone());
        let message = Message::new(event);
        let sent = load::send(&self.tenant.emit, CONNECTIONS, &message, StatusCode::ACCEPTED, timing).await?;
        let count = sent.count * endpoints;
        arrivals.all(count as usize, ARRIVE_MAX).await?;
        let took = arrivals.times(count as usize).max().unwrap_or_default();
        Ok((meter.stop(count, took), arrivals.repeated()))
    }

    /// Deliveries a second of events that go to many endpoints each.
    pub(super) async fn fan_out(&self) -> Result<Throughput> {
        self.subscribe_endpoints(WIDE).await?;
        Ok(self.windowed(WIDE, ENDPOINTS, WIDE_UNDER_WAY_MAX, self.seconds).await?.0)
    }

    async fn subscribe_endpoints(&self, event: &str) -> Result<()> {
        for endpoint in 0..ENDPOINTS {
            self.tenant.subscribe(event, &format!("{}{endpoint}", self.receiver.url)).await?;
        }
        Ok(())
    }

    /// How long events take from when they were meant to be sent until they arrive. A host that
    /// stalls delays the events that it could not even be sent, and all of them count.
    pub(super) async fn latency(&self, rate: u32) -> Result<Latency> {
        self.latency_to(HEARD, rate, 1).await
    }

    /// The same for events that go to many endpoints of one organization, without and with some
    /// that hang.
    pub(super) async fn hanging(&self) -> Result<Hanging> {
        self.subscribe_endpoints(SHARED).await?;
        let without = self.latency_to(SHARED, SHARED_RATE, ENDPOINTS).await?;
        for _ in 0..HANGING_ENDPOINTS {
            self.tenant.subscribe(SHARED, &format!("{}{HANGING}", self.receiver.url)).await?;
        }
        let with = self.latency_to(SHARED, SHARED_RATE, ENDPOINTS).await?;
        Ok(Hanging { without, with })
    }

    pub(super) async fn latency_to(&self, event: &str, rate: u32, endpoints: u32) -> Result<Latency> {
        let count = rate * u32::try_from(self.seconds.as_secs()).unwrap_or(u32::MAX);
        let expected = count * endpoints;
        let arrivals = Arrivals::new(count as usize, endpoints, 0);
        self.receiver.inbox.switch(&arrivals);
        let schedule = Schedule::start(arrivals.begun, rate, count, OPEN_CONNECTIONS);
        let timing = Timing::Open(schedule.clone());
        let message = Message::new(event);
        let sent = load::send(&self.tenant.emit, OPEN_CONNECTIONS, &message, StatusCode::ACCEPTED, timing).await?;
        arrivals.all(expected as usize, ARRIVE_MAX).await?;
        let mut histogram = Histogram::<u64>::new_with_max(MICROS_MAX, 3).map_err(Error::internal)?;
        for (number, arrived) in (0..expected).zip(arrivals.times(expected as usize)) {
            let micros = arrived.saturating_sub(schedule.due(number / endpoints)).as_micros();
            histogram.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        let reached_rate = f64::from(sent.count) / sent.took.as_secs_f64();
        Ok(Latency::new(rate, reached_rate, reached_rate >= f64::from(rate) * RATE_REACHED, &histogram))
    }
}

/// CPU time spent while something is measured.
struct Meter<'server> {
    server: &'server Child,
    server_cpu: Duration,
    load_cpu: Duration,
}

impl<'server> Meter<'server> {
    fn start(server: &'server Child) -> Self {
        Self { server, server_cpu: server.cpu(), load_cpu: own_cpu() }
    }

    fn stop(&self, count: u32, took: Duration) -> Throughput {
        Throughput {
            count,
            seconds: took.as_secs_f64(),
            server_cpu_seconds: self.server.cpu().saturating_sub(self.server_cpu).as_secs_f64(),
            load_cpu_seconds: own_cpu().saturating_sub(self.load_cpu).as_secs_f64(),
        }
    }
}
