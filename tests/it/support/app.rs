//! The whole host in the test's process, with a clock that the test moves.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use weir::{
    app::{App, Settings},
    clock::{Clock, ManualClock, Randomness},
    domain::{address::Policy, time::Time, vault::RootKey},
};

use super::{
    client::Client,
    database::{TestDatabase, is_postgres, number},
};

/// The time at which every test begins.
pub(crate) const START: &str = "2026-05-06T12:00:00Z";
/// The operator's token.
pub(crate) const ADMIN_TOKEN: &str = "operator-token-of-the-tests";
/// How long work that is due may take: a hang of ten seconds fits, a lost wake-up does not hide.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// A limit so generous that no test meets it by accident.
const REQUESTS_PER_HOUR: u32 = 1_000_000;

type Change = Arc<dyn Fn(&mut Settings) + Send + Sync>;

/// A running host. End a test with [`TestApp::stop`]: it checks that nothing is left undone.
pub(crate) struct TestApp {
    app: Option<App>,
    pub(crate) database: Arc<TestDatabase>,
    pub(crate) clock: TestClock,
    change: Change,
    organizations: AtomicU32,
    /// Hosts that were started beside this one: each draws ids of its own.
    beside: AtomicU32,
}

/// The clock of a [`TestApp`].
#[derive(Clone)]
pub(crate) struct TestClock(ManualClock);

impl TestClock {
    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.advance_millis(i64::try_from(by.as_millis()).expect("tests do not wait for ages"));
    }

    /// Moves the clock to a later time.
    pub(crate) fn advance_to(&self, time: &str) {
        let time = Time::parse(time).expect("a time");
        self.0.advance_millis(time.millis_since(self.now()));
    }

    /// The present.
    pub(crate) fn now(&self) -> Time {
        self.0.now()
    }
}

impl TestApp {
    /// A host with the settings of all tests.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A host with some settings changed.
    pub(crate) async fn with(change: impl Fn(&mut Settings) + Send + Sync + 'static) -> Self {
        let database = Arc::new(TestDatabase::create().await);
        let clock = TestClock(ManualClock::new(Time::parse(START).expect("a time")));
        Self::build(database, clock, Arc::new(change), 1).await
    }

    /// A host with this schedule of retries: with `""` the first attempt at a delivery is the only one.
    pub(crate) async fn with_retries(schedule: &'static str) -> Self {
        Self::with(move |settings| settings.retry_schedule = schedule.parse().expect("a schedule")).await
    }

    async fn build(database: Arc<TestDatabase>, clock: TestClock, change: Change, seed: u64) -> Self {
        let mut settings = Settings::new(database.location.clone(), RootKey::new([7; 32]));
        settings.admin_token = Some(ADMIN_TOKEN.to_owned());
        // Compiling the built-in components once is enough for all tests and runs.
        settings.code_cache = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/code").into());
        settings.address_policy = Policy { allow_private: true, allowed: Vec::new() };
        settings.requests_per_hour = REQUESTS_PER_HOUR;
        settings.emits_per_hour = REQUESTS_PER_HOUR;
        settings.clock = Arc::new(clock.0.clone());
        settings.randomness = Randomness::seeded(seed);
        change(&mut settings);
        let app = App::start(settings).await.expect("the host starts");
        Self { app: Some(app), database, clock, change, organizations: AtomicU32::new(0), beside: AtomicU32::new(0) }
    }

    /// A second host beside this one on the same database, which has to be PostgreSQL.
    pub(crate) async fn beside(&self) -> Self {
        let seed = 2 + u64::from(self.beside.fetch_add(1, Ordering::Relaxed));
        Self::build(self.database.clone(), self.clock.clone(), self.change.clone(), seed).await
    }

    /// A second host beside this one where the database takes several: on PostgreSQL.
    pub(crate) async fn beside_on_postgres(&self) -> Option<Self> {
        if is_postgres() { Some(self.beside().await) } else { None }
    }

    /// Stops the host with its work left undone, and starts it again on the same database.
    pub(crate) async fn restart(mut self) -> Self {
        let organizations = self.organizations.load(Ordering::Relaxed);
        self.running().stop().await;
        let seed = u64::from(organizations) + 1_000;
        let next = Self::build(self.database.clone(), self.clock.clone(), self.change.clone(), seed).await;
        next.organizations.store(organizations, Ordering::Relaxed);
        next
    }

