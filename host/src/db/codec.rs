//! From stored values to the domain's, complaining about those that break a rule.

use crate::{
    domain::time::Time,
    error::{Code, Error, Result},
};

/// Reads a stored word or number; `None` means that the row breaks a rule of the domain.
pub(super) fn sound<T>(value: Option<T>, table: &str, column: &str, row: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::new(Code::InternalError, "stored data breaks a rule; the log names it")
            .caused_by(format!("database inconsistency in {table}.{column} of {row}"))
    })
}

/// A stored time.
pub(super) fn time(milliseconds: i64) -> Time {
    Time::from_millis(milliseconds)
}

/// A stored time that may be absent.
pub(super) fn time_opt(milliseconds: Option<i64>) -> Option<Time> {
    milliseconds.map(Time::from_millis)
}

/// A time as it is stored.
pub(super) fn millis(time: Option<Time>) -> Option<i64> {
    time.map(Time::as_millis)
}

/// A batch of rows as the one JSON parameter in which it travels.
pub(super) fn rows<T: serde::Serialize>(rows: &[T]) -> Result<String> {
    serde_json::to_string(rows).map_err(Error::internal)
}
