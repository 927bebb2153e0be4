//! Only the crate `weir-runtime` knows wasmtime, and it knows nothing of the host.

use std::fs;

use crate::support::fixtures::root;

/// The names of the crates that a manifest in `host` depends on.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("host").join(manifest)).expect("UTF-8");
    let mut is_within = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            is_within = line.contains("dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| is_within) {
            found.push(name.trim().split('.').next().expect("a split has a part").to_owned());
        }
    }
    found
}

/// The manifests of all crates of the workspace, as paths below `host`.
fn manifests() -> Vec<String> {
    let crates = fs::read_dir(root().join("host/crates")).expect("the folder is there");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
    let crates = crates.map(|entry| format!("crates/{}/Cargo.toml", name(entry.expect("readable"))));
    crates.chain(["Cargo.toml".to_owned()]).collect()
}

#[test]
fn only_the_runtime_depends_on_wasmtime() {
    for manifest in manifests() {
        let is_runtime = manifest == "crates/runtime/Cargo.toml";
        let uses_wasmtime = dependencies(&manifest).iter().any(|name| name.starts_with("wasmtime"));
        assert_eq!(uses_wasmtime, is_runtime, "{manifest}");
    }
}

#[test]
fn the_runtime_depends_on_no_other_crate_of_the_workspace() {
    let dependencies = dependencies("crates/runtime/Cargo.toml");
    let ours: Vec<_> = dependencies.iter().filter(|name| name.starts_with("weir")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
