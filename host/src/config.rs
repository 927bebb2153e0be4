//! Every setting once: its flag, its `WEIR_` variable, its default, and what it does. The doc
//! comments are the help texts.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue},
};
use ipnet::IpNet;

use crate::{
    app,
    db::Location,
    domain::{
        address::Policy,
        limits::{
            CONNECTIONS_MAX_DEFAULT, DELIVERIES_MAX_DEFAULT, DEV_ORGANIZATIONS_MAX, DISABLE_AFTER_SECONDS_DEFAULT,
            EMITS_PER_HOUR_DEFAULT, REQUESTS_PER_HOUR_DEFAULT, RETENTION_DAYS_DEFAULT,
        },
        retention::{Days, HOUSEKEEPING_SECONDS_DEFAULT, Retention},
        retry::RetrySchedule,
        root_keys::RootKeys,
        schema_caps::{ByPlan, SchemaCaps},
        vault::RootKey,
    },
    error::Result,
    fail,
};

/// Bytes that an operator's token has at least: shorter ones are guessed.
const ADMIN_TOKEN_BYTES_MIN: usize = 16;

/// An events host that its tenants extend with WebAssembly components.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the arguments of a program and its variables, or ends the process with what is wrong with them.
pub fn read<Arguments: Parser>() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|mut error| {
        // The URL of a database may have a password in it.
        if error.get(ContextKind::InvalidValue).is_some_and(|value| value.to_string().contains('@')) {
            error.insert(ContextKind::InvalidValue, ContextValue::String("***".to_owned()));
        }
        error.exit()
    })
}

/// The commands of the binary.
#[derive(Subcommand)]
pub enum Command {
    /// Runs the host in production.
    Serve(ServeArgs),
    /// Runs the host for trying it out: embedded database, an organization or several, a receiver that shows what arrives.
    Dev(DevArgs),
    /// What an operator does to running hosts, through their API.
    Admin(AdminArgs),
    /// Compares schemas, without a host.
    Schema {
        /// The command to run.
        #[command(subcommand)]
        command: SchemaCommand,
    },
}

/// Settings of `weir serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Where the data lives: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[arg(long, env = "WEIR_DATABASE", hide_env_values = true)]
    pub database: Location,
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, env = "WEIR_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The key that wraps the organizations' keys: 32 bytes, as base64 or 64 hex digits.
    #[arg(long, env = "WEIR_ROOT_KEY", hide_env_values = true, required_unless_present = "root_key_file")]
    pub root_key: Option<String>,
    /// Further root keys that the host can open with, separated by commas: the one before, until it is replaced.
    #[arg(long, env = "WEIR_ROOT_KEY_PREVIOUS", hide_env_values = true, value_delimiter = ',', requires = "root_key")]
    pub root_key_previous: Vec<String>,
    /// A file with root keys instead, one a line: the one to use, then those before it. Lines with # are comments.
    #[arg(long, env = "WEIR_ROOT_KEY_FILE", conflicts_with = "root_key")]
    pub root_key_file: Option<PathBuf>,
    /// The operator's token, at least 16 bytes. Without one the operator's API does not exist.
    #[arg(long, env = "WEIR_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
    /// Let endpoints be private or loopback addresses and plain http.
    #[arg(long, env = "WEIR_ALLOW_PRIVATE_TARGETS")]
    pub allow_private_targets: bool,
    /// A folder to keep compiled components in; beside the database when that is SQLite.
    #[arg(long, env = "WEIR_CODE_CACHE")]
    pub code_cache: Option<PathBuf>,
    /// A file to write the address to, as JSON, once the host serves.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// The settings that have a good default.
    #[command(flatten)]
    pub tuning: Tuning,
}

/// Settings of `weir dev`.
#[derive(Args)]
pub struct DevArgs {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, env = "WEIR_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The folder for the database, the root key and the credentials.
    #[arg(long, env = "WEIR_DATA", default_value = "weir-data")]
    pub data: PathBuf,
    /// Organizations to create, each with a key: more than one can share events.
    #[arg(long, env = "WEIR_ORGANIZATIONS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(DEV_ORGANIZATIONS_MAX)))]
    pub organizations: u32,
    /// A file to write address and credentials to, as JSON, once the host serves.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// The settings that have a good default.
    #[command(flatten)]
    pub tuning: Tuning,
}

