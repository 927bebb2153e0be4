//! The composition root: builds the parts, starts server and workers, and stops them in order.

mod ulimits;

use std::{
    fs::{File, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use weir_runtime::{BuiltIn, Runtime};

use crate::{
    clock::{Clock, Randomness, SystemClock},
    db::{self, Db, Location, migrate},
    domain::{
        address::Policy,
        limits::{
            CONNECTIONS_ADDRESS_PART, CONNECTIONS_MAX_DEFAULT, DELIVERIES_MAX_DEFAULT, DISABLE_AFTER_SECONDS_DEFAULT,
            EMITS_PER_HOUR_DEFAULT, REQUESTS_PER_HOUR_DEFAULT,
        },
        program::BuiltIns,
        retention::{HOUSEKEEPING_SECONDS_DEFAULT, Retention},
        retry::RetrySchedule,
        root_keys::RootKeys,
        schema_caps::{ByPlan, SchemaCaps},
        time::Time,
    },
    error::{Error, Result},
    fail, http,
    keyring::Keyring,
    ledger::{Bells, Ledger, RoutingQueue},
    memory::{EndpointHealth, Memory},
    outbound::{self, Lookup, Outbound},
    service::{
        Host, delivery::trial::Trials, event::Refusals, idempotency::RunningKeys, organization::root_keys, reads::Reads,
    },
    sync::CpuPool,
    worker::{self, WorkerSettings, Workers},
};

/// How long an endpoint may take to answer. Contract 7.1.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may take once the host stops.
const REQUESTS_STOP_MAX: Duration = Duration::from_secs(10);
/// How long endpoints may still take to answer once the host stops. Less than the ten seconds after
/// which supervisors commonly kill a process: another host makes a delivery that is put back in time at
/// once, and one that is killed only after its lease.
const DELIVERIES_STOP_GRACE: Duration = Duration::from_secs(5);

/// The settings of an [`App`].
pub struct Settings {
    /// The database that the data lives in.
    pub database: Location,
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The root keys, which wrap the organizations' data keys.
    pub root_keys: RootKeys,
    /// The operator's token; `None` is no operator's API.
    pub admin_token: Option<String>,
    /// The folder for compiled components; `None` keeps them in memory alone.
    pub code_cache: Option<PathBuf>,
    /// The addresses that endpoints may have.
    pub address_policy: Policy,
    /// When a failed delivery is tried again, unless its subscription says otherwise.
    pub retry_schedule: RetrySchedule,
    /// Most deliveries under way at once.
    pub deliveries_max: usize,
    /// How long finished events, deliveries and logs are kept.
    pub retention: Retention,
    /// How often rows that are older are looked for.
    pub housekeeping_interval: Duration,
    /// How long an endpoint may do nothing but fail before it is given up; `None` is for ever.
    pub disable_after: Option<Duration>,
    /// Most connections of callers at once.
    pub connections_max: usize,
    /// Most connections of one address at once; `None` is a part of all.
    pub connections_per_address_max: Option<usize>,
    /// How deep and how wide schemas may be, by plan.
    pub schema_caps: SchemaCaps,
    /// Subscriptions of an organization, by plan.
    pub subscriptions_max: ByPlan,
    /// Requests per hour and key.
    pub requests_per_hour: u32,
    /// Emits per hour and key.
    pub emits_per_hour: u32,
    /// The clock that everything reads the time from.
    pub clock: Arc<dyn Clock>,
    /// The source of ids, keys and secrets.
    pub randomness: Randomness,
    /// Resolves the names of endpoints.
    pub lookup: Lookup,
}

impl Settings {
    /// Defaults for everything that has one.
    pub fn new(database: Location, root_keys: impl Into<RootKeys>) -> Self {
        Self {
            database,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            root_keys: root_keys.into(),
            admin_token: None,
            code_cache: None,
            address_policy: Policy { allow_private: false, allowed: Vec::new() },
            retry_schedule: RetrySchedule::default(),
            deliveries_max: DELIVERIES_MAX_DEFAULT as usize,
            retention: Retention::default(),
            housekeeping_interval: Duration::from_secs(HOUSEKEEPING_SECONDS_DEFAULT),
            disable_after: Some(Duration::from_secs(DISABLE_AFTER_SECONDS_DEFAULT)),
            connections_max: CONNECTIONS_MAX_DEFAULT as usize,
            connections_per_address_max: None,
            schema_caps: SchemaCaps::default(),
            subscriptions_max: ByPlan::subscriptions(),
            requests_per_hour: REQUESTS_PER_HOUR_DEFAULT,
            emits_per_hour: EMITS_PER_HOUR_DEFAULT,
            clock: Arc::new(SystemClock),
            randomness: Randomness::system(),
            lookup: outbound::system_lookup(),
        }
    }
}

/// A running host.
pub struct App {
    /// The address that the app listens on.
    pub address: SocketAddr,
    /// The parts of the use cases.
    pub host: Arc<Host>,
    /// The workers, which route and deliver.
    pub workers: Arc<Workers>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    /// Held for as long as the app runs: an SQLite file has one owner.
    _owner: Option<File>,
}

impl App {
    /// Builds and starts everything. When this returns, the host serves.
    pub async fn start(settings: Settings) -> Result<Self> {
        let hints = ulimits::raise(settings.deliveries_max + settings.connections_max);
        ulimits::explain(Self::build(settings).await, &hints)
    }

    async fn build(settings: Settings) -> Result<Self> {
        let owner = own(&settings.database)?;
        let db = Db::connect(&settings.database).await.map_err(cannot_open)?;
        migrate::run(&db).await.map_err(cannot_open)?;
        root_keys::check(&db, &settings.root_keys, settings.clock.now()).await?;
        let runtime = load_runtime(settings.code_cache).await?;
        store_builtins(&db, &runtime, settings.clock.now()).await?;
        let bells = Bells::default();
        let queue = RoutingQueue::new(worker::turns_each_max());
        let ledger = Ledger::start(db.clone(), queue.clone(), bells.clone())?;
        let keyring = Keyring::new(settings.root_keys, settings.randomness.clone());
        let cpu = CpuPool::start()?;
        let digest = |builtin| runtime.builtin(builtin).digest();
        let builtins = BuiltIns { webhook: digest(BuiltIn::Webhook), relay: digest(BuiltIn::Relay) };
        let host = Arc::new(Host {
            memory: Memory::new(db.clone(), settings.clock.clone(), keyring.clone(), cpu.clone(), builtins),
            health: EndpointHealth::default(),
            reads: Reads::default(),
            trials: Trials::default(),
            idempotency: RunningKeys::new(&settings.randomness),
            outbound: Outbound::new(settings.address_policy.clone(), ENDPOINT_TIMEOUT, settings.lookup)?,
            db,
            ledger,
            keyring,
            cpu,
            runtime,
            bells,
            announcements_begun: AtomicU32::default(),
            clock: settings.clock,
            randomness: settings.randomness,
            address_policy: settings.address_policy,
            schema_caps: settings.schema_caps,
            subscriptions_max: settings.subscriptions_max,
            refusals: Refusals::default(),
        });
        let worker_settings = WorkerSettings {
            retry_schedule: settings.retry_schedule,
            deliveries_max: settings.deliveries_max,
            retention: settings.retention,
            housekeeping_interval: settings.housekeeping_interval,
            disable_after: settings.disable_after,
        };
        // Before the workers, so that a host which cannot listen has not begun to work.
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|cause| fail!(Unavailable, "cannot listen on {}: {cause}", settings.listen))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let workers = Arc::new(Workers::start(host.clone(), queue, worker_settings).await?);
        let state = http::ApiState {
            host: host.clone(),
            admin_token: settings.admin_token,
            connections_max: settings.connections_max,
            connections_per_address_max: settings
                .connections_per_address_max
                .unwrap_or(settings.connections_max.div_ceil(CONNECTIONS_ADDRESS_PART)),
            rate_limits: http::RateLimits::new(settings.requests_per_hour, settings.emits_per_hour),
            bodies: http::Bodies::default(),
        };
        let stop = CancellationToken::new();
        let server = tokio::spawn(http::serve(listener, Arc::new(state), stop.clone().cancelled_owned()));
        Ok(Self { address, host, workers, stop, server, _owner: owner })
    }

    /// Stops accepting, finishes what is under way within bounds, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(REQUESTS_STOP_MAX, self.server).await.is_err() {
            tracing::warn!("requests were still under way at the stop");
        }
        self.workers.stop(DELIVERIES_STOP_GRACE).await;
        self.host.db.close().await;
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Says at the start that the database is the trouble: the message for callers of the API does not.
fn cannot_open(error: Error) -> Error {
    fail!(Unavailable, "cannot open the database").caused_by(error)
}

/// Stores the built-in components of this release, so that deliveries may be pinned to them.
async fn store_builtins(db: &Db, runtime: &Runtime, now: Time) -> Result<()> {
    let mut tx = db.begin().await?;
    for builtin in BuiltIn::ALL {
        let component = runtime.builtin(builtin);
        let (name, world) = (builtin.as_str(), component.world().as_str());
        db::component::insert(&mut tx, &component.digest(), name, world, builtin.wasm(), now).await?;
    }
    tx.commit().await
}

/// Starts the runtime on a thread that may block: compiling the built-in components takes a moment.
async fn load_runtime(code_cache_dir: Option<PathBuf>) -> Result<Runtime> {
    let settings = weir_runtime::Settings { code_cache_dir, ..weir_runtime::Settings::default() };
    Ok(tokio::task::spawn_blocking(move || Runtime::new(settings)).await.map_err(Error::internal)??)
}

/// Locks an SQLite file for this process: a second host on it would take back deliveries that the first
/// one has under way.
fn own(location: &Location) -> Result<Option<File>> {
    let Location::Sqlite(path) = location else { return Ok(None) };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|cause| fail!(Unavailable, "cannot make the folder {}: {cause}", folder.display()))?;
    }
    let lock = lock_path(path);
    let file =
        db::open_private(&lock).map_err(|cause| fail!(Unavailable, "cannot open {}: {cause}", lock.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(fail!(Unavailable, "another host has {}; an SQLite file has one owner", path.display()))
        }
        Err(TryLockError::Error(cause)) => Err(fail!(Unavailable, "cannot lock {}: {cause}", lock.display())),
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
