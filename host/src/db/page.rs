//! Lists in pages: the rows of one page, and how many rows the whole list has.

/// Reads one page of a list and counts the list: gives `(Vec<Row>, i64)`, or leaves the function with
/// the error.
///
/// Both statements share `from`, `where` and what is bound to `$1`, `$2`, … in this order; limit and
/// offset take the two numbers after that. `join` is for what only the rows need.
macro_rules! paged {
    (
        $tx:expr,
        select: $columns:expr,
        from: $from:expr,
        $(join: $join:expr,)?
        where: $condition:expr,
        order: $order:expr,
        bind: [$($value:expr),* $(,)?],
        page: ($limit:expr, $offset:expr) $(,)?
    ) => {{
        const ROWS: &str = concat!(
            "select ", $columns, " from ", $from, $(" ", $join,)? " where ", $condition, " order by ", $order,
            $crate::db::page::paged!(@limit [1 2 3 4 5 6 7 8 9 10 11 12] $($value,)*)
        );
        const TOTAL: &str = concat!("select count(*) from ", $from, " where ", $condition);
        let rows = $crate::db::on_db!(&mut *$tx, |conn| sqlx::query_as(ROWS)
            $(.bind($value))*
            .bind(i64::from($limit))
            .bind($offset)
            .fetch_all(conn)
            .await)?;
        let total: i64 =
            $crate::db::on_db!($tx, |conn| sqlx::query_scalar(TOTAL)$(.bind($value))*.fetch_one(conn).await)?;
        (rows, total)
    }};
    // Drops a number for each value that is bound: the first two that are left are free.
    (@limit [$taken:literal $($free:literal)+] $value:expr, $($more:expr,)*) => {
        $crate::db::page::paged!(@limit [$($free)+] $($more,)*)
    };
    (@limit [$limit:literal $offset:literal $($free:literal)*]) => {
        concat!(" limit $", $limit, " offset $", $offset)
    };
}
pub(super) use paged;
