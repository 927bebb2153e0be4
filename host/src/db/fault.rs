//! Tells failures of the database that pass from bugs of the host.

use sqlx::error::{DatabaseError, ErrorKind};

use crate::error::{Code, Error};

/// SQLite's primary result codes for trouble outside of the statement: busy, locked, read-only, interrupted because
/// it took too long, input/output error, full, cannot open, protocol.
const SQLITE_UNAVAILABLE: [i32; 8] = [5, 6, 8, 9, 10, 13, 14, 15];
/// PostgreSQL's classes of states for the same: connection, authorization, no such database, insufficient
/// resources, operator intervention (a statement that took too long among them), system error; and single
/// states: not accepting connections, read-only, ended for idling in a transaction, lock not available,
/// serialization, deadlock.
const POSTGRES_UNAVAILABLE: [&str; 12] =
    ["08", "28", "3D", "53", "55000", "57", "58", "25006", "25P03", "55P03", "40001", "40P01"];

/// SQLite's code and PostgreSQL's for a statement that was ended for the time that it took.
const TOOK_TOO_LONG: [&str; 2] = ["9", "57014"];

/// Turns a failure of the database into an error: one that passes is `unavailable`, every other one is a
/// bug of the host.
pub fn from_sqlx(cause: sqlx::Error) -> Error {
    if took_too_long(&cause) {
        return Error::new(
            Code::Unavailable,
            "the database took too long; ask for less, such as a shorter span of time",
        )
        .retry_after(1)
        .caused_by(cause);
    }
    if is_unavailable(&cause) {
        return Error::new(Code::Unavailable, "the database is locked, full or gone; nothing was accepted")
            .retry_after(1)
            .caused_by(cause);
    }
    Error::internal(cause)
}

/// Whether the statement failed because a row with the same unique value exists.
pub fn is_unique_violation(error: &Error) -> bool {
    let database =
        error.cause().and_then(|cause| cause.downcast_ref::<sqlx::Error>()).and_then(sqlx::Error::as_database_error);
    database.is_some_and(|database| database.kind() == ErrorKind::UniqueViolation)
}

/// Whether a statement was ended for the time that it took.
fn took_too_long(cause: &sqlx::Error) -> bool {
    let code = cause.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| TOOK_TOO_LONG.contains(&&*code))
}

fn is_unavailable(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| is_unavailable_code(&code)),
        _ => false,
    }
}

fn is_unavailable_code(code: &str) -> bool {
    match code.parse::<i32>() {
        // SQLite reports extended codes; the primary code is in the low byte. PostgreSQL's states
        // have five characters, so no all-digit state can be taken for one.
        Ok(number) if code.len() != 5 => SQLITE_UNAVAILABLE.contains(&(number & 0xff)),
        _ => POSTGRES_UNAVAILABLE.iter().any(|prefix| code.starts_with(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_unavailable_code;

    #[test]
    fn trouble_that_passes_is_told_from_bugs() {
        // busy, busy snapshot, interrupted, full, disk I/O error on fsync; connection lost, disk full, shutdown,
        // serialization, no connections taken, no such database, too slow, idle
        for code in
            ["5", "517", "9", "13", "1034", "08006", "53100", "57P01", "40001", "55000", "3D000", "57014", "25P03"]
        {
            assert!(is_unavailable_code(code), "{code}");
        }
        // unique violation, SQL error; unique violation, undefined column
        for code in ["2067", "1555", "1", "23505", "42703"] {
            assert!(!is_unavailable_code(code), "{code}");
        }
    }
}
