//! How SQLite executes the statements of the hot path and of explanations: by key, with tables of any size.

use std::{fs, path::PathBuf};

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use weir::db::{Db, Location, migrate};

use crate::support::{database::TestDatabase, fixtures::root};

/// The tables that grow.
const LARGE: [&str; 3] = ["emit", "delivery", "attempt"];

/// The statements that `over_rows!` and `insertable!` make in some files, as SQLite gets them.
fn statements(files: &[PathBuf]) -> Vec<String> {
    let mut statements = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).expect("UTF-8");
        for call in text.split("over_rows!(").skip(1) {
            let parts: Vec<&str> = call.split('"').collect();
            statements.push(format!("{} jsonb_each($1) as item {}", parts[1], parts[3]));
        }
        statements.extend(text.split("insertable! {").skip(1).map(insertion));
    }
    statements
}

/// The statement of an `insertable!` declaration, without its casts, which change no plan.
fn insertion(declaration: &str) -> String {
    let parts: Vec<&str> = declaration.split('"').collect();
    let (table, columns, rest) = (parts[1], parts[2], parts[3]);
    let columns: Vec<&str> =
        columns.lines().filter_map(|line| line.trim().split_once(": ")).map(|(column, _)| column).collect();
    let items: Vec<String> =
        columns.iter().enumerate().map(|(at, column)| format!("item.value ->> {at} as {column}")).collect();
    let (columns, items) = (columns.join(", "), items.join(", "));
    format!(
        "insert into {table} ({columns}) select new.* from (select {items} from jsonb_each($1) as item) as new {rest}"
    )
}

/// The steps of SQLite's plan for each statement.
async fn plans(statements: &[String]) -> Vec<Vec<String>> {
    let folder = TestDatabase::create_file();
    let Location::Sqlite(file) = &folder.location else { unreachable!("it is a file") };
    let db = Db::connect(&folder.location).await.expect("the file can be made");
    migrate::run(&db).await.expect("the migrations run");
    db.close().await;
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
    let mut plans = Vec::new();
    for statement in statements {
        let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {statement}")))
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {statement}"));
        plans.push(plan.iter().map(|row| row.get::<String, _>("detail")).collect());
    }
    connection.close().await.expect("it closes");
    plans
}

fn scans(step: &str, table: &str) -> bool {
    step == format!("SCAN {table}") || step.starts_with(&format!("SCAN {table} "))
}

#[tokio::test]
async fn the_ledger_finds_rows_by_key() {
    let files = ["emit/accept", "emit/insert", "emit/route", "delivery/insert", "delivery/settle"];
    let files = files.map(|file| root().join(format!("host/src/db/{file}.rs")));
    let statements = statements(&files);
    assert!(statements.len() >= 14, "{} statements were found", statements.len());
    for (statement, plan) in statements.iter().zip(plans(&statements).await) {
        for step in plan {
            assert!(!LARGE.iter().any(|table| scans(&step, table)), "{step} in the plan of {statement}");
        }
    }
}

/// An organization may have a hundred thousand subscriptions of which none listens for lifecycle events.
#[tokio::test]
async fn subscriptions_to_lifecycle_events_are_found_by_name_or_among_patterns() {
    let mut statements = statements(&[root().join("host/src/db/subscription.rs")]);
    statements.retain(|statement| statement.contains("wanted.event_type"));
    assert_eq!(statements.len(), 1);
    for step in plans(&statements).await.concat() {
        assert!(!scans(&step, "subscription") && !scans(&step, "subscription_event"), "{step}");
        let is_narrow = ["event_type=?", "subscription_event_pattern"].iter().any(|part| step.contains(part));
        assert!(!step.contains(" subscription_event ") || is_narrow, "{step}");
    }
}

/// An organization may have millions of deliveries of other emits, and event types of other subscriptions.
#[tokio::test]
async fn explaining_an_event_finds_rows_by_key() {
    let files = ["delivery/list", "emit/list", "program", "subscription"];
    let mut statements = statements(&files.map(|file| root().join(format!("host/src/db/{file}.rs"))));
    // Those that are put together of parts cannot be read here.
    statements.retain(|statement| !statement.starts_with("select  ") && !statement.contains("wanted.event_type"));
    assert_eq!(statements.len(), 5, "{statements:?}");
    for (statement, plan) in statements.iter().zip(plans(&statements).await) {
        for step in plan {
            let is_by_organization = step.ends_with("(organization_id=?)");
            assert!(!LARGE.iter().any(|table| scans(&step, table)), "{step} in the plan of {statement}");
            assert!(!is_by_organization, "{step} in the plan of {statement}");
        }
    }
}
