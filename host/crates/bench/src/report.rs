//! What is printed: the figures, the settings they were measured with, and the goals beside them.

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    CONNECTIONS, ENDPOINTS, HANGING_ENDPOINTS, SHARED_RATE, UNDER_WAY_MAX,
    comparison::Comparison,
    crowd,
    filters::{self, Filters},
    goals::{Goal, goals},
    machine::Machine,
    message::PAYLOAD_BYTES,
    relays,
};
use crate::db::Location;

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    pub(super) bare: Throughput,
    pub(super) accepts: Throughput,
    pub(super) end_to_end: EndToEnd,
    pub(super) latencies: Vec<Latency>,
    /// Deliveries of events that go to many endpoints each.
    pub(super) fan_out: Throughput,
    pub(super) hanging: Hanging,
    pub(super) relays: Relays,
    pub(super) crowd: Crowd,
    /// Of one check of a payload against the example schema.
    pub(super) check_micros: f64,
    pub(super) comparison: Comparison,
    pub(super) filters: Filters,
    pub(super) rss: Rss,
    /// While old events are deleted, if that was asked for.
    pub(super) old: Option<Old>,
}

/// What was measured with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    database: &'static str,
    /// What a commit waits for, as far as it is known from here.
    durability: &'static str,
    seconds: u64,
    connections: usize,
    payload_bytes: usize,
    under_way_max: usize,
}

/// Requests or events, the time they took, and whose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    pub(super) count: u32,
    pub(super) seconds: f64,
    pub(super) server_cpu_seconds: f64,
    pub(super) load_cpu_seconds: f64,
}

/// Events that went all the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndToEnd {
    pub(super) throughput: Throughput,
    /// Arrivals beyond the first of an event.
    pub(super) repeated: usize,
    pub(super) component_calls: u64,
    pub(super) component_ms: u64,
}

/// Milliseconds from the intended sending to the arrival.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Latency {
    pub(super) rate: u32,
    reached_rate: f64,
    pub(super) is_rate_reached: bool,
    p50_ms: f64,
    p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

/// Milliseconds to healthy endpoints, without others beside them that hang and with them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Hanging {
    pub(super) without: Latency,
    pub(super) with: Latency,
}

impl Hanging {
    /// How much longer the slowest hundredth takes.
    pub(super) fn ratio(&self) -> f64 {
        self.with.p99_ms / self.without.p99_ms.max(f64::MIN_POSITIVE)
    }
}

/// A push to many organizations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relays {
    /// Deliveries to members.
    pub(super) throughput: Throughput,
    /// Milliseconds to the owner's own endpoint, without the push and beside it.
    pub(super) alone: Latency,
    pub(super) beside: Latency,
    /// Deliveries a second to members meanwhile.
    pub(super) relaying: f64,
}

impl Relays {
    /// How much longer the slowest hundredth of the owner's takes.
    pub(super) fn ratio(&self) -> f64 {
        self.beside.p99_ms / self.alone.p99_ms.max(f64::MIN_POSITIVE)
    }

    fn json(&self) -> Value {
        json!({
            "memberDeliveries": self.throughput.json(),
            "ownAlone": self.alone,
            "ownBeside": self.beside,
            "memberDeliveriesPerSecondBeside": self.relaying,
        })
    }
}

/// Events end to end, without other subscriptions in the table and with many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) alone: Throughput,
    pub(super) crowded: Throughput,
}

impl Crowd {
    /// What a delivery costs the host with them, as a part of what it costs without.
    pub(super) fn ratio(&self) -> f64 {
        let micros = |throughput: &Throughput| throughput.micros_each(throughput.server_cpu_seconds);
        micros(&self.crowded) / micros(&self.alone).max(f64::MIN_POSITIVE)
    }

    fn json(&self) -> Value {
        json!({ "subscriptions": crowd::SUBSCRIPTIONS, "alone": self.alone.json(), "crowded": self.crowded.json() })
    }
}

/// What a host takes while it deletes what is old.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Old {
    /// Events that were old, each with a delivery and an attempt.
    pub(super) events: u32,
    /// Seconds until all of them were gone.
    pub(super) seconds: f64,
    pub(super) latency: Latency,
}

