//! Reading the host's own sources.

use std::{fs, path::PathBuf};

use super::fixtures::sources;
use crate::support::fixtures::root;

/// A file of `host/src`.
pub(super) struct Source {
    /// Its path below `host/src`.
    pub(super) path: String,
    text: String,
}

/// All files of `host/src`, except those that are tests from the first line.
pub(super) fn host_sources() -> Vec<Source> {
    let folder = root().join("host/src");
    let source = |path: PathBuf| Source {
        path: path.strip_prefix(&folder).expect("below the folder").to_str().expect("UTF-8").to_owned(),
        text: fs::read_to_string(&path).expect("sources are UTF-8"),
    };
    let is_test = |source: &Source| source.path.ends_with("tests.rs") || source.path.contains("/tests/");
    sources(&folder).into_iter().map(source).filter(|source| !is_test(source)).collect()
}

impl Source {
    /// The module right below the crate that the file belongs to.
    pub(super) fn module(&self) -> &str {
        let first = self.path.split('/').next().expect("a path has a part");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The lines without comments, up to the tests at the end.
    pub(super) fn code(&self) -> String {
        let lines = self.text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        lines.filter(|line| !line.trim_start().starts_with("//")).fold(String::new(), |text, line| text + line + "\n")
    }

    /// Whether the code names this, as a whole word.
    pub(super) fn names(&self, word: &str) -> bool {
        let code = self.code();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        code.match_indices(word)
            .any(|(at, _)| !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next()))
    }

    /// The modules right below the crate that the code uses: `crate::db::…`, `crate::{db, …}`.
    pub(super) fn uses(&self) -> Vec<String> {
        let code = self.code();
        let mut used: Vec<String> = Vec::new();
        for (at, found) in code.match_indices("crate::") {
            let rest = &code[at + found.len()..];
            match rest.strip_prefix('{') {
                Some(group) => used.extend(members(group)),
                None => used.push(first_word(rest)),
            }
        }
        used.sort();
        used.dedup();
        used
    }
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first words of a group's members: of `a::{b, c}, d}` these are `a` and `d`.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut found = vec![first_word(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(first_word(&group[at + 1..])),
            _ => {}
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

#[test]
fn groups_of_a_use_are_taken_apart() {
    assert_eq!(members("db::{self, x::{a, b}}, domain::time::Time, fail, }; more, "), ["db", "domain", "fail"]);
}
