//! Lists in pages: the rows of one page, and how many rows the whole list has, counted up to a bound.

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Most rows.
    pub limit: u32,
    /// Rows before it, of those that are behind `before`.
    pub offset: i64,
    /// The key of the row that it comes behind; `None` is the beginning of the list. Unlike an offset it stays where
    /// it is while rows are added.
    pub before: Option<&'a str>,
}

/// Reads one page of a list and counts the list, up to `LIST_TOTAL_MAX` rows: gives `(Vec<Row>, i64)`, or leaves the function with
/// the error.
///
/// Both statements share `from`, `where` and what is bound to `$1`, `$2`, … in this order; the page takes the
/// numbers after that. `join` is for what only the rows need. A list is in the order of a unique key, `newest`
/// first, and its page is a [`Part`]; or in another `order`, and its page is a limit and an offset.
macro_rules! paged {
    (
        $tx:expr,
        select: $columns:expr,
        from: $from:expr,
        $(join: $join:expr,)?
        where: $condition:expr,
        newest: $key:expr,
        bind: [$($value:expr),* $(,)?],
        page: $part:expr $(,)?
    ) => {{
        const ROWS: &str = concat!(
            "select ", $columns, " from ", $from, $(" ", $join,)? " where ", $condition,
            $crate::db::page::paged!(@behind $key, [1 2 3 4 5 6 7 8 9 10 11 12 13] $($value,)*)
        );
        const TOTAL: &str = $crate::db::page::paged!(@total $from, $condition, $($value,)*);
        let part: $crate::db::Part<'_> = $part;
        let rows = $crate::db::on_db!(&mut *$tx, |conn| sqlx::query_as(ROWS)
            $(.bind($value))*
            .bind(part.before)
            .bind(i64::from(part.limit))
            .bind(part.offset)
            .fetch_all(conn)
            .await)?;
        let total: i64 = $crate::db::on_db!($tx, |conn| sqlx::query_scalar(TOTAL)
            $(.bind($value))*
            .bind($crate::domain::limits::LIST_TOTAL_MAX)
            .fetch_one(conn)
            .await)?;
        (rows, total)
    }};
    (
        $tx:expr,
        select: $columns:expr,
        from: $from:expr,
        where: $condition:expr,
        order: $order:expr,
        bind: [$($value:expr),* $(,)?],
        page: ($limit:expr, $offset:expr) $(,)?
    ) => {{
        const ROWS: &str = concat!(
            "select ", $columns, " from ", $from, " where ", $condition, " order by ", $order,
            $crate::db::page::paged!(@limit [1 2 3 4 5 6 7 8 9 10 11 12] $($value,)*)
        );
        const TOTAL: &str = $crate::db::page::paged!(@total $from, $condition, $($value,)*);
        let rows = $crate::db::on_db!(&mut *$tx, |conn| sqlx::query_as(ROWS)
            $(.bind($value))*
            .bind(i64::from($limit))
            .bind($offset)
            .fetch_all(conn)
            .await)?;
        let total: i64 = $crate::db::on_db!($tx, |conn| sqlx::query_scalar(TOTAL)
            $(.bind($value))*
            .bind($crate::domain::limits::LIST_TOTAL_MAX)
            .fetch_one(conn)
            .await)?;
        (rows, total)
    }};
    (@total $from:expr, $condition:expr, $($value:expr,)*) => {
        concat!(
            "select count(*) from (select 1 from ", $from, " where ", $condition,
            $crate::db::page::paged!(@most [1 2 3 4 5 6 7 8 9 10 11 12] $($value,)*), ") as counted"
        )
    };
    (@most [$taken:literal $($free:literal)+] $value:expr, $($more:expr,)*) => {
        $crate::db::page::paged!(@most [$($free)+] $($more,)*)
    };
    (@most [$most:literal $($free:literal)*]) => {
        concat!(" limit $", $most)
    };
    // Each drops a number for each value that is bound: the first ones that are left are free.
    (@behind $key:expr, [$taken:literal $($free:literal)+] $value:expr, $($more:expr,)*) => {
        $crate::db::page::paged!(@behind $key, [$($free)+] $($more,)*)
    };
    (@behind $key:expr, [$before:literal $limit:literal $offset:literal $($free:literal)*]) => {
        concat!(
            " and (cast($", $before, " as text) is null or ", $key, " < $", $before, ") order by ", $key,
            " desc limit $", $limit, " offset $", $offset
        )
    };
    (@limit [$taken:literal $($free:literal)+] $value:expr, $($more:expr,)*) => {
        $crate::db::page::paged!(@limit [$($free)+] $($more,)*)
    };
    (@limit [$limit:literal $offset:literal $($free:literal)*]) => {
        concat!(" limit $", $limit, " offset $", $offset)
    };
}
pub(super) use paged;

#[cfg(test)]
mod tests {
    use crate::{
        db::{Tx, testing::TestFile},
        domain::limits::LIST_TOTAL_MAX,
        error::Result,
    };

    /// The newest number of a list of as many, and how many are counted.
    async fn numbers(tx: &mut Tx, count: i64) -> Result<(Vec<(i64,)>, i64)> {
        Ok(paged!(
            tx,
            select: "n",
            from: "(with recursive number (n) as (select 1 union all select n + 1 from number where n < 200000)
                    select n from number) as numbers",
            where: "n <= $1",
            order: "n desc",
            bind: [count],
            page: (1_u32, 0_i64),
        ))
    }

    #[tokio::test]
    async fn list_total_max() {
        let test = TestFile::create("list_total_max").await;
        let mut tx = test.db.read().await.expect("a connection is free");
        for count in [1, LIST_TOTAL_MAX, LIST_TOTAL_MAX + 1] {
            let (rows, total) = numbers(&mut tx, count).await.expect("it is read");
            assert_eq!((rows[0].0, total), (count, count.min(LIST_TOTAL_MAX)));
        }
        drop(tx);
        test.db.close().await;
    }
}
