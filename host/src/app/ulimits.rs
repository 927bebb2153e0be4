//! Limits that the system sets the process, and what to say when they are tight: what fails because of them says
//! something else.

use rlimit::{INFINITY, Resource};

use crate::error::{Error, Result};

/// Open files beside deliveries and connections of callers: those of the database, idle
/// connections to endpoints, and files.
const OPEN_FILES_BESIDE: usize = 1_024;

/// Raises the number of files that the process may open, because each connection is one. Common systems
/// allow a thousand at first, and more on demand. Gives the hints for an operator who allows too little.
pub(super) fn raise(connections: usize) -> Vec<String> {
    let wanted = u64::try_from(connections + OPEN_FILES_BESIDE).unwrap_or(u64::MAX);
    let hints: Vec<String> = [open_files(wanted), address_space()].into_iter().flatten().collect();
    for hint in &hints {
        tracing::warn!("{hint}");
    }
    hints
}

/// Adds the hints to the failure of a start, which may be their consequence.
pub(super) fn explain<T>(started: Result<T>, hints: &[String]) -> Result<T> {
    started.map_err(|error| {
        if hints.is_empty() {
            return error;
        }
        let message = error.message();
        let sentence = message.split_once(": ").map_or(message.as_str(), |(_, sentence)| sentence);
        let code = error.code();
        Error::new(code, format!("{sentence} ({})", hints.join("; "))).caused_by(error)
    })
}

fn open_files(wanted: u64) -> Option<String> {
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed >= wanted => None,
        Ok(allowed) => Some(format!(
            "the system allows this process {allowed} open files, and it may want {wanted}: raise `ulimit -n`"
        )),
        Err(cause) => Some(format!("the number of open files could not be raised: {cause}")),
    }
}

fn address_space() -> Option<String> {
    let (allowed, _) = Resource::AS.get().ok()?;
    (allowed != INFINITY).then(|| {
        let mebibytes = allowed >> 20;
        format!(
            "the system allows this process {mebibytes} MiB of addresses, and components want many GiB of them, \
             whatever memory they use: set `ulimit -v` to unlimited"
        )
    })
}
