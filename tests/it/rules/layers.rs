//! Which module may use which, and which crate belongs to which module.

use super::sources::host_sources;

/// Each module with the modules that it may use, beside itself and `error`.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("domain", &[]),
    ("clock", &["domain"]),
    ("db", &["domain"]),
    ("runtime", &["domain"]),
    ("service", &["domain", "clock", "db"]),
    ("http", &["domain", "clock", "db", "runtime", "service"]),
    ("worker", &["domain", "clock", "db", "runtime", "service"]),
    ("app", &["domain", "clock", "db", "runtime", "service", "http", "worker"]),
    ("config", &["domain", "db", "app"]),
    ("telemetry", &["config"]),
    ("cli", &["domain", "clock", "db", "runtime", "service", "app", "config", "telemetry"]),
    ("lib", &[]),
    ("main", &[]),
];

/// Each crate with the modules, or files, that alone may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("sqlx", &["db/"]),
    ("wasmtime", &["runtime/"]),
    ("wasmtime_wasi", &["runtime/"]),
    ("axum", &["http/", "cli/dev/receiver.rs"]),
    ("reqwest", &["worker/outbound/", "cli/admin.rs"]),
    ("clap", &["config.rs", "main.rs"]),
    ("jsonschema", &["domain/schema/"]),
    ("jsonschema_regex", &["domain/schema/compatibility/"]),
    ("regex_automata", &["domain/schema/compatibility/"]),
    ("rand", &["clock.rs"]),
    ("tracing_subscriber", &["telemetry.rs"]),
];

/// What has no place in the domain: it computes, and neither waits nor talks.
const NOT_IN_DOMAIN: &[&str] = &["async", "await", "tokio", "sqlx", "axum", "reqwest", "hyper", "wasmtime", "tracing"];

#[test]
fn modules_use_only_what_lies_below_them() {
    for source in host_sources() {
        let module = source.module();
        let row = LAYERS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{module} has no row in LAYERS"));
        for used in source.uses() {
            // The macro of the error table stands at the crate's root.
            let is_legal = [module, "error", "fail"].contains(&used.as_str()) || allowed.contains(&used.as_str());
            assert!(is_legal, "{} uses {used}, which {module} may not", source.path);
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
        for (name, homes) in CRATES {
            let is_home = homes.iter().any(|home| source.path.starts_with(home));
            assert!(is_home || !source.names(name), "{} names {name}", source.path);
        }
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
    for source in host_sources() {
        assert!(!source.code().contains(".unwrap()"), "{} unwraps", source.path);
    }
}