/// Memory of the host.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rss {
    pub(super) idle_bytes: Option<u64>,
    pub(super) peak_bytes: Option<u64>,
}

impl Settings {
    pub(super) fn new(seconds: u64, database: &Location) -> Self {
        let (database, durability) = match database {
            Location::Sqlite(_) => ("sqlite", "sqlite, accepts with synchronous=FULL"),
            Location::Postgres(_) => ("postgres", "postgres with fsync as its server is set"),
        };
        let (connections, under_way_max) = (CONNECTIONS, UNDER_WAY_MAX);
        Self { database, durability, seconds, connections, payload_bytes: PAYLOAD_BYTES, under_way_max }
    }
}

impl Throughput {
    pub(super) fn per_second(&self) -> f64 {
        f64::from(self.count) / self.seconds
    }

    fn micros_each(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds * 1e6 / f64::from(self.count.max(1))
    }

    fn json(&self) -> Value {
        json!({
            "perSecond": self.per_second(),
            "count": self.count,
            "seconds": self.seconds,
            "serverCpuMicrosEach": self.micros_each(self.server_cpu_seconds),
            "loadCpuMicrosEach": self.micros_each(self.load_cpu_seconds),
        })
    }

    fn line(&self, name: &str) -> String {
        let (server, load) = (self.micros_each(self.server_cpu_seconds), self.micros_each(self.load_cpu_seconds));
        format!("{name:<24} {:>10.0} /s {server:>14.1} µs {load:>14.1} µs", self.per_second())
    }
}

impl EndToEnd {
    /// The part of the host's CPU time that components took. Their time is measured by the clock,
    /// so on a machine that is busy with other things this is too high.
    fn wasm_share(&self) -> f64 {
        precise(self.component_ms) / 1e3 / self.throughput.server_cpu_seconds.max(f64::MIN_POSITIVE)
    }

    fn calls_each(&self) -> f64 {
        precise(self.component_calls) / f64::from(self.throughput.count.max(1))
    }

    fn json(&self) -> Value {
        let mut json = self.throughput.json();
        json["repeated"] = self.repeated.into();
        json["componentCallsEach"] = self.calls_each().into();
        json["componentMs"] = self.component_ms.into();
        json["wasmCpuShare"] = self.wasm_share().into();
        json
    }
}

impl Latency {
    pub(super) fn new(rate: u32, reached_rate: f64, is_rate_reached: bool, micros: &Histogram<u64>) -> Self {
        let at = |quantile| precise(micros.value_at_quantile(quantile)) / 1e3;
        let (p50_ms, p90_ms, p99_ms) = (at(0.5), at(0.9), at(0.99));
        Self { rate, reached_rate, is_rate_reached, p50_ms, p90_ms, p99_ms, max_ms: precise(micros.max()) / 1e3 }
    }

