//! Lists in pages: the rows of one page, and how many rows the whole list has.

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

/// Reads one page of a list and counts the list: gives `(Vec<Row>, i64)`, or leaves the function with
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
        const TOTAL: &str = concat!("select count(*) from ", $from, " where ", $condition);
        let part: $crate::db::Part<'_> = $part;
        let rows = $crate::db::on_db!(&mut *$tx, |conn| sqlx::query_as(ROWS)
            $(.bind($value))*
            .bind(part.before)
            .bind(i64::from(part.limit))
            .bind(part.offset)
            .fetch_all(conn)
            .await)?;
        let total: i64 =
            $crate::db::on_db!($tx, |conn| sqlx::query_scalar(TOTAL)$(.bind($value))*.fetch_one(conn).await)?;
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
