//! Reads the sources of the host's crates: which file uses which, and which words it names.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::fixtures::sources;
use crate::support::fixtures::root;

/// The crates of the host, each with the folder of its sources.
pub(super) const CRATES: [(&str, &str); 4] = [
    ("weir", "host/src"),
    ("weir_schema", "host/crates/schema/src"),
    ("weir_runtime", "host/crates/runtime/src"),
    ("weir_bench", "host/crates/bench/src"),
];

/// A file of a crate.
pub(super) struct Source {
    /// Its path below the crate's `src`.
    pub(super) path: String,
    /// The text without comments, texts in quotes, and items that are compiled for tests only.
    code: String,
}

/// The files of `host/src`, except those that are tests from the first line.
pub(super) fn host_sources() -> Vec<Source> {
    crate_sources("host/src")
}

/// The files of a crate, except those that are tests from the first line.
pub(super) fn crate_sources(folder: &str) -> Vec<Source> {
    let folder = root().join(folder);
    let source = |path: PathBuf| Source {
        path: path.strip_prefix(&folder).expect("below the folder").to_str().expect("UTF-8").to_owned(),
        code: code_of(&fs::read_to_string(&path).expect("sources are UTF-8")),
    };
    let is_test = |source: &Source| source.path.ends_with("tests.rs") || source.path.contains("tests/");
    sources(&folder).into_iter().map(source).filter(|source| !is_test(source)).collect()
}

impl Source {
    /// The module right below the crate that the file belongs to.
    pub(super) fn module(&self) -> &str {
        let first = self.path.split('/').next().expect("a path has a part");
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The code of the file.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Whether the code names this, as a whole word.
    pub(super) fn names(&self, word: &str) -> bool {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let code = &self.code;
        code.match_indices(word)
            .any(|(at, _)| !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next()))
    }

    /// The module that the file is: `worker::routing` for `worker/routing/mod.rs`, empty for `lib.rs`.
    pub(super) fn module_path(&self) -> Vec<String> {
        let path = self.path.strip_suffix(".rs").expect("a source");
        let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            parts.pop();
        }
        parts
    }

    /// The modules right below the crate that the code uses.
    pub(super) fn uses(&self) -> Vec<String> {
        let mut used: Vec<String> = self.used_paths().into_iter().filter_map(|path| path.into_iter().next()).collect();
        used.sort();
        used.dedup();
        used
    }

    /// The paths below the crate that the code uses, in `use` items and anywhere else.
    pub(super) fn used_paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for start in ["crate", "super", "self"] {
            for (at, _) in self.code.match_indices(&format!("{start}::")) {
                let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$';
                if !self.code[..at].ends_with(is_part) {
                    expand(&self.code[at..], Vec::new(), &mut found);
                }
            }
        }
        // A `use` of a child begins with the child's name.
        for (at, _) in self.code.match_indices("use ") {
            let path = &self.code[at + 4..];
            if !["crate::", "super::", "self::"].iter().any(|start| path.starts_with(start)) {
                let mut below = Vec::new();
                expand(path, vec!["self".to_owned()], &mut below);
                found.extend(below);
            }
        }
        found.into_iter().filter_map(|path| self.absolute(path)).collect()
    }

    /// A path from the crate's root; `None` when it leads out of the crate.
    fn absolute(&self, path: Vec<String>) -> Option<Vec<String>> {
        let mut parts = path.into_iter().peekable();
        let mut absolute = match parts.next()?.as_str() {
            "crate" => Vec::new(),
            "self" => self.module_path(),
            "super" => {
                let mut parent = self.module_path();
                parent.pop()?;
                while parts.next_if(|part| part == "super").is_some() {
                    parent.pop()?;
                }
                parent
            }
            _ => return None,
        };
        absolute.extend(parts);
        Some(absolute)
    }

    /// The names that the file gives to items of others: `pub use claim::{Claimed, claim_due}`.
    pub(super) fn exports(&self) -> BTreeMap<String, Vec<String>> {
        let mut exports = BTreeMap::new();
        for (at, found) in self.code.match_indices("pub") {
            let rest = self.code[at + found.len()..].trim_start();
            let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
            let Some(path) = rest.trim_start().strip_prefix("use ") else { continue };
            let mut below = Vec::new();
            let start = if path.starts_with("crate::") || path.starts_with("super::") {
                vec![]
            } else {
                vec!["self".to_owned()]
            };
            expand(path, start, &mut below);
            for path in below.into_iter().filter_map(|path| self.absolute(path)) {
                if let Some(name) = path.last() {
                    exports.insert(name.clone(), path.clone());
                }
            }
        }
        exports
    }
}