    /// The same with some settings changed.
    pub(crate) async fn restart_with(mut self, change: impl Fn(&mut Settings) + Send + Sync + 'static) -> Self {
        let before = self.change.clone();
        self.change = Arc::new(move |settings| {
            before(settings);
            change(settings);
        });
        self.restart().await
    }

    fn running(&mut self) -> App {
        self.app.take().expect("the host runs until it is stopped")
    }

    /// The host's parts.
    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("the host runs until it is stopped")
    }

    /// Where the host listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.app().address
    }

    /// A client without any key.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(self.address())
    }

    /// The operator.
    pub(crate) fn admin(&self) -> Client {
        self.anonymous().with_header("authorization", &format!("Bearer {ADMIN_TOKEN}"))
    }

    /// A new organization on this plan, with a key that may do everything.
    pub(crate) async fn organization(&self, plan: &str) -> Client {
        let number = self.organizations.fetch_add(1, Ordering::Relaxed) + 1;
        let body = json!({ "name": format!("Tenant {number}"), "slug": format!("tenant-{number}"), "plan": plan });
        let data = self.admin().post("/api/admin/v1/organizations", body).await.created();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        self.client(&text(&data["organization"]["id"]), &text(&data["organization"]["slug"]), &text(&data["apiKey"]))
    }

    /// A client of an organization that exists, with this key.
    pub(crate) fn client(&self, id: &str, namespace: &str, key: &str) -> Client {
        self.anonymous().of(id, namespace).with_header("x-api-key", key)
    }

    /// The same organization with the same key, as a client of this host.
    pub(crate) fn client_of(&self, tenant: &Client) -> Client {
        self.client(&tenant.id, &tenant.namespace, tenant.key())
    }

    /// Puts an organization on another plan.
    pub(crate) async fn set_plan(&self, tenant: &Client, plan: &str) {
        let path = format!("/api/admin/v1/organizations/{}", tenant.id);
        self.admin().patch(&path, json!({ "plan": plan })).await.ok();
    }

    /// Routes and delivers everything that is due at the present moment, and waits until what is
    /// under way, here or in a host beside, is recorded.
    pub(crate) async fn settle(&self) {
        let settled = async {
            while {
                let settled = self.app().workers.settle(SETTLE_MAX).await.expect("the database works");
                !settled || self.unfinished().await > 0
            } {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let is_settled = tokio::time::timeout(SETTLE_MAX, settled).await.is_ok();
        assert!(is_settled, "{} emits and deliveries were left undone", self.unfinished().await);
    }

    /// The same, but does not wait for deliveries that only their subscription's rate holds back.
    pub(crate) async fn settle_within_rates(&self) {
        let settled = self.app().workers.settle(SETTLE_MAX).await.expect("the database works");
        assert!(settled, "work is left that no rate holds back");
    }

    /// Emits and deliveries that are due or under way.
    async fn unfinished(&self) -> i64 {
        let now = self.clock.now().as_millis();
        let sql = format!(
            "select (select count(*) from emit where routed_at is null and (due_at <= {now} or error_message is null))
                  + (select count(*) from federation_fan_out where due_at <= {now})
                  + (select count(*) from replay where due_at <= {now})
                  + (select count(*) from delivery where due_at is not null and (is_claimed or due_at <= {now}))"
        );
        number(&self.database.location, &sql).await
    }

    /// Stops the host after checking that nothing is due and nothing is claimed any more.
    pub(crate) async fn stop(mut self) {
        self.settle().await;
        let location = &self.database.location;
        let unrouted = number(location, "select count(*) from emit where routed_at is null").await;
        assert_eq!(unrouted, 0, "emits that were never routed");
        let claimed = number(location, "select count(*) from delivery where is_claimed and due_at is not null").await;
        assert_eq!(claimed, 0, "claims that were never given back");
        self.running().stop().await;
    }

    /// Stops the second host, if there is one, and then this one.
    pub(crate) async fn stop_with(self, beside: Option<Self>) {
        if let Some(beside) = beside {
            beside.stop().await;
        }
        self.stop().await;
    }

    /// Stops the host without checking that no work is left.
    pub(crate) async fn stop_with_work_left(mut self) {
        self.running().stop().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.app.is_none() || std::thread::panicking(), "a test ends with stop()");
    }
}
