//! Every fixture in `guests/fixtures` is loaded by a test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::fixtures::{fixtures, root};

#[test]
fn every_fixture_has_a_test() {
    let tests: String =
        sources(&root().join("tests/it")).iter().map(|path| fs::read_to_string(path).expect("UTF-8")).collect();
    for fixture in fixtures() {
        assert!(tests.contains(&format!("\"{fixture}\"")), "no test loads the fixture {fixture}");
    }
}

/// The Rust files below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