/// Takes a path with groups apart: of `a::{b, c::d}` these are `a::b` and `a::c::d`.
fn expand(text: &str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut rest = text.trim_start();
    loop {
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rest = &rest[word.len()..];
        if !word.is_empty() && word != "self" || path.is_empty() {
            path.push(word);
        }
        let Some(after) = rest.strip_prefix("::") else { break };
        rest = after.trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            return members(group).into_iter().for_each(|member| expand(member, path.clone(), found));
        }
    }
    found.push(path);
}

/// The members of a group: of `a::{b, c}, d}` these are `a::{b, c}` and `d`.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(group[from..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(group[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|member| !member.is_empty());
    found
}

/// The code of a file: without comments and texts, and without items that only tests have, wherever in
/// the file they stand.
fn code_of(text: &str) -> String {
    without_test_items(&without_comments_and_texts(text))
}

fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if is_raw_text(code.chars().next_back(), rest) => raw_text_length(rest),
            '"' => text_length(rest),
            '\'' if is_character(rest) => character_length(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            // An empty text keeps the shape of calls and attributes.
            code.push_str(if c == '/' { "" } else { "\"\"" });
            rest = &rest[skipped..];
        }
    }
    code
}

fn is_raw_text(before: Option<char>, rest: &str) -> bool {
    let is_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !is_word && rest[1..].trim_start_matches('#').starts_with('"')
}

fn raw_text_length(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    let begin = 2 + hashes;
    let end = format!("\"{}", "#".repeat(hashes));
    rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len())
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut characters = rest.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

fn character_length(rest: &str) -> usize {
    let from = if rest[1..].starts_with('\\') { 3 } else { 2 };
    rest[from..].find('\'').map_or(rest.len(), |at| from + at + 1)
}

fn without_test_items(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[item_length(rest)..];
    }
    kept.push_str(rest);
    kept
}

/// The length of the item at the beginning, with its attributes: it ends with its first block, or with
/// a semicolon or comma outside of any bracket.
fn item_length(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
                if depth < 0 {
                    return at;
                }
            }
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn paths_with_groups_are_taken_apart() {
    let mut found = Vec::new();
    expand("crate::{db::{self, x::{a, b}}, fail}; more::than, this}", Vec::new(), &mut found);
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::db", "crate::db::x::a", "crate::db::x::b", "crate::fail"]);
}

#[test]
fn test_items_are_left_out_wherever_they_stand() {
    let text = r##"
        use a::b; // use crate::comment;
        #[cfg(test)]
        mod tests;
        const QUOTED: &str = "use crate::text; {";
        const RAW: &str = r#"use crate::raw; "{"#;
        const BRACE: char = '{';
        impl<'a> Kept<'a> {
            #[cfg(test)]
            fn only_for_tests(&self) -> [u8; 2] { crate::hidden::call() }
            fn kept(&self) { crate::seen::call() }
        }
        #[cfg(test)]
        mod more { use crate::hidden; fn x() { {} } }
        use crate::last;
    "##;
    let source = Source { path: "x.rs".to_owned(), code: code_of(text) };
    assert_eq!(source.uses(), ["last", "seen", "x"]);
}
