//! How SQLite executes the statements of the hot path: by key, whatever the tables' size.

use std::fs;

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use weir::db::{Db, Location, migrate};

use super::fixtures::sources;
use crate::support::{database::TestDatabase, fixtures::root};

/// The tables that grow.
const LARGE: [&str; 3] = ["emit", "delivery", "attempt"];

/// Head and tail of each `over_rows!` statement of the ledger, as SQLite gets it.
fn statements() -> Vec<String> {
    let folder = root().join("host/src/db/ledger");
    let mut statements = Vec::new();
    for path in sources(&folder) {
        let text = fs::read_to_string(path).expect("UTF-8");
        for call in text.split("over_rows!(").skip(1) {
            let parts: Vec<&str> = call.split('"').collect();
            statements.push(format!("{} json_each($1) as item {}", parts[1], parts[3]));
        }
    }
    statements
}

#[tokio::test]
async fn the_ledger_finds_rows_by_key() {
    let folder = TestDatabase::create_file();
    let Location::Sqlite(file) = &folder.location else { unreachable!("it is a file") };
    let db = Db::connect(&folder.location).await.expect("the file can be made");
    migrate::run(&db).await.expect("the migrations run");
    db.close().await;
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
    let statements = statements();
    assert!(statements.len() >= 7, "{} statements were found", statements.len());
    for statement in statements {
        let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {statement}")))
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"));
        for step in plan.iter().map(|row| row.get::<String, _>("detail")) {
            let scans = LARGE
                .iter()
                .any(|table| step == format!("SCAN {table}") || step.starts_with(&format!("SCAN {table} ")));
            assert!(!scans, "{step} in the plan of {statement}");
        }
    }
    connection.close().await.expect("it closes");
}
