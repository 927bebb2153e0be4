//! The host, its load and its receiver while they run, and the ways to measure with them: as fast as
//! it goes, with a bound on what is under way, and at a given rate.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use hdrhistogram::Histogram;
use hyper::StatusCode;

use crate::{
    arrivals::Arrivals,
    client::Endpoint,
    figures::{EndToEnd, Latency, Throughput},
    load::{self, Schedule, Timing},
    message::Message,
    process::{HostSettings, Process, own_cpu},
    receiver::{self, Receiver},
    tenant::{HEARD, Tenant, UNHEARD},
};

/// Connections that send in a closed loop, to the bare server and to the host alike.
pub(crate) const CONNECTIONS: usize = 128;
/// Connections of an open loop: so many that none is waited for unless the host is behind.
pub(crate) const OPEN_CONNECTIONS: usize = 64;
/// Events that may be under way in the end-to-end measurement: enough to keep every stage busy,
/// and few enough that none of them becomes a queue.
pub(crate) const UNDER_WAY_MAX: usize = 256;
/// How long a host is exercised before it is measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);
/// How long the last events may take to arrive: longer than the first retry of a delivery.
pub(crate) const ARRIVE_MAX: Duration = Duration::from_secs(90);
/// Deliveries a second that a closed loop has room to note; beyond it, it ends early.
const DELIVERIES_PER_SECOND_MAX: usize = 100_000;
/// The longest time to arrival that is told apart, in microseconds. It is above [`ARRIVE_MAX`], so
/// that a later event is lost and not merely late.
const MICROS_MAX: u64 = 120_000_000;
/// The part of a rate that has to be reached for the rate to count as reached: the last answer takes
/// its time.
const RATE_REACHED: f64 = 0.98;

/// Everything that runs.
pub(crate) struct Bench {
    pub(crate) tenant: Tenant,
    pub(crate) host: Process,
    pub(crate) receiver: Receiver,
    /// The duration of each measurement.
    pub(crate) seconds: Duration,
    pub(crate) settings: HostSettings,
}

impl Bench {
    /// Starts receiver and host, and creates the organization that emits.
    pub(crate) async fn start(settings: HostSettings, seconds: Duration) -> Result<Self> {
        let receiver = receiver::start().await?;
        let host = settings.start().await?;
        let tenant = Tenant::create(&host, &settings.admin_token, &receiver.url).await?;
        Ok(Self { tenant, host, receiver, seconds, settings })
    }

    /// Starts the host again after [`Process::end`].
    pub(crate) async fn restart_host(&mut self) -> Result<()> {
        self.host = self.settings.start().await?;
        self.tenant = self.tenant.at(&self.host)?;
        Ok(())
    }

    /// The folder for the files of this run.
    pub(crate) fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// Emits a second that the host accepts. They match no subscription.
    pub(crate) async fn accepts(&self) -> Result<Throughput> {
        closed(self.tenant.emit(), &self.host, StatusCode::ACCEPTED, self.seconds).await
    }

    /// Events a second that are accepted, routed, delivered and recorded, all at once: a new event
    /// is sent when an earlier one has arrived.
    pub(crate) async fn end_to_end(&self, duration: Duration) -> Result<EndToEnd> {
        let before = self.tenant.component_usage().await?;
        let (throughput, repeated) = self.windowed(HEARD, 1, UNDER_WAY_MAX, duration).await?;
        let after = self.tenant.component_usage().await?;
        Ok(EndToEnd {
            throughput,
            repeated,
            component_calls: after.calls - before.calls,
            component_ms: after.busy_ms - before.busy_ms,
        })
    }

    /// Deliveries of events that go to so many endpoints each, as fast as it goes with at most
    /// `under_way` events at once; and how many arrived again.
    pub(crate) async fn windowed(
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
        let sent = load::send(self.tenant.emit(), CONNECTIONS, &message, StatusCode::ACCEPTED, timing).await?;
        let count = sent.count * endpoints;
        arrivals.all(count as usize, ARRIVE_MAX).await?;
        let took = arrivals.times(count as usize).max().unwrap_or_default();
        Ok((meter.stop(count, took), arrivals.repeated()))
    }

    /// Times from when events were to be sent until they arrive at each of so many endpoints. A host
    /// that stalls also delays the sending of further events, and those count from when they were due.
    pub(crate) async fn latency(&self, event: &str, rate: u32, endpoints: u32) -> Result<Latency> {
        let count = rate * u32::try_from(self.seconds.as_secs()).unwrap_or(u32::MAX);
        let expected = count * endpoints;
        let arrivals = Arrivals::new(count as usize, endpoints, 0);
        self.receiver.inbox.switch(&arrivals);
        let schedule = Schedule::start(arrivals.begun, rate, count, OPEN_CONNECTIONS);
        let timing = Timing::Open(schedule.clone());
        let message = Message::new(event);
        let sent = load::send(self.tenant.emit(), OPEN_CONNECTIONS, &message, StatusCode::ACCEPTED, timing).await?;
        arrivals.all(expected as usize, ARRIVE_MAX).await?;
        let mut histogram = Histogram::<u64>::new_with_max(MICROS_MAX, 3)?;
        for (number, arrived) in (0..expected).zip(arrivals.times(expected as usize)) {
            let micros = arrived.saturating_sub(schedule.due(number / endpoints)).as_micros();
            histogram.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        let reached_rate = f64::from(sent.count) / sent.took.as_secs_f64();
        Ok(Latency::new(rate, reached_rate, reached_rate >= f64::from(rate) * RATE_REACHED, &histogram))
    }
}

/// Requests a second that a server answers with the expected status, each connection sending the next
/// one as soon as it has the answer.
pub(crate) async fn closed(
    to: &Endpoint,
    server: &Process,
    expected: StatusCode,
    duration: Duration,
) -> Result<Throughput> {
    let meter = Meter::start(server);
    let end = Instant::now() + duration;
    let sent = load::send(to, CONNECTIONS, &Message::new(UNHEARD), expected, Timing::Closed(end)).await?;
    Ok(meter.stop(sent.count, sent.took))
}

/// CPU time that a server and the load spend while something is measured.
struct Meter<'server> {
    server: &'server Process,
    server_cpu: Duration,
    load_cpu: Duration,
}

impl<'server> Meter<'server> {
    fn start(server: &'server Process) -> Self {
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
