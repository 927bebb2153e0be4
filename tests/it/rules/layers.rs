//! The layers of the host: which module may use which, which module may name which crate, and that no
//! modules use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{CRATES, Source, crate_sources, host_sources};

/// Each module with the modules that it may use, beside itself and `error`. A module stands below those
/// that it uses.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("domain", &[]),
    ("clock", &["domain"]),
    ("sync", &["domain"]),
    ("db", &["domain"]),
    ("outbound", &["domain"]),
    ("keyring", &["domain", "clock", "db"]),
    ("memory", &["domain", "clock", "sync", "db", "keyring"]),
    ("ledger", &["domain", "db"]),
    ("pipeline", &["domain", "sync", "outbound"]),
    ("service", &["domain", "clock", "sync", "db", "outbound", "keyring", "memory", "ledger", "pipeline"]),
    ("http", &["domain", "clock", "db", "service"]),
    ("worker", &["domain", "clock", "sync", "db", "memory", "ledger", "pipeline", "service"]),
    (
        "app",
        &[
            "domain", "clock", "sync", "db", "outbound", "keyring", "memory", "ledger", "pipeline", "service", "http",
            "worker",
        ],
    ),
    ("config", &["domain", "db", "app"]),
    ("telemetry", &["config"]),
    ("cli", &["domain", "clock", "db", "service", "app", "config", "telemetry"]),
    ("lib", &[]),
    ("main", &[]),
];

/// Each crate with the modules, or files, that alone may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["db/"]),
    ("wasmtime", &[]),
    ("wasmtime_wasi", &[]),
    ("weir_runtime", &["domain/", "db/", "pipeline/", "service/", "app.rs"]),
    ("axum", &["http/", "cli/dev/receiver.rs"]),
    ("reqwest", &["outbound/", "cli/admin.rs"]),
    ("clap", &["config.rs", "main.rs"]),
    ("jsonschema", &[]),
    ("jsonschema_regex", &[]),
    ("regex_automata", &[]),
    ("rand", &["clock.rs"]),
    ("tracing_subscriber", &["telemetry.rs"]),
];

/// Words that have no place in the domain, which computes, and neither waits nor talks.
const NOT_IN_DOMAIN: &[&str] = &["async", "await", "tokio", "sqlx", "axum", "reqwest", "hyper", "wasmtime", "tracing"];

#[test]
fn modules_use_only_what_lies_below_them() {
    for source in host_sources() {
        let module = source.module();
        let row = LAYERS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{module} has no row in LAYERS"));
        for used in source.uses().iter().filter(|used| LAYERS.iter().any(|(name, _)| name == used)) {
            let is_legal = [module, "error"].contains(&used.as_str()) || allowed.contains(&used.as_str());
            assert!(
                is_legal || ["lib", "main"].contains(&module),
                "{} uses {used}, which {module} may not",
                source.path
            );
        }
    }
}

#[test]
fn each_layer_lies_above_what_it_uses() {
    for (position, (module, allowed)) in LAYERS.iter().enumerate() {
        for used in *allowed {
            let below = LAYERS.iter().position(|(name, _)| name == used);
            assert!(below.is_some_and(|below| below < position), "{module} and {used} are out of order");
        }
    }
}

#[test]
fn crates_stay_in_their_modules() {
    for source in host_sources() {
        for (name, homes) in HOMES {
            let is_home = homes.iter().any(|home| source.path.starts_with(home));
            assert!(is_home || !source.names(name), "{} names {name}", source.path);
        }
    }
}

#[test]
fn domain_and_database_know_of_components_nothing_but_their_digests() {
    for source in host_sources().iter().filter(|source| ["domain", "db"].contains(&source.module())) {
        let names = source.code().matches("weir_runtime").count();
        assert_eq!(
            names,
            source.code().matches("weir_runtime::Digest").count(),
            "{} names more of the runtime than digests",
            source.path
        );
    }
}

#[test]
fn the_domain_neither_waits_nor_talks() {
    for source in host_sources().iter().filter(|source| source.module() == "domain") {
        for word in NOT_IN_DOMAIN {
            assert!(!source.names(word), "{} names {word}", source.path);
        }
    }
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    for (_, folder) in CRATES {
        for source in crate_sources(folder) {
            assert!(!source.code().contains(".unwrap()"), "{} unwraps", source.path);
        }
    }
}

/// A file and its folder's `mod.rs` may know each other, as in any folder; all others may not, however
/// long the way round.
#[test]
fn no_modules_use_each_other_in_a_circle() {
    for (name, folder) in CRATES {
        let circles = circles(&graph(&crate_sources(folder)));
        assert!(circles.is_empty(), "{name} has circles:\n{}", circles.join("\n"));
    }
}

type Path = Vec<String>;

/// For each module the modules that it uses, itself, its ancestors and its descendants aside.
fn graph(sources: &[Source]) -> BTreeMap<Path, BTreeSet<Path>> {
    let modules: BTreeMap<Path, &Source> = sources.iter().map(|source| (source.module_path(), source)).collect();
    let exports: BTreeMap<&Path, BTreeMap<String, Path>> =
        modules.iter().map(|(path, source)| (path, source.exports())).collect();
    let uses = |path: &Path, source: &Source| {
        let used = source.used_paths().into_iter().filter_map(|used| home_of(&used, &exports, 0));
        used.filter(|used| !used.starts_with(path) && !path.starts_with(used)).collect()
    };
    modules.iter().map(|(path, source)| (path.clone(), uses(path, source))).collect()
}

/// The module that an item stands in: the longest beginning of its path that is a module, or where that
/// module has the item from.
fn home_of(used: &Path, exports: &BTreeMap<&Path, BTreeMap<String, Path>>, hops: usize) -> Option<Path> {
    let length = (0..=used.len()).rev().find(|length| exports.contains_key(&used[..*length].to_vec()))?;
    let (module, rest) = used.split_at(length);
    let module = module.to_vec();
    match rest.first().and_then(|item| exports[&module].get(item)) {
        // Each hop follows a `pub use`; a few lead from any facade to the item.
        Some(from) if hops < 8 && *from != *used => home_of(from, exports, hops + 1).or(Some(module)),
        _ => Some(module),
    }
}

/// The circles, each as the modules on it.
fn circles(graph: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<String> {
    let reachable: BTreeMap<&Path, BTreeSet<&Path>> = graph.keys().map(|path| (path, reachable(graph, path))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (path, reached) in &reachable {
        if reached.contains(path) {
            let circle = reached.iter().filter(|other| reachable[**other].contains(path));
            found.insert(circle.map(|path| path.join("::")).collect());
        }
    }
    found.into_iter().map(|circle| circle.join(" <-> ")).collect()
}

fn reachable<'a>(graph: &'a BTreeMap<Path, BTreeSet<Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&Path> = graph.get(from).into_iter().flatten().collect();
    while let Some(path) = left.pop() {
        if reached.insert(path) {
            left.extend(graph.get(path).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn a_circle_is_found_however_long() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<Path>();
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<Path, BTreeSet<Path>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(path(from)).or_default().insert(path(to));
            graph.entry(path(to)).or_default();
        }
        graph
    };
    let line = [("a", "b::c"), ("b::c", "d"), ("a", "d")];
    assert!(circles(&graph(&line)).is_empty());
    let circle = [("a", "b::c"), ("b::c", "d"), ("d", "a"), ("e", "a")];
    assert_eq!(circles(&graph(&circle)), ["a <-> b::c <-> d"]);
}
