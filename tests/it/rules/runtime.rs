//! Only `host/src/runtime` knows wasmtime, and it knows nothing of the layers above.

use std::fs;

use super::fixtures::sources;
use crate::support::fixtures::root;

/// The lines of a file that are code.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[test]
fn only_the_runtime_mentions_wasmtime() {
    let host = root().join("host/src");
    let runtime = host.join("runtime");
    for path in sources(&host).into_iter().filter(|path| !path.starts_with(&runtime)) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let found = code(&text).find(|line| line.contains("wasmtime"));
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn the_runtime_uses_domain_and_error_only() {
    for path in sources(&root().join("host/src/runtime")) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for layer in ["clock", "db", "service", "http", "worker", "app", "cli", "config"] {
            let found = code(&text).find(|line| line.contains(&format!("crate::{layer}::")));
            assert_eq!(found, None, "{}", path.display());
        }
    }
}