/// Settings of `weir admin`.
#[derive(Args)]
pub struct AdminArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: AdminCommand,
    /// Where a host is; may be given several times, for all hosts of a database.
    #[arg(
        long = "url",
        env = "WEIR_URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    pub urls: Vec<String>,
    /// The operator's token.
    #[arg(long, env = "WEIR_ADMIN_TOKEN", hide_env_values = true, global = true)]
    pub admin_token: Option<String>,
}

/// The commands of `weir admin`.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Shows which root keys each host was given, and which of them are in use.
    RootKeys,
    /// Makes `WEIR_ROOT_KEY` of the first host the active root key, and re-wraps everything with it while hosts run.
    RotateRootKey,
}

/// The commands of `weir schema`.
#[derive(Subcommand)]
pub enum SchemaCommand {
    /// Says whether a schema still takes every payload that the one before took. Exit code 0: it does; 1: it does not,
    /// or there is no proof; 2: a file is no schema.
    Check(SchemaCheckArgs),
}

/// Settings of `weir schema check`.
#[derive(Args)]
pub struct SchemaCheckArgs {
    /// The schema before, a JSON file.
    pub old: PathBuf,
    /// The schema after.
    pub new: PathBuf,
    /// Let members count that the old schema does not declare but lets through.
    #[arg(long, conflicts_with = "patch")]
    pub strict: bool,
    /// Ask for less: do the two differ in descriptions only, as a patch may?
    #[arg(long)]
    pub patch: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Settings that have a good default, for every command that runs a host.
#[derive(Args)]
pub struct Tuning {
    /// Seconds before the second and each later attempt of a delivery.
    #[arg(long, env = "WEIR_RETRY_SCHEDULE", default_value_t = RetrySchedule::default())]
    pub retry_schedule: RetrySchedule,
    /// Deliveries under way at once.
    #[arg(long, env = "WEIR_DELIVERIES_MAX", default_value_t = DELIVERIES_MAX_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub deliveries_max: u32,
    /// Seconds that an endpoint may do nothing but fail before it is switched off; 0 is for ever.
    #[arg(long, env = "WEIR_DISABLE_AFTER", default_value_t = DISABLE_AFTER_SECONDS_DEFAULT)]
    pub disable_after: u64,
    /// Connections of callers at once; further ones are answered 503.
    #[arg(long, env = "WEIR_CONNECTIONS_MAX", default_value_t = CONNECTIONS_MAX_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,
    /// Connections of one address at once, or of one network where IPv6 gives that to one customer; further ones are answered 429. A quarter of `--connections-max` when not given. Behind a proxy, whose address all callers share, give the same number as there.
    #[arg(long, env = "WEIR_CONNECTIONS_PER_ADDRESS_MAX", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address_max: Option<u32>,
    /// Levels of objects and arrays in one another that a schema may have: a number, or numbers for some plans, as in `PRO=8,ENTERPRISE=16`.
    #[arg(long, env = "WEIR_SCHEMA_DEPTH_MAX", default_value_t = ByPlan::depth(), value_parser = ByPlan::parse_depth)]
    pub schema_depth_max: ByPlan,
    /// Properties that a schema may declare on all levels together: a number, or numbers for some plans.
    #[arg(long, env = "WEIR_SCHEMA_PROPERTIES_MAX", default_value_t = ByPlan::properties(), value_parser = ByPlan::parse_properties)]
    pub schema_properties_max: ByPlan,
    /// Subscriptions, webhooks among them, of an organization, and so deliveries of one event: a number or `none`, or numbers for some plans.
    #[arg(long, env = "WEIR_SUBSCRIPTIONS_MAX", default_value_t = ByPlan::subscriptions(), value_parser = ByPlan::parse_subscriptions)]
    pub subscriptions_max: ByPlan,
    /// Requests per hour and key, emits aside.
    #[arg(long, env = "WEIR_REQUESTS_PER_HOUR", default_value_t = REQUESTS_PER_HOUR_DEFAULT)]
    pub requests_per_hour: u32,
    /// Emits per hour and key.
    #[arg(long, env = "WEIR_EMITS_PER_HOUR", default_value_t = EMITS_PER_HOUR_DEFAULT)]
    pub emits_per_hour: u32,
    /// A network that endpoints may be in although it is not public, in CIDR notation; may be given several times.
    #[arg(long = "allow-target", env = "WEIR_ALLOW_TARGET", value_delimiter = ',')]
    pub allow_targets: Vec<IpNet>,
    /// Days for which events are kept with their deliveries, once nothing of them is owed; 0 is for ever.
    #[arg(long, env = "WEIR_RETAIN_EVENTS_DAYS", default_value_t = RETENTION_DAYS_DEFAULT)]
    pub retain_events_days: u32,
    /// Days for which attempts of deliveries that ended well are kept; 0 is as long as their events.
    #[arg(long, env = "WEIR_RETAIN_ATTEMPTS_DAYS", default_value_t = RETENTION_DAYS_DEFAULT)]
    pub retain_attempts_days: u32,
    /// Days for which dead letters can be replayed, and their events are kept at least; 0 is for ever.
    #[arg(long, env = "WEIR_RETAIN_DEAD_LETTERS_DAYS", default_value_t = RETENTION_DAYS_DEFAULT)]
    pub retain_dead_letters_days: u32,
    /// Days for which the log of relays is kept; 0 is for ever.
    #[arg(long, env = "WEIR_RETAIN_RELAY_LOG_DAYS", default_value_t = RETENTION_DAYS_DEFAULT)]
    pub retain_relay_log_days: u32,
    /// Seconds between two looks for what is older.
    #[arg(long, env = "WEIR_HOUSEKEEPING_SECONDS", default_value_t = HOUSEKEEPING_SECONDS_DEFAULT, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub housekeeping_seconds: u64,
    /// What to log: error, warn, info, debug, trace, or a filter such as `weir::worker=debug`.
    #[arg(long, env = "WEIR_LOG", default_value = "info")]
    pub log: String,
    /// How to write the log.
    #[arg(long, env = "WEIR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl ServeArgs {
    /// The settings of the app that these arguments ask for.
    pub fn settings(&self) -> Result<app::Settings> {
        let beside = match &self.database {
            Location::Sqlite(path) => path.parent().map(|folder| folder.join("code-cache")),
            Location::Postgres(_) => None,
        };
        let mut settings = app::Settings::new(self.database.clone(), self.root_keys()?);
        settings.listen = self.listen;
        settings.admin_token = self.admin_token.as_deref().map(parse_admin_token).transpose()?;
        settings.code_cache = self.code_cache.clone().or(beside);
        self.tuning.apply(&mut settings, self.allow_private_targets);
        Ok(settings)
    }

