//! An empty SQLite database for the tests of `db`.

use std::{env, fs, path::PathBuf, process};

use super::{Db, Location};

/// A database in a folder that is removed when this is dropped.
pub(super) struct TestFile {
    pub(super) db: Db,
    folder: PathBuf,
}

impl TestFile {
    /// A database without tables. Its name is that of the test.
    pub(super) async fn create(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("weir-db-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let db = Db::connect(&Location::Sqlite(folder.join("weir.db"))).await.expect("the file can be made");
        Self { db, folder }
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).expect("the folder is there");
    }
}
