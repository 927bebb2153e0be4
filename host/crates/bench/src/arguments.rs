//! The command line of `weir-bench`. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use weir::{config::ServeArgs, db::Location};

/// Measures how fast this machine accepts and delivers events.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) server: Option<Server>,
    #[command(flatten)]
    pub(crate) bench: BenchArguments,
}

/// A server to run instead of measuring. The program starts itself with one of these, so that there
/// is one binary to build.
#[derive(Subcommand)]
pub(crate) enum Server {
    /// The host, as `weir serve` runs it.
    #[command(hide = true)]
    Host(Box<ServeArgs>),
    /// The bare server that the host is compared with.
    #[command(hide = true)]
    Bare {
        /// A file to write the address to, as JSON, once the server answers.
        #[arg(long)]
        ready_file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// The database to measure with; a new SQLite file in the temporary folder when none is given. A database that
    /// is given keeps what was measured in it.
    #[arg(long)]
    pub(crate) database: Option<Location>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Measurements to make, separated by commas; all when none is given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Old events, each with a delivery and an attempt, that the host deletes while it accepts others: measured last,
    /// and not at all when 0.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub(crate) old_events: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// Requests that a bare server answers.
    BareServer,
    /// Emits that the host accepts.
    Accepts,
    /// Events that are accepted, routed, delivered and recorded.
    EndToEnd,
    /// Time from accept to arrival at several rates.
    Latency,
    /// Deliveries to a hundred endpoints, without and beside some that hang.
    HangingEndpoints,
    /// Deliveries of events to a hundred endpoints each.
    FanOut,
    /// Deliveries of a push to a thousand members, and the owner's own beside them.
    Relays,
    /// Deliveries of one organization, without and beside another one whose filters are slow.
    SlowFilters,
    /// Deliveries of one organization, without and beside another one that does what it likes.
    Neighbours,
    /// Events end to end with a hundred thousand other subscriptions.
    OtherSubscriptions,
    /// The check of a payload against a schema.
    PayloadCheck,
    /// The proof that a new version of a schema is compatible.
    SchemaComparison,
    /// Content filters, in the router.
    Filters,
}

impl BenchArguments {
    /// The measurements to make, in their order.
    pub(crate) fn measurements(&self) -> impl Iterator<Item = Measurement> {
        let is_wanted = |measurement: &Measurement| self.only.is_empty() || self.only.contains(measurement);
        Measurement::value_variants().iter().copied().filter(is_wanted)
    }
}

impl Measurement {
    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurements(arguments: &[&str]) -> Vec<Measurement> {
        let arguments = Arguments::try_parse_from(["weir-bench"].iter().chain(arguments)).expect("legal arguments");
        arguments.bench.measurements().collect()
    }

    #[test]
    fn all_is_measured_unless_some_are_named() {
        assert_eq!(measurements(&[]), Measurement::value_variants());
        let some = [Measurement::EndToEnd, Measurement::SlowFilters];
        assert_eq!(measurements(&["--only", "slow-filters,end-to-end"]), some);
        assert!(Arguments::try_parse_from(["weir-bench", "--only", "nothing"]).is_err());
    }

    #[test]
    fn a_server_is_run_instead_of_measuring() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from(arguments).map(|arguments| arguments.server);
        assert!(matches!(parse(&["weir-bench"]), Ok(None)));
        let host = ["weir-bench", "host", "--database", "sqlite:weir.db", "--root-key", "key"];
        assert!(matches!(parse(&host), Ok(Some(Server::Host(_)))));
        assert!(matches!(parse(&["weir-bench", "bare", "--ready-file", "ready"]), Ok(Some(Server::Bare { .. }))));
        assert!(parse(&["weir-bench", "--json", "bare", "--ready-file", "ready"]).is_err());
    }
}
