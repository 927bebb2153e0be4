//! Transactions wait for the disk, or do not, as they were begun.

use weir::db::Tx;

use crate::support::TestApp;

/// Whether the commit of a transaction waits for the disk.
async fn is_synced(tx: &mut Tx) -> bool {
    match tx {
        Tx::Sqlite(tx) => {
            let level: i64 =
                sqlx::query_scalar("pragma synchronous").fetch_one(&mut **tx).await.expect("the database works");
            assert!([1, 2].contains(&level), "normal or full, not {level}");
            level == 2
        }
        Tx::Postgres(tx) => {
            let level: String =
                sqlx::query_scalar("show synchronous_commit").fetch_one(&mut **tx).await.expect("the database works");
            level != "off"
        }
    }
}

/// Both kinds of transactions use the same connection, and neither leaves its setting to the next.
#[tokio::test]
async fn each_transaction_is_as_durable_as_it_was_begun() {
    let app = TestApp::start().await;
    let db = &app.app().host.db;
    for _ in 0..3 {
        for expected in [true, false] {
            let begun = if expected { db.begin().await } else { db.begin_unsynced().await };
            let mut tx = begun.expect("the database works");
            assert_eq!(is_synced(&mut tx).await, expected);
            tx.commit().await.expect("the database works");
        }
    }
    app.stop().await;
}