    fn print(&self, name: &str) {
        let Self { reached_rate, p50_ms, p90_ms, p99_ms, max_ms, .. } = self;
        let remark = if self.is_rate_reached { String::new() } else { format!("  only {reached_rate:.0}/s reached") };
        println!("{name:<24} {p50_ms:>10.2} {p90_ms:>10.2} {p99_ms:>10.2} {max_ms:>10.2}{remark}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and times of one run are far below 2^52")]
fn precise(number: u64) -> f64 {
    number as f64
}

impl Report {
    /// One JSON object on standard output.
    pub(super) fn print_json(&self) {
        let goal = |goal: Goal| json!({ "name": goal.name, "wanted": goal.wanted, "reached": goal.reached, "isReached": goal.is_reached });
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "machine": self.machine,
            "settings": self.settings,
            "bareAxum": self.bare.json(),
            "accepts": self.accepts.json(),
            "endToEnd": self.end_to_end.json(),
            "acceptToArrival": self.latencies,
            "fanOut": self.fan_out.json(),
            "hangingEndpoints": self.hanging,
            "relays": self.relays.json(),
            "otherSubscriptions": self.crowd.json(),
            "payloadCheckMicros": self.check_micros,
            "schemaComparison": self.comparison,
            "filters": self.filters,
            "rss": self.rss,
            "deletingOldEvents": self.old,
            "goals": goals(self).into_iter().map(goal).collect::<Vec<_>>(),
        });
        println!("{report:#}");
    }

    /// A table on standard output.
    pub(super) fn print_table(&self) {
        let (machine, settings) = (&self.machine, &self.settings);
        println!(
            "weir {} on {} cores ({} {}), {}; fsync of a page in the temporary folder: {:.2} ms",
            env!("CARGO_PKG_VERSION"),
            machine.cores,
            machine.os,
            machine.architecture,
            settings.durability,
            machine.fsync_ms,
        );
        println!(
            "{} s each, {} connections, payloads of {} bytes, at most {} events under way; host, load and receiver share the machine\n",
            settings.seconds, settings.connections, settings.payload_bytes, settings.under_way_max,
        );
        println!("{:<24} {:>13} {:>17} {:>17}", "throughput", "", "server CPU each", "load CPU each");
        println!("{}", self.bare.line("bare axum JSON POST"));
        println!("{}", self.accepts.line("accepts"));
        println!("{}", self.end_to_end.throughput.line("end to end"));
        println!("{}", self.crowd.crowded.line(&format!("beside {} others", crowd::SUBSCRIPTIONS)));
        println!("{}", self.fan_out.line(&format!("to {ENDPOINTS} endpoints")));
        println!("{}\n", self.relays.throughput.line(&format!("to {} members", relays::MEMBERS)));
        self.print_latencies();
        self.print_host();
        println!("\n{:<36} {:>10} {:>10}", "goal", "wanted", "reached");
        for goal in goals(self) {
            let verdict = if goal.is_reached { "" } else { "  missed" };
            println!("{:<36} {:>10.2} {:>10.2}{verdict}", goal.name, goal.wanted, goal.reached);
        }
    }

    fn print_latencies(&self) {
        println!("{:<24} {:>10} {:>10} {:>10} {:>10}", "accept to arrival, ms", "p50", "p90", "p99", "max");
        for latency in &self.latencies {
            latency.print(&format!("at {:>6}/s", latency.rate));
        }
        println!("to {ENDPOINTS} endpoints at {SHARED_RATE}/s");
        self.hanging.without.print("alone");
        self.hanging.with.print(&format!("beside {HANGING_ENDPOINTS} hanging"));
        println!("the owner's own at {}/s", relays::OWN_RATE);
        self.relays.alone.print("alone");
        self.relays.beside.print(&format!("beside {:.0} relays/s", self.relays.relaying));
        self.print_old();
    }

    fn print_old(&self) {
        let Some(old) = &self.old else { return };
        old.latency.print("while old ones go");
        println!(
            "{} old events, each with a delivery and an attempt, were gone after {:.0} s",
            old.events, old.seconds
        );
    }

    fn print_host(&self) {
        let end_to_end = &self.end_to_end;
        println!(
            "\nwasm: {:.1} calls an event, {:.0} % of the host's CPU; {} events arrived more than once",
            end_to_end.calls_each(),
            end_to_end.wasm_share() * 100.0,
            end_to_end.repeated,
        );
        println!("payload check, example schema: {:.2} µs", self.check_micros);
        let Comparison { accepted_ms, refused_ms, .. } = self.comparison;
        println!("new version of a schema at the caps: {accepted_ms:.2} ms accepted, {refused_ms:.2} ms refused");
        let Filters { micros_each, routed_ms, memory_bytes, .. } = self.filters;
        println!(
            "filters of three leaves: {micros_each:.2} µs each, {} on one event: {routed_ms:.1} ms, {} KiB of guest memory",
            filters::SUBSCRIPTIONS,
            memory_bytes >> 10,
        );
        let mebibytes = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
        println!(
            "memory of the host: {} MiB idle, {} MiB at most",
            mebibytes(self.rss.idle_bytes),
            mebibytes(self.rss.peak_bytes)
        );
    }
}
