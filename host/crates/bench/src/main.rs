//! `weir bench`: how fast this machine accepts and delivers events, beside what it could do at best.
//!
//! Three processes share the machine, as they would in a small deployment: the host and the
//! yardstick are children, so that their CPU time and memory can be told apart; load and receiver
//! run here. Results are ratios of one run wherever that is possible, because machines differ.

use std::time::Duration;

use super::stop_signal;
use crate::{config::BenchArgs, db::Location, error::Result, fail};

mod arrivals;
mod check;
mod child;
mod client;
mod comparison;
mod crowd;
mod filters;
mod goals;
mod load;
mod machine;
mod measure;
mod message;
mod old;
mod receiver;
mod relays;
mod report;
mod tenant;
mod yardstick;

pub(super) use yardstick::run as run_yardstick;

use child::{Child, Keys};
use machine::Machine;
use measure::Bench;
use report::{Report, Settings};
use tenant::Tenant;

/// Connections that send in a closed loop, to the yardstick and to the host alike.
const CONNECTIONS: usize = 128;
/// Connections of an open loop: so many that none is waited for unless the host is behind.
const OPEN_CONNECTIONS: usize = 64;
/// Events that may be under way in the end-to-end measurement: enough to keep every stage busy,
/// and few enough that none of them becomes a queue.
const UNDER_WAY_MAX: usize = 256;
/// Events per second of the open loops.
const RATES: [u32; 3] = [200, 1_000, 3_000];
/// Endpoints of one organization that all get the same events, others beside them that hang, and
/// how many events a second: a thousand deliveries, which leave the machine room.
const ENDPOINTS: u32 = 100;
const HANGING_ENDPOINTS: u32 = 10;
/// Events to all of them that may be under way when it goes as fast as it can: fewer deliveries than
/// an organization has slots, so that none has to be claimed from the table.
const WIDE_UNDER_WAY_MAX: usize = 3;
const SHARED_RATE: u32 = 10;
/// How long everything is exercised before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(super) async fn run(args: BenchArgs) -> Result<()> {
    let scratch = machine::Scratch::new()?;
    let database = args.database.clone().unwrap_or_else(|| Location::Sqlite(scratch.path().join("weir.db")));
    // The children end with the measurement, whichever way that ends, and the folder after them.
    let report = tokio::select! {
        report = measure_all(&args, &database, &scratch) => report?,
        stopped = stop_signal() => return stopped.and(Err(fail!(Unavailable, "stopped before the end"))),
    };
    if args.json {
        report.print_json();
    } else {
        report.print_table();
    }
    Ok(())
}

async fn measure_all(args: &BenchArgs, database: &Location, scratch: &machine::Scratch) -> Result<Report> {
    let machine = Machine::look(scratch)?;
    let receiver = receiver::start().await?;
    let yardstick = Child::start_yardstick(scratch).await?;
    let keys = Keys::new();
    let host = Child::start_host(database, scratch, &keys).await?;
    let tenant = Tenant::create(&host, &keys.admin_token, &receiver.url).await?;
    let rss_idle = host.rss_bytes();
    let bench = Bench { tenant, host, receiver, seconds: Duration::from_secs(args.seconds) };
    note("warming up");
    bench.end_to_end(WARM_UP).await?;
    note("bare axum");
    let bare = bench.bare(&yardstick).await?;
    drop(yardstick);
    note("accepts");
    let accepts = bench.accepts().await?;
    note("end to end");
    let end_to_end = bench.end_to_end(bench.seconds).await?;
    let mut latencies = Vec::with_capacity(RATES.len());
    for rate in RATES {
        note(&format!("accept to arrival at {rate}/s"));
        latencies.push(bench.latency(rate).await?);
    }
    note(&format!("{ENDPOINTS} endpoints, without and with {HANGING_ENDPOINTS} that hang"));
    let hanging = bench.hanging().await?;
    note(&format!("{ENDPOINTS} endpoints, as fast as it goes"));
    let fan_out = bench.fan_out().await?;
    let relays = relays::measure(&bench).await?;
    note(&format!("{} subscriptions to other events", crowd::SUBSCRIPTIONS));
    let (bench, crowd) = crowd::measure(bench, database, scratch, &keys).await?;
    note("payload check");
    let check_micros = check::micros()?;
    note("comparison of schemas");
    let comparison = comparison::measure()?;
    note("filters");
    let filters = filters::measure()?;
    let settings = Settings::new(args.seconds, database);
    let rss = report::Rss { idle_bytes: rss_idle, peak_bytes: bench.host.rss_peak_bytes() };
    let old = match args.old_events {
        0 => None,
        events => Some(old::measure(bench, database, scratch, &keys, events).await?),
    };
    Ok(Report {
        machine,
        settings,
        bare,
        accepts,
        end_to_end,
        latencies,
        fan_out,
        hanging,
        relays,
        crowd,
        check_micros,
        comparison,
        filters,
        rss,
        old,
    })
}

/// Says on standard error what is being done: results go to standard output.
fn note(what: &str) {
    eprintln!("weir bench: {what}");
}
