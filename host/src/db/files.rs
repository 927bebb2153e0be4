//! The files of an SQLite database, which only the user that the host runs as may read: payloads of all
//! organizations are in them.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use crate::{error::Result, fail};

/// Read and written by their owner.
const PRIVATE: u32 = 0o600;
/// What SQLite adds to the name of a database for the files beside it.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Opens a file to write, and makes it one of the host's own, however its folder is.
pub fn open_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(PRIVATE).open(path)?;
    // The mode of a file that was there already stays, and the mask of the process takes from it at most.
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

/// Makes the files of a database the host's own. SQLite gives the files beside it the mode of the database,
/// which is therefore made before SQLite makes it.
pub(super) fn keep_private(database: &Path) -> Result<()> {
    let failed = |cause: io::Error| {
        fail!(Unavailable, "{} cannot be kept from other users", database.display()).caused_by(cause)
    };
    open_private(database).map_err(failed)?;
    for suffix in BESIDE {
        let mut name = OsString::from(database);
        name.push(suffix);
        match fs::set_permissions(&name, Permissions::from_mode(PRIVATE)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
            _ => {}
        }
    }
    Ok(())
}
