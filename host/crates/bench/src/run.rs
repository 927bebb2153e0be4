//! A run: starts everything, makes the measurements one after the other, and gathers the figures.

use std::{path::Path, time::Duration};

use anyhow::Result;
use weir::db::Location;

use crate::{
    arguments::{BenchArguments, Measurement},
    bare_server,
    bench::{Bench, CONNECTIONS, UNDER_WAY_MAX, WARM_UP},
    endpoints,
    figures::{Figures, Memory},
    filters,
    machine::{Machine, Scratch},
    message::PAYLOAD_BYTES,
    neighbours, old_events, other_subscriptions, payload_check,
    process::HostSettings,
    relays,
    report::{Report, Settings},
    schema_comparison, slow_filters,
    tenant::HEARD,
};

/// Events a second of the open loops.
const RATES: [u32; 3] = [200, 1_000, 3_000];

/// Makes the measurements that the arguments name.
pub(crate) async fn run(arguments: &BenchArguments) -> Result<Report> {
    let scratch = Scratch::new()?;
    let machine = Machine::look(&scratch)?;
    let database = arguments.database.clone().unwrap_or_else(|| new_sqlite(scratch.path()));
    let settings = settings(arguments.seconds, &database);
    // Declared after the folder, so that it is dropped before: its host ends, and then the folder goes.
    let mut bench =
        Bench::start(HostSettings::new(database, scratch.path()), Duration::from_secs(arguments.seconds)).await?;
    let idle_bytes = bench.host.rss_bytes();
    note("warm-up");
    bench.end_to_end(WARM_UP).await?;
    let mut figures = Figures::default();
    for measurement in arguments.measurements() {
        note(&measurement.name());
        measure(measurement, &mut bench, &mut figures).await?;
    }
    let memory = Memory { idle_bytes, peak_bytes: bench.host.rss_peak_bytes() };
    if arguments.old_events > 0 {
        note("old events");
        figures.old_events = Some(old_events::measure(&mut bench, arguments.old_events).await?);
    }
    Ok(Report { machine, settings, figures, memory })
}

async fn measure(measurement: Measurement, bench: &mut Bench, figures: &mut Figures) -> Result<()> {
    match measurement {
        Measurement::BareServer => figures.bare_server = Some(bare_server::measure(bench).await?),
        Measurement::Accepts => figures.accepts = Some(bench.accepts().await?),
        Measurement::EndToEnd => figures.end_to_end = Some(bench.end_to_end(bench.seconds).await?),
        Measurement::Latency => {
            for rate in RATES {
                figures.latencies.push(bench.latency(HEARD, rate, 1).await?);
            }
        }
        Measurement::HangingEndpoints => figures.hanging_endpoints = Some(endpoints::hanging(bench).await?),
        Measurement::FanOut => figures.fan_out = Some(endpoints::fan_out(bench).await?),
        Measurement::Relays => figures.relays = Some(relays::measure(bench).await?),
        Measurement::SlowFilters => figures.slow_filters = Some(slow_filters::measure(bench).await?),
        Measurement::Neighbours => figures.neighbours = neighbours::measure(bench).await?,
        Measurement::OtherSubscriptions => {
            figures.other_subscriptions = Some(other_subscriptions::measure(bench).await?);
        }
        Measurement::PayloadCheck => figures.payload_check_micros = Some(payload_check::micros()?),
        Measurement::SchemaComparison => figures.schema_comparison = Some(schema_comparison::measure()?),
        Measurement::Filters => figures.filters = Some(filters::measure()?),
    }
    Ok(())
}

fn new_sqlite(folder: &Path) -> Location {
    Location::Sqlite(folder.join("weir.db"))
}

fn settings(seconds: u64, database: &Location) -> Settings {
    let (database, durability) = match database {
        Location::Sqlite(_) => ("sqlite", "sqlite, accepts with synchronous=FULL"),
        Location::Postgres(_) => ("postgres", "postgres with fsync as its server is set"),
    };
    let (connections, under_way_max) = (CONNECTIONS, UNDER_WAY_MAX);
    Settings { database, durability, seconds, connections, payload_bytes: PAYLOAD_BYTES, under_way_max }
}

/// Says on standard error what is being done: results go to standard output.
fn note(step: &str) {
    eprintln!("weir-bench: {step}");
}
