//! `weir-bench`: measures how fast this machine accepts and delivers events, beside what a server
//! that does nothing else answers.
//!
//! Three processes share the machine, as they would in a small deployment. The host and the bare
//! server are children, so that their CPU time and memory can be told apart; load and receiver run
//! in this process. Results are ratios of one run wherever that is possible, because machines differ.

use std::process::ExitCode;

use anyhow::{Result, bail};
use mimalloc::MiMalloc;
use weir::{cli, config};

mod api;
mod arguments;
mod arrivals;
mod bare_server;
mod bench;
mod client;
mod database;
mod endpoints;
mod figures;
mod filters;
mod goals;
mod load;
mod machine;
mod message;
mod neighbours;
mod old_events;
mod other_subscriptions;
mod payload_check;
mod process;
mod receiver;
mod relays;
mod report;
mod run;
mod schema_comparison;
mod slow_filters;
mod tenant;

use arguments::{Arguments, BenchArguments, Server};

/// The allocator of the `weir` binary: the host that is measured is the host that is shipped.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Arguments = config::read();
    let done = match arguments.server {
        None => measure(&arguments.bench).await,
        Some(Server::Host(settings)) => cli::run(config::Command::Serve(*settings)).await.map(drop).map_err(Into::into),
        Some(Server::Bare { ready_file }) => bare_server::run(&ready_file).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints. Stopped before the end, the measurements are dropped: that ends the children
/// and removes the folder.
async fn measure(arguments: &BenchArguments) -> Result<()> {
    let report = tokio::select! {
        report = run::run(arguments) => report?,
        stopped = cli::stop_signal() => {
            stopped?;
            bail!("stopped before the end");
        }
    };
    if arguments.json {
        report.print_json();
    } else {
        report.print_table();
    }
    Ok(())
}