    /// Reads the root keys. Not while arguments are parsed, where a malformed one would be shown.
    fn root_keys(&self) -> Result<RootKeys> {
        if let Some(path) = &self.root_key_file {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| fail!(BadRequest, "cannot read --root-key-file {}: {cause}", path.display()))?;
            return RootKeys::parse(&text).map_err(|cause| fail!(BadRequest, "--root-key-file: {cause}"));
        }
        let parse = |flag: &str, text: &str| RootKey::parse(text).map_err(|cause| fail!(BadRequest, "{flag}: {cause}"));
        let primary = parse("--root-key", self.root_key.as_deref().unwrap_or_default())?;
        let previous = self.root_key_previous.iter().map(|text| parse("--root-key-previous", text));
        Ok(RootKeys::new(primary, previous.collect::<Result<Vec<_>>>()?))
    }
}

impl Tuning {
    /// Writes these values into the settings of the app.
    pub fn apply(&self, settings: &mut app::Settings, allow_private_targets: bool) {
        settings.address_policy = Policy { allow_private: allow_private_targets, allowed: self.allow_targets.clone() };
        settings.retry_schedule = self.retry_schedule.clone();
        settings.deliveries_max = self.deliveries_max as usize;
        settings.retention = Retention {
            events: Days::new(self.retain_events_days),
            attempts: Days::new(self.retain_attempts_days),
            dead_letters: Days::new(self.retain_dead_letters_days),
            relay_log: Days::new(self.retain_relay_log_days),
        };
        settings.disable_after = (self.disable_after > 0).then(|| Duration::from_secs(self.disable_after));
        settings.housekeeping_interval = Duration::from_secs(self.housekeeping_seconds);
        settings.connections_max = self.connections_max as usize;
        settings.subscriptions_max = self.subscriptions_max;
        settings.connections_per_address_max = self.connections_per_address_max.map(|number| number as usize);
        settings.schema_caps = SchemaCaps { depth: self.schema_depth_max, properties: self.schema_properties_max };
        settings.requests_per_hour = self.requests_per_hour;
        settings.emits_per_hour = self.emits_per_hour;
    }
}

fn parse_admin_token(text: &str) -> Result<String> {
    if text.len() < ADMIN_TOKEN_BYTES_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(fail!(
            BadRequest,
            "--admin-token: an operator's token has at least {ADMIN_TOKEN_BYTES_MIN} printable ASCII characters and no spaces"
        ));
    }
    Ok(text.to_owned())
}
