//! Prints the figures, with what they were measured on and the goals beside them.

use serde::Serialize;
use serde_json::json;

use crate::{
    endpoints::{ENDPOINTS, HANGING_ENDPOINTS, HANGING_RATE},
    figures::{
        EndToEnd, Figures, Filters, Latency, Memory, Neighbour, OtherSubscriptions, Pair, Relays, SchemaComparison,
        Throughput,
    },
    goals::{Goal, goals},
    machine::Machine,
    relays, slow_filters,
};

/// Everything that is printed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) figures: Figures,
    pub(crate) memory: Memory,
}

/// What was measured with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    /// `sqlite` or `postgres`.
    pub(crate) database: &'static str,
    /// What a commit waits for, as far as it is known from here.
    pub(crate) durability: &'static str,
    /// The duration of each measurement.
    pub(crate) seconds: u64,
    pub(crate) connections: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) under_way_max: usize,
}

impl Report {
    /// Prints one JSON object on standard output.
    pub(crate) fn print_json(&self) {
        let goal = |Goal { name, wanted, reached, is_reached }| json!({ "name": name, "wanted": wanted, "reached": reached, "isReached": is_reached });
        let figures = &self.figures;
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "machine": self.machine,
            "settings": self.settings,
            "bareAxum": figures.bare_server.as_ref().map(Throughput::json),
            "accepts": figures.accepts.as_ref().map(Throughput::json),
            "endToEnd": figures.end_to_end.as_ref().map(EndToEnd::json),
            "acceptToArrival": figures.latencies,
            "fanOut": figures.fan_out.as_ref().map(Throughput::json),
            "hangingEndpoints": figures.hanging_endpoints,
            "relays": figures.relays.as_ref().map(Relays::json),
            "slowFilters": figures.slow_filters,
            "neighbours": figures.neighbours,
            "otherSubscriptions": figures.other_subscriptions.as_ref().map(OtherSubscriptions::json),
            "payloadCheckMicros": figures.payload_check_micros,
            "schemaComparison": figures.schema_comparison,
            "filters": figures.filters,
            "rss": self.memory,
            "deletingOldEvents": figures.old_events,
            "goals": goals(figures).into_iter().map(goal).collect::<Vec<_>>(),
        });
        println!("{report:#}");
    }

    /// Prints tables on standard output, with a row for everything that was measured.
    pub(crate) fn print_table(&self) {
        self.print_head();
        let head = format!("{:<24} {:>13} {:>17} {:>17}", "throughput", "", "server CPU each", "load CPU each");
        print_section(&head, &self.throughputs());
        let head = format!("{:<24} {:>10} {:>10} {:>10} {:>10}", "accept to arrival, ms", "p50", "p90", "p99", "max");
        print_section(&head, &self.latencies());
        let head = format!(
            "{:<50} {:>6} {:>7} {:>7} {:>6} {:>7} {:>7} {:>7}",
            "neighbour", "p50 ms", "alone", "p99 ms", "alone", "done", "refused", "MiB",
        );
        print_section(&head, &self.figures.neighbours.iter().map(neighbour_row).collect::<Vec<_>>());
        self.print_rest();
        let head = format!("{:<40} {:>10} {:>10}", "goal", "wanted", "reached");
        print_section(&head, &goals(&self.figures).iter().map(goal_row).collect::<Vec<_>>());
    }

    fn print_head(&self) {
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
            "{} s each, {} connections, payloads of {} bytes, at most {} events under way; host, load and receiver share the machine",
            settings.seconds, settings.connections, settings.payload_bytes, settings.under_way_max,
        );
    }

    fn throughputs(&self) -> Vec<String> {
        let Figures { bare_server, accepts, end_to_end, other_subscriptions, fan_out, relays, .. } = &self.figures;
        let beside = other_subscriptions.map_or(String::new(), |it| format!("beside {} others", it.subscriptions));
        let rows = [
            ("bare axum JSON POST", *bare_server),
            ("accepts", *accepts),
            ("end to end", end_to_end.map(|it| it.throughput)),
            ("end to end, alone", other_subscriptions.map(|it| it.alone)),
            (&beside, other_subscriptions.map(|it| it.beside)),
            (&format!("to {ENDPOINTS} endpoints"), *fan_out),
            (&format!("to {} members", relays::MEMBERS), relays.map(|it| it.throughput)),
        ];
        rows.into_iter().filter_map(|(name, throughput)| Some(throughput_row(name, throughput?))).collect()
    }

    fn latencies(&self) -> Vec<String> {
        let Figures { latencies, hanging_endpoints, relays, slow_filters, old_events, .. } = &self.figures;
        let mut rows: Vec<String> =
            latencies.iter().map(|it| latency_row(&format!("at {:>6}/s", it.rate), it)).collect();
        let mut add_pair = |title: String, pair: &Pair, beside: &str| {
            rows.extend([title, latency_row("alone", &pair.alone), latency_row(beside, &pair.beside)]);
        };
        if let Some(pair) = hanging_endpoints {
            let beside = format!("beside {HANGING_ENDPOINTS} hanging");
            add_pair(format!("to {ENDPOINTS} endpoints at {HANGING_RATE}/s"), pair, &beside);
        }
        if let Some(relays) = relays {
            let beside = format!("beside {:.0} relays/s", relays.per_second_beside);
            add_pair(format!("the owner's own at {}/s", relays::OWN_RATE), &relays.own, &beside);
        }
        if let Some(slow) = slow_filters {
            let beside = format!("beside slow filters {:.0}/s", slow.slow_rate);
            add_pair(format!("one organization's at {}/s", slow_filters::RATE), &slow.other, &beside);
        }
        if let Some(old) = old_events {
            let (events, seconds) = (old.events, old.seconds);
            rows.push(latency_row("while old ones go", &old.latency));
            rows.push(format!(
                "{events} old events, each with a delivery and an attempt, were gone after {seconds:.0} s"
            ));
        }
        rows
    }

    fn print_rest(&self) {
        let Figures { end_to_end, payload_check_micros, schema_comparison, filters, .. } = &self.figures;
        println!();
        if let Some(end_to_end) = end_to_end {
            let (calls, share) = (end_to_end.component_calls_each(), end_to_end.component_share() * 100.0);
            println!(
                "wasm: {calls:.1} calls an event, {share:.0} % of the host's CPU; {} events arrived more than once",
                end_to_end.repeated,
            );
        }
        if let Some(micros) = payload_check_micros {
            println!("payload check, example schema: {micros:.2} µs");
        }
        if let Some(SchemaComparison { accepted_ms, refused_ms, .. }) = schema_comparison {
            println!("new version of a schema at the caps: {accepted_ms:.2} ms accepted, {refused_ms:.2} ms refused");
        }
        if let Some(Filters { subscriptions, micros_each, routed_ms, memory_bytes, .. }) = filters {
            println!(
                "filters of three leaves: {micros_each:.2} µs each, {subscriptions} on one event: {routed_ms:.1} ms, {} KiB of guest memory",
                memory_bytes >> 10,
            );
        }
        let mebibytes = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
        let (idle, peak) = (mebibytes(self.memory.idle_bytes), mebibytes(self.memory.peak_bytes));
        println!("memory of the host: {idle} MiB idle, {peak} MiB at most");
    }
}

