//! Documents that are made from the code.

use std::{env, fs};

use crate::support::fixtures::root;

/// Compares a document with what the code says; `UPDATE_DOCS=1` writes it instead.
pub(super) fn up_to_date(path: &str, expected: &str) {
    let file = root().join(path);
    if env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::create_dir_all(file.parent().expect("documents are in a folder")).expect("the folder can be made");
        fs::write(&file, expected).expect("the document can be written");
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    if found == expected {
        return;
    }
    let only_in = |one: &str, other: &str, sign: char| -> String {
        let lines = one.lines().filter(|line| !other.lines().any(|same| same == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<Vec<_>>().concat()
    };
    let difference = only_in(&found, expected, '-') + &only_in(expected, &found, '+');
    panic!("{path} is out of date; UPDATE_DOCS=1 writes it anew:\n{difference}");
}
