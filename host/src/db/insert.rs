//! Inserting many rows with one statement, whose one parameter is a JSON array of them.

use serde::Serialize;

use super::{Dialects, Tx, codec, on_db};
use crate::error::Result;

/// Rows of one statement: its parameter stays below a megabyte or so, however many rows there are.
const ROWS_PER_STATEMENT_MAX: usize = 2_000;

/// A row that can be inserted together with others like it; `insertable!` implements it.
pub(super) trait Insertable: Serialize {
    /// The statement. Its parameter is a JSON array of rows.
    const INSERT: Dialects;
}

/// Inserts rows and gives the number of those that are in: a statement may leave some out.
pub(super) async fn insert<R: Insertable>(tx: &mut Tx, rows: &[R]) -> Result<u64> {
    let mut inserted = 0;
    for some in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let (sql, some) = (R::INSERT.pick(tx), codec::rows(some)?);
        inserted += on_db!(&mut *tx, |conn| {
            sqlx::query(sql).bind(&some).execute(conn).await.map(|done| done.rows_affected())
        })?;
    }
    Ok(inserted)
}

/// Declares a struct whose fields are the columns that it fills in a table, and makes it
/// [`Insertable`].
///
/// A row travels as an array, so that names are not repeated for each one; the macro numbers the
/// columns, and nothing else has to know their order. `as` names the SQL type of what is no text.
/// After the columns comes the rest of the statement, which may name them as `new.column`: `where true`,
/// at least, without which SQLite takes `on conflict` for a join.
macro_rules! insertable {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident$(<$life:lifetime>)? into $table:literal {
            $($column:ident: $type:ty $(as $cast:ident)?,)+
        }
        $rest:literal
    ) => {
        $(#[$meta])*
        $vis struct $name$(<$life>)? {
            $($vis $column: $type,)+
        }

        impl$(<$life>)? serde::Serialize for $name$(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeSeq as _;
                let mut row = serializer.serialize_seq(None)?;
                $(row.serialize_element(&self.$column)?;)+
                row.end()
            }
        }

        impl$(<$life>)? $crate::db::insert::Insertable for $name$(<$life>)? {
            const INSERT: $crate::db::Dialects = $crate::db::insert::insertable!(
                @statement $table, $rest, [] []
                [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23]
                $($column [$($cast)?])+
            );
        }
    };
    // Takes one column and its number at a time, and collects the texts of both lists.
    (
        @statement $table:literal, $rest:literal, [$($names:expr,)*] [$($items:expr,)*]
        [$number:literal $($numbers:literal)*] $column:ident [$($cast:ident)?] $($more:tt)+
    ) => {
        $crate::db::insert::insertable!(
            @statement $table, $rest,
            [$($names,)* stringify!($column), ", ",]
            [$($items,)* $crate::db::insert::insertable!(@item $number $column $($cast)?), ", ",]
            [$($numbers)*] $($more)+
        )
    };
    (
        @statement $table:literal, $rest:literal, [$($names:expr,)*] [$($items:expr,)*]
        [$number:literal $($numbers:literal)*] $column:ident [$($cast:ident)?]
    ) => {
        $crate::db::over_rows!(
            concat!(
                "insert into ", $table, " (", $($names,)* stringify!($column), ") select new.* from (select ",
                $($items,)* $crate::db::insert::insertable!(@item $number $column $($cast)?), " from"
            ),
            concat!(") as new ", $rest)
        )
    };
    (@item $number:literal $column:ident) => {
        concat!("item.value ->> ", $number, " as ", stringify!($column))
    };
    (@item $number:literal $column:ident $cast:ident) => {
        concat!("cast(item.value ->> ", $number, " as ", stringify!($cast), ") as ", stringify!($column))
    };
}
pub(super) use insertable;

#[cfg(test)]
mod tests {
    use super::*;

    insertable! {
        struct Row<'a> into "place" {
            name: &'a str,
            height: Option<i64> as bigint,
            is_known: bool as boolean,
        }
        "where new.height > 0"
    }

    #[test]
    fn each_column_is_read_from_its_place_in_the_array() {
        let row = Row { name: "Lagos", height: Some(41), is_known: true };
        assert_eq!(serde_json::to_string(&row).expect("JSON"), r#"["Lagos",41,true]"#);
        assert_eq!(
            Row::INSERT.sqlite,
            "insert into place (name, height, is_known) select new.* from (select item.value ->> 0 as name, \
             cast(item.value ->> 1 as bigint) as height, cast(item.value ->> 2 as boolean) as is_known \
             from jsonb_each($1) as item ) as new where new.height > 0"
        );
    }
}