/// Prints rows below their head, and nothing when there are none.
fn print_section(head: &str, rows: &[String]) {
    if !rows.is_empty() {
        println!("\n{head}\n{}", rows.join("\n"));
    }
}

fn throughput_row(name: &str, throughput: Throughput) -> String {
    let (server, load) = (throughput.server_micros(), throughput.load_micros());
    format!("{name:<24} {:>10.0} /s {server:>14.1} µs {load:>14.1} µs", throughput.per_second())
}

fn latency_row(name: &str, latency: &Latency) -> String {
    let Latency { reached_rate, p50_ms, p90_ms, p99_ms, max_ms, .. } = latency;
    let remark = if latency.is_rate_reached { String::new() } else { format!("  only {reached_rate:.0}/s reached") };
    format!("{name:<24} {p50_ms:>10.2} {p90_ms:>10.2} {p99_ms:>10.2} {max_ms:>10.2}{remark}")
}

fn neighbour_row(neighbour: &Neighbour) -> String {
    let Neighbour { name, other: Pair { alone, beside }, done, refused, grown_bytes } = neighbour;
    format!(
        "{name:<50} {:>6.1} {:>7.1} {:>7.1} {:>6.1} {done:>7} {refused:>7} {:>7}",
        beside.p50_ms,
        alone.p50_ms,
        beside.p99_ms,
        alone.p99_ms,
        grown_bytes >> 20,
    )
}

fn goal_row(goal: &Goal) -> String {
    let Goal { name, wanted, reached, is_reached } = goal;
    let remark = if *is_reached { "" } else { "  missed" };
    format!("{name:<40} {wanted:>10.2} {reached:>10.2}{remark}")
}
