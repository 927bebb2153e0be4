//! Every bound has a name, a reason, and a test that reaches it.

use std::fs;

use super::{docs::up_to_date, fixtures::sources};
use crate::support::fixtures::root;

/// The files that define the bounds.
const TABLES: &[&str] =
    &["host/src/domain/limits.rs", "host/crates/runtime/src/limits.rs", "host/crates/schema/src/limits.rs"];

/// Bounds whose test has another name than the bound.
const REACHED_BY: &[(&str, &str)] = &[
    ("TEXT_CHARS_MAX", "what_is_just_within_the_bounds_is_registered"),
    ("SLUG_CHARS_MAX", "slugs_are_made_of_names"),
    ("PAGE_ROWS_DEFAULT", "page_rows_max"),
    ("CALL_FUEL_MAX", "a_guest_that_loops_forever_runs_out_of_fuel"),
    ("CALL_DURATION_MS_MAX", "a_guest_with_fuel_to_spare_runs_out_of_time"),
    ("CALL_MEMORY_BYTES_MAX", "a_guest_that_hogs_memory_is_refused_more"),
    ("CALL_OUTPUT_BYTES_MAX", "a_huge_answer_is_refused"),
    ("CALL_LOG_LINES_MAX", "lines_beyond_the_number_are_counted"),
    ("CALL_LOG_BYTES_MAX", "a_flooded_log_keeps_its_beginning"),
    ("LOG_LINE_BYTES_MAX", "a_flooded_log_keeps_its_beginning"),
    ("FAILURE_MESSAGE_BYTES_MAX", "a_rambling_refusal_is_cut"),
    ("INSTANCE_HANDLES_MAX", "a_guest_that_leaks_handles_is_stopped"),
    ("CALL_STACK_BYTES_MAX", "a_guest_that_recurses_deeply_runs_out_of_stack"),
    ("INSTANCES_MAX", "a_full_pool_is_the_hosts_fault_and_passes"),
    ("DELIVERIES_MAX_DEFAULT", "one_organization_gets_a_quarter_at_most"),
    ("DISABLE_AFTER_SECONDS_DEFAULT", "an_endpoint_that_only_fails_for_five_days_is_given_up"),
];

/// Bounds that no test reaches, and why not.
const NOT_REACHED: &[(&str, &str)] = &[
    ("OUTBOUND_IDLE_CONNECTIONS_MAX", "a setting of the HTTP client's pool, which does not show"),
    ("IDLE_INSTANCE_MEMORY_BYTES_MAX", "no payload makes the built-in components grow so far within their fuel"),
];

/// A constant of the table.
struct Limit {
    name: String,
    value: String,
    reason: String,
}

fn limits() -> Vec<Limit> {
    TABLES.iter().flat_map(|table| limits_of(table)).collect()
}

fn limits_of(table: &str) -> Vec<Limit> {
    let text = fs::read_to_string(root().join(table)).expect("UTF-8");
    let (mut limits, mut reason) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if let Some(doc) = line.strip_prefix("/// ") {
            reason.push(doc.trim().to_owned());
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let (name, rest) = rest.split_once(": ").expect("a constant has a type");
            let (_, value) = rest.split_once(" = ").expect("a constant has a value");
            let value = value.trim_end_matches(';').to_owned();
            limits.push(Limit { name: name.to_owned(), value, reason: reason.join(" ") });
            reason.clear();
        } else {
            reason.clear();
        }
    }
    limits
}

/// All sources that may hold tests.
fn tests() -> String {
    let files = ["host/src", "host/crates", "tests/it"].map(|folder| sources(&root().join(folder)));
    files.iter().flatten().map(|path| fs::read_to_string(path).expect("UTF-8")).collect()
}

#[test]
fn every_limit_has_a_reason() {
    let limits = limits();
    assert!(limits.len() > 50, "{} limits were found", limits.len());
    for limit in limits {
        assert!(limit.reason.ends_with('.'), "{} has no reason", limit.name);
    }
}

#[test]
fn every_limit_is_reached_by_a_test() {
    let (tests, limits) = (tests(), limits());
    let is_test = |name: &str| tests.contains(&format!("fn {name}("));
    let names: Vec<&str> = limits.iter().map(|limit| limit.name.as_str()).collect();
    for name in &names {
        let own = name.to_lowercase();
        let listed = REACHED_BY.iter().find(|(limit, _)| limit == name).map_or(own.as_str(), |(_, test)| test);
        let is_excused = NOT_REACHED.iter().any(|(limit, _)| limit == name);
        assert!(is_test(listed) != is_excused, "{name}: {listed} is no test, or no excuse is needed");
    }
    for (name, _) in REACHED_BY.iter().chain(NOT_REACHED) {
        assert!(names.contains(name), "{name} is no limit any more");
    }
}

#[test]
fn the_documented_table_is_up_to_date() {
    let tables = TABLES.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>().join(" and ");
    let head = format!(
        "# Limits\n\nWritten by `tests/it/rules/limits.rs` from {tables}.\n\n\
         | Limit | Value | What it bounds, and why |\n| --- | --- | --- |\n"
    );
    let row =
        |limit: &Limit| format!("| `{}` | `{}` | {} |\n", limit.name, limit.value, limit.reason.replace('|', "\\|"));
    up_to_date("docs/limits.md", &(head + &limits().iter().map(row).collect::<Vec<_>>().concat()));
}
