//! Converts between stored values and those of the domain.

use crate::{
    domain::time::Time,
    error::{Code, Error, Result},
};

/// Gives a value that was read from a row, or an error that names column and row: `None` means that the
/// stored value breaks a rule of the domain.
pub(super) fn sound<T>(value: Option<T>, table: &str, column: &str, row: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::new(Code::InternalError, "stored data breaks a rule; the log names it")
            .caused_by(format!("database inconsistency in {table}.{column} of {row}"))
    })
}

/// Reads a stored time.
pub(super) fn time(milliseconds: i64) -> Time {
    Time::from_millis(milliseconds)
}

/// Reads a stored time that may be absent.
pub(super) fn time_opt(milliseconds: Option<i64>) -> Option<Time> {
    milliseconds.map(Time::from_millis)
}

/// Writes a time for storage.
pub(super) fn millis(time: Option<Time>) -> Option<i64> {
    time.map(Time::as_millis)
}

/// Writes many rows as one JSON parameter.
pub(super) fn rows<T: serde::Serialize>(rows: &[T]) -> Result<String> {
    serde_json::to_string(rows).map_err(Error::internal)
}
