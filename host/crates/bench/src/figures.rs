//! The figures that are measured.

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

/// The figures of a run: `None` where something was not to be measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) bare_server: Option<Throughput>,
    pub(crate) accepts: Option<Throughput>,
    pub(crate) end_to_end: Option<EndToEnd>,
    /// One for each rate.
    pub(crate) latencies: Vec<Latency>,
    pub(crate) hanging_endpoints: Option<Pair>,
    /// Deliveries of events that go to many endpoints each.
    pub(crate) fan_out: Option<Throughput>,
    pub(crate) relays: Option<Relays>,
    pub(crate) slow_filters: Option<SlowFilters>,
    /// One for each case.
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) other_subscriptions: Option<OtherSubscriptions>,
    /// Microseconds of one check of a payload against the example schema.
    pub(crate) payload_check_micros: Option<f64>,
    pub(crate) schema_comparison: Option<SchemaComparison>,
    pub(crate) filters: Option<Filters>,
    pub(crate) old_events: Option<OldEvents>,
}

/// Requests, events or deliveries in a time, and the CPU time that they took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    pub(crate) count: u32,
    pub(crate) seconds: f64,
    pub(crate) server_cpu_seconds: f64,
    /// CPU time of load and receiver.
    pub(crate) load_cpu_seconds: f64,
}

impl Throughput {
    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.count) / self.seconds
    }

    /// Microseconds of the server's CPU time for each.
    pub(crate) fn server_micros(&self) -> f64 {
        self.micros_each(self.server_cpu_seconds)
    }

    /// Microseconds of the CPU time of load and receiver for each.
    pub(crate) fn load_micros(&self) -> f64 {
        self.micros_each(self.load_cpu_seconds)
    }

    fn micros_each(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1e6 / f64::from(self.count.max(1))
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "perSecond": self.per_second(),
            "count": self.count,
            "seconds": self.seconds,
            "serverCpuMicrosEach": self.server_micros(),
            "loadCpuMicrosEach": self.load_micros(),
        })
    }
}

/// Events that were accepted, routed, delivered and recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndToEnd {
    pub(crate) throughput: Throughput,
    /// Arrivals beyond the first of an event.
    pub(crate) repeated: usize,
    pub(crate) component_calls: u64,
    pub(crate) component_ms: u64,
}

impl EndToEnd {
    /// The part of the host's CPU time that components took. Their time is measured by the clock,
    /// so on a machine that is busy with other things this is too high.
    pub(crate) fn component_share(&self) -> f64 {
        precise(self.component_ms) / 1e3 / self.throughput.server_cpu_seconds.max(f64::MIN_POSITIVE)
    }

    /// Calls of components for each event.
    pub(crate) fn component_calls_each(&self) -> f64 {
        precise(self.component_calls) / f64::from(self.throughput.count.max(1))
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = self.throughput.json();
        json["repeated"] = self.repeated.into();
        json["componentCallsEach"] = self.component_calls_each().into();
        json["componentMs"] = self.component_ms.into();
        json["wasmCpuShare"] = self.component_share().into();
        json
    }
}

/// Milliseconds from the intended sending to the arrival.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Latency {
    /// Events a second that were to be sent.
    pub(crate) rate: u32,
    pub(crate) reached_rate: f64,
    pub(crate) is_rate_reached: bool,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Latency {
    pub(crate) fn new(rate: u32, reached_rate: f64, is_rate_reached: bool, micros: &Histogram<u64>) -> Self {
        let at = |quantile| precise(micros.value_at_quantile(quantile)) / 1e3;
        let (p50_ms, p90_ms, p99_ms) = (at(0.5), at(0.9), at(0.99));
        Self { rate, reached_rate, is_rate_reached, p50_ms, p90_ms, p99_ms, max_ms: precise(micros.max()) / 1e3 }
    }
}

/// Times to arrival of the same events, without something else and beside it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) alone: Latency,
    pub(crate) beside: Latency,
}

impl Pair {
    /// The p99 beside as a multiple of the p99 alone.
    pub(crate) fn ratio(&self) -> f64 {
        self.beside.p99_ms / self.alone.p99_ms.max(f64::MIN_POSITIVE)
    }
}

/// Events that are pushed to the members of a federation group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relays {
    /// Deliveries to members.
    pub(crate) throughput: Throughput,
    /// Times to the owner's own endpoint, without the push and beside it.
    pub(crate) own: Pair,
    /// Deliveries to members a second, beside the owner's own.
    pub(crate) per_second_beside: f64,
}

impl Relays {
    pub(crate) fn json(&self) -> Value {
        json!({
            "memberDeliveries": self.throughput.json(),
            "ownAlone": self.own.alone,
            "ownBeside": self.own.beside,
            "memberDeliveriesPerSecondBeside": self.per_second_beside,
        })
    }
}

/// The deliveries of one organization while another one with slow filters emits.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlowFilters {
    /// Times to the endpoint of the organization that has no slow filters.
    pub(crate) other: Pair,
    /// Emits a second that the one with slow filters reached.
    pub(crate) slow_rate: f64,
}

/// The deliveries of one organization while a neighbour does what it likes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Neighbour {
    pub(crate) name: &'static str,
    /// Times to the endpoint of the organization that is measured.
    pub(crate) other: Pair,
    /// Requests of the neighbour that were answered with success, and those that were refused.
    pub(crate) done: u32,
    pub(crate) refused: u32,
    /// How much more memory the host has after the case than before it.
    pub(crate) grown_bytes: u64,
}

/// Events end to end, without and with many subscriptions to other events in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherSubscriptions {
    /// How many there are.
    pub(crate) subscriptions: u32,
    pub(crate) alone: Throughput,
    pub(crate) beside: Throughput,
}

impl OtherSubscriptions {
    /// The host's CPU time for a delivery with them as a multiple of that without.
    pub(crate) fn ratio(&self) -> f64 {
        self.beside.server_micros() / self.alone.server_micros().max(f64::MIN_POSITIVE)
    }

    pub(crate) fn json(&self) -> Value {
        let Self { subscriptions, alone, beside } = self;
        json!({ "subscriptions": subscriptions, "alone": alone.json(), "beside": beside.json() })
    }
}

/// Milliseconds of a comparison of two schemas at the caps, from their texts to the answer.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaComparison {
    pub(crate) levels: u32,
    pub(crate) properties: u32,
    /// For a new version that is compatible.
    pub(crate) accepted_ms: f64,
    /// For one that is not, with the payload that shows it.
    pub(crate) refused_ms: f64,
}

/// The routing of one event to many subscriptions with filters.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filters {
    /// How many there are.
    pub(crate) subscriptions: u32,
    /// Microseconds of one filter of three leaves.
    pub(crate) micros_each: f64,
    /// Milliseconds of all calls of the router.
    pub(crate) routed_ms: f64,
    /// Memory of the router's instance after the last event.
    pub(crate) memory_bytes: u64,
    /// Whether that is more than after the first one.
    pub(crate) memory_grew: bool,
}

/// Deleting old events while others are accepted and delivered.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldEvents {
    /// Events that were old, each with a delivery and an attempt.
    pub(crate) events: u32,
    /// Seconds until all of them were gone.
    pub(crate) seconds: f64,
    /// Of all measurements meanwhile, the one with the slowest event.
    pub(crate) latency: Latency,
}

/// Memory of the host; `None` where there is no `/proc`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    pub(crate) idle_bytes: Option<u64>,
    pub(crate) peak_bytes: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "counts and times of one run are far below 2^52")]
fn precise(number: u64) -> f64 {
    number as f64
}
