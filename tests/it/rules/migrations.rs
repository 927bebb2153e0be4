//! The migrations of both databases lead to the same tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use weir::db::{Db, Location, migrate};

use crate::support::{
    database::{TestDatabase, is_postgres},
    fixtures::root,
};

fn files(database: &str) -> BTreeMap<String, String> {
    let folder = root().join("migrations").join(database);
    let paths = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).expect("UTF-8"))).collect()
}

/// The statements of a migration, with the words in which the databases differ by nature made equal.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text: String = lines.collect::<Vec<_>>().join(" ");
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split(';').map(|statement| common(statement.trim())).filter(|statement| !statement.is_empty()).collect()
}

fn common(statement: &str) -> String {
    let statement = statement.trim_end_matches(" strict, without rowid").trim_end_matches(" strict");
    let mut common = String::new();
    // A column of truth values is an integer with a check on SQLite.
    let mut rest = statement;
    while let Some((before, after)) = rest.split_once(" check (") {
        let (check, after) = after.split_once("))").expect("checks here list values");
        common.push_str(before);
        if !check.ends_with("in (0, 1") {
            common.extend([" check (", check, "))"]);
        }
        rest = after;
    }
    common.push_str(rest);
    let typed = |word: &str| {
        let (name, comma) = word.strip_suffix(',').map_or((word, ""), |name| (name, ","));
        let name = match name {
            "bigint" | "boolean" => "integer",
            "bytea" => "blob",
            other => other,
        };
        format!("{name}{comma}")
    };
    common.split(' ').map(typed).collect::<Vec<_>>().join(" ")
}

#[test]
fn both_databases_have_migrations_of_the_same_names() {
    assert_eq!(files("sqlite").keys().collect::<Vec<_>>(), files("postgres").keys().collect::<Vec<_>>());
}

#[test]
fn both_databases_have_the_same_statements() {
    let postgres = files("postgres");
    for (name, sql) in files("sqlite") {
        let (sqlite, postgres) = (statements(&sql), statements(&postgres[&name]));
        assert_eq!(sqlite.len(), postgres.len(), "{name}");
        for (sqlite, postgres) in sqlite.iter().zip(&postgres) {
            assert_eq!(sqlite, postgres, "{name}");
        }
    }
}

#[test]
fn migrations_are_numbered_each_once() {
    let number = |name: &String| name.split_once('_').and_then(|(number, _)| number.parse::<i64>().ok());
    let numbers: Vec<i64> = files("sqlite").keys().map(|name| number(name).expect("a number and a name")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&migrate::level()));
}

/// A column or an index, in words that both databases share.
type Schema = BTreeSet<String>;

/// `integer`, `text` or `blob`.
fn type_of(name: &str) -> &str {
    match name.to_lowercase().as_str() {
        "bigint" | "integer" | "boolean" => "integer",
        "bytea" | "blob" => "blob",
        "text" => "text",
        other => panic!("a type that the comparison does not know: {other}"),
    }
}

async fn sqlite() -> Schema {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("migrations-{}.db", std::process::id()));
    let db = Db::connect(&Location::Sqlite(file.clone())).await.expect("the file can be made");
    migrate::run(&db).await.expect("the migrations run");
    db.close().await;
    let options = SqliteConnectOptions::new().filename(&file);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
    let columns: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select t.name, c.name, c.type, c.\"notnull\" or c.pk > 0
           from sqlite_schema as t, pragma_table_info(t.name) as c
          where t.type = 'table' and t.name not like 'sqlite_%' and t.name not like '\\_%' escape '\\'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the catalogue is readable");
    let indexes: Vec<(String, String, i64, i64, String)> = sqlx::query_as(
        "select t.name, coalesce(i.origin, ''), i.\"unique\", i.partial,
                (select group_concat(name, ',') from (select name from pragma_index_info(i.name) order by seqno))
           from sqlite_schema as t, pragma_index_list(t.name) as i
          where t.type = 'table' and t.name not like '\\_%' escape '\\'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the catalogue is readable");
    connection.close().await.expect("it closes");
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.clone().into_os_string();
        path.push(suffix);
        drop(fs::remove_file(path));
    }
    let mut schema = Schema::new();
    for (table, column, kind, is_required) in columns {
        schema.insert(format!("{table}.{column} {} required={is_required}", type_of(&kind)));
    }
    for (table, _, is_unique, is_partial, columns) in indexes {
        schema.insert(format!("index on {table} ({columns}) unique={is_unique} partial={is_partial}"));
    }
    schema
}

async fn postgres(url: &str) -> Schema {
    let mut connection = PgConnection::connect(url).await.expect("the database can be reached");
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(
        "select table_name::text, column_name::text, data_type::text, is_nullable = 'NO'
           from information_schema.columns
          where table_schema = 'public' and table_name not like '\\_%'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the catalogue is readable");
    let indexes: Vec<(String, bool, bool, String)> = sqlx::query_as(
        "select t.relname::text, i.indisunique, i.indpred is not null,
                (select string_agg(a.attname, ',' order by k.position)
                   from unnest(i.indkey) with ordinality as k(number, position)
                   join pg_attribute as a on a.attrelid = t.oid and a.attnum = k.number)
           from pg_index as i
           join pg_class as t on t.oid = i.indrelid
          where t.relnamespace = 'public'::regnamespace and t.relname not like '\\_%'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the catalogue is readable");
    connection.close().await.expect("it closes");
    let mut schema = Schema::new();
    for (table, column, kind, is_required) in columns {
        schema.insert(format!("{table}.{column} {} required={}", type_of(&kind), i64::from(is_required)));
    }
    for (table, is_unique, is_partial, columns) in indexes {
        let (is_unique, is_partial) = (i64::from(is_unique), i64::from(is_partial));
        schema.insert(format!("index on {table} ({columns}) unique={is_unique} partial={is_partial}"));
    }
    schema
}

#[tokio::test]
async fn both_databases_end_up_with_the_same_tables() {
    let sqlite = sqlite().await;
    assert!(sqlite.len() > 50, "{sqlite:?}");
    // On a run without PostgreSQL the statements are compared as text, above.
    if !is_postgres() {
        return;
    }
    let database = TestDatabase::create().await;
    let Location::Postgres(url) = &database.location else { panic!("not on PostgreSQL") };
    let postgres = postgres(url).await;
    let difference: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}
