//! One database per test: a file of its own, or a database of its own on the server that
//! `TEST_DATABASE_URL` names. `TEST_DB` says which, `sqlite` when it says nothing.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use sqlx::{Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::OnceCell;
use weir::db::{Db, Location, migrate};

use super::{
    fixtures::root,
    server::{Server, Stop},
};

/// A database that is removed when this is dropped.
pub(crate) struct TestDatabase {
    pub(crate) location: Location,
    kept: Kept,
}

enum Kept {
    Folder(PathBuf),
    OnServer(String),
    Server(Server),
}

/// Whether the tests run on PostgreSQL.
pub(crate) fn is_postgres() -> bool {
    match env::var("TEST_DB").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite" | "") | Err(_) => false,
        Ok(other) => panic!("TEST_DB is sqlite or postgres, not {other:?}"),
    }
}

impl TestDatabase {
    /// An empty database. On PostgreSQL it is migrated already.
    pub(crate) async fn create() -> Self {
        if is_postgres() { Self::create_on_server().await } else { Self::create_file() }
    }

    /// An SQLite file, also when `TEST_DB` says otherwise.
    pub(crate) fn create_file() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique_name());
        fs::create_dir_all(&folder).expect("a folder for the database can be made");
        Self { location: Location::Sqlite(folder.join("weir.db")), kept: Kept::Folder(folder) }
    }

    /// An empty database that can be restarted: on PostgreSQL it has a server of its own.
    pub(crate) fn create_for_restarts() -> Self {
        if !is_postgres() {
            return Self::create_file();
        }
        let server = Server::start();
        Self { location: Location::Postgres(server.url().into()), kept: Kept::Server(server) }
    }

    /// Restarts its server, if it has one of its own.
    pub(crate) fn restart(&self, stop: Stop) {
        if let Kept::Server(server) = &self.kept {
            server.restart(stop);
        }
    }

    async fn create_on_server() -> Self {
        let template = template().await;
        let name = unique_name();
        on_server(&format!("create database {name} template {template}")).await.expect("the template can be copied");
        Self { location: Location::Postgres(url_of(&name).into()), kept: Kept::OnServer(name) }
    }
}

impl TestDatabase {
    /// Where it is, as the command line takes it.
    pub(crate) fn text(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => format!("sqlite:{}", path.display()),
            Location::Postgres(url) => url.to_string(),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.kept {
            // A file that cannot be removed stays in the target folder, where it does no harm.
            Kept::Folder(folder) => drop(fs::remove_dir_all(folder)),
            // The server ends when it is dropped.
            Kept::Server(_) => {}
            Kept::OnServer(name) => {
                // The test's own runtime cannot be waited for from here.
                let sql = format!("drop database if exists {name} with (force)");
                drop(thread::spawn(move || runtime().block_on(on_server(&sql))).join());
            }
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

fn unique_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("weir_test_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The database to copy: made once per state of the migrations, and kept for later runs.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE.get_or_init(make_template).await
}

async fn make_template() -> String {
    let name = format!("weir_template_{:016x}", migrations_hash());
    if on_server(&format!("alter database {name} with is_template false")).await.is_ok() {
        return name;
    }
    let unfinished = format!("{}_template", unique_name());
    on_server(&format!("create database {unfinished}")).await.expect("a database can be created");
    let location = Location::Postgres(url_of(&unfinished).into());
    let db = Db::connect(&location).await.expect("the new database can be reached");
    migrate::run(&db).await.expect("the migrations run");
    db.close().await;
    // Another run may have been faster; then its template serves.
    if on_server(&format!("alter database {unfinished} rename to {name}")).await.is_err() {
        drop(on_server(&format!("drop database {unfinished}")).await);
    }
    name
}

fn migrations_hash() -> u64 {
    let folder = root().join("migrations/postgres");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the migrations have a folder")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).expect("readable").hash(&mut hasher);
    }
    hasher.finish()
}

fn server_url() -> url::Url {
    let url = env::var("TEST_DATABASE_URL").expect("TEST_DB=postgres needs TEST_DATABASE_URL");
    url.parse().expect("TEST_DATABASE_URL is a URL")
}

fn url_of(database: &str) -> String {
    let mut url = server_url();
    url.set_path(database);
    url.into()
}

/// Runs a statement on the server's own database.
pub(crate) async fn on_server(sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server_url().as_str()).await?;
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await?;
    connection.close().await
}

/// A number that a statement gives: for tests that look where no route leads.
pub(crate) async fn number(location: &Location, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(sql);
    let number = match location {
        Location::Sqlite(path) => sqlx::query_scalar(sql).fetch_one(&mut sqlite(path).await).await,
        Location::Postgres(url) => sqlx::query_scalar(sql).fetch_one(&mut postgres(url).await).await,
    };
    number.expect("the statement is right")
}

/// Runs a statement that gives nothing: for tests that make what no route makes.
pub(crate) async fn execute(location: &Location, sql: &str) {
    let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    match location {
        Location::Sqlite(path) => drop(sqlite(path).await.execute(sql).await.expect("the statement is right")),
        Location::Postgres(url) => drop(postgres(url).await.execute(sql).await.expect("the statement is right")),
    }
}

/// A connection of the test's own to an SQLite file.
pub(crate) async fn sqlite(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options).await.expect("the database can be opened")
}

/// A connection of the test's own to a PostgreSQL database.
pub(crate) async fn postgres(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the database can be reached")
}
