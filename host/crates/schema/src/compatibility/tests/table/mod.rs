//! Pairs written by hand, each with the verdict that follows from its meaning, one file per group of
//! keywords.
//!
//! A verdict of refusal comes with a payload that proves it, and then `check_minor` has to show one
//! too. A pair that is accepted in the mode `Strict` is accepted in `Declared`, and a pair that is
//! refused in `Declared` is refused in `Strict`. So one verdict covers both modes.

#![expect(clippy::too_many_lines, reason = "the functions that hold rows do nothing else")]

mod additional;
mod annotations;
mod arrays;
mod booleans;
mod branches;
mod combinations;
mod conditionals;
mod dependent;
mod formats;
mod names;
mod nullable;
mod numbers;
mod objects;
mod patterns;
mod real;
mod references;
mod strings;
mod types;
mod values;

use serde_json::Value;

use super::{
    Compatibility::{Declared, Strict},
    MODES, Pair, Refusal,
    random::{Dice, hunt},
};

/// Payloads that are tried on an accepted pair.
const TRIES: usize = 200;

/// A row of the table.
struct Row {
    /// The change in the words of its author.
    change: &'static str,
    old: Value,
    new: Value,
    verdict: Verdict,
}

/// The right answer for a pair.
enum Verdict {
    /// Every payload that was valid is valid.
    Accepted,
    /// Undeclared members can break it, as this payload has them; declared ones cannot.
    AcceptedUnlessStrict(Value),
    /// This payload, made of declared members, was valid and no longer is.
    Refused(Value),
    /// The pair is compatible, but a proof is out of reach for this reason: "cannot prove" is an answer
    /// too.
    BeyondReach(&'static str),
}

fn accept(change: &'static str, old: Value, new: Value) -> Row {
    Row { change, old, new, verdict: Verdict::Accepted }
}

fn accept_unless_strict(change: &'static str, old: Value, new: Value, broken: Value) -> Row {
    Row { change, old, new, verdict: Verdict::AcceptedUnlessStrict(broken) }
}

fn refuse(change: &'static str, old: Value, new: Value, broken: Value) -> Row {
    Row { change, old, new, verdict: Verdict::Refused(broken) }
}

fn beyond_reach(change: &'static str, old: Value, new: Value, why: &'static str) -> Row {
    Row { change, old, new, verdict: Verdict::BeyondReach(why) }
}

/// Compares the answers of `check_minor` with the rows, and checks the rows themselves with payloads.
fn check(rows: &[Row]) {
    let wrong: Vec<String> = rows.iter().flat_map(wrongs).collect();
    assert!(wrong.is_empty(), "{} wrong verdicts:\n{}", wrong.len(), wrong.join("\n"));
}

fn wrongs(row: &Row) -> Vec<String> {
    let pair = Pair::read(&row.old, &row.new).unwrap_or_else(|| panic!("{}: not two legal schemas", row.change));
    let of_mode = |mode| {
        let wrong = match (&row.verdict, mode) {
            (Verdict::Refused(broken), _) | (Verdict::AcceptedUnlessStrict(broken), Strict) => {
                not_refused(&pair, mode, broken)
            }
            (Verdict::Accepted, _) | (Verdict::AcceptedUnlessStrict(_), Declared) => not_accepted(&pair, mode),
            (Verdict::BeyondReach(why), _) => {
                assert!(!why.is_empty());
                let answer = pair.refusal(mode);
                not_accepted(&pair, mode).filter(|_| !answer.as_ref().is_some_and(Refusal::is_unproven))
            }
        };
        wrong.map(|wrong| format!("{}, {mode:?}: {wrong}\n    old {}\n    new {}", row.change, row.old, row.new))
    };
    MODES.into_iter().filter_map(of_mode).collect()
}

fn not_refused(pair: &Pair<'_>, mode: super::Compatibility, broken: &Value) -> Option<String> {
    if !pair.is_broken_by(broken, mode) {
        return Some(format!("the row is wrong: {broken} breaks nothing"));
    }
    let Some(refusal) = pair.refusal(mode) else {
        return Some("accepted, and should be refused".to_owned());
    };
    if refusal.counterexample.is_none() {
        return Some(format!("refused without the counterexample that there is: {refusal:?}"));
    }
    pair.flaw(&refusal, mode)
}

fn not_accepted(pair: &Pair<'_>, mode: super::Compatibility) -> Option<String> {
    let catch = hunt(pair, mode, TRIES, &mut Dice::new(1));
    if let Some(broken) = catch.broken {
        return Some(format!("the row is wrong: {broken} breaks"));
    }
    pair.refusal(mode).map(|refusal| format!("should be accepted: {refusal:?}"))
}

/// Every group, by name.
fn groups() -> [(&'static str, Vec<Row>); 19] {
    [
        ("additional", additional::rows()),
        ("annotations", annotations::rows()),
        ("arrays", arrays::rows()),
        ("booleans", booleans::rows()),
        ("branches", branches::rows()),
        ("combinations", combinations::rows()),
        ("conditionals", conditionals::rows()),
        ("dependent", dependent::rows()),
        ("formats", formats::rows()),
        ("names", names::rows()),
        ("nullable", nullable::rows()),
        ("numbers", numbers::rows()),
        ("objects", objects::rows()),
        ("patterns", patterns::rows()),
        ("real", real::rows()),
        ("references", references::rows()),
        ("strings", strings::rows()),
        ("types", types::rows()),
        ("values", values::rows()),
    ]
}

/// The schemas of the table, by group. Random pairs are made of them, too.
pub(super) fn schemas() -> Vec<Vec<Value>> {
    let of_group = |(_, rows): (&str, Vec<Row>)| rows.into_iter().flat_map(|row| [row.old, row.new]).collect();
    groups().into_iter().map(of_group).collect()
}

#[test]
fn the_table_is_as_long_as_promised() {
    let groups = groups();
    let total: usize = groups.iter().map(|(_, rows)| rows.len()).sum();
    assert!(total >= 150, "{total} pairs");
    for (name, rows) in groups {
        let distinct: std::collections::HashSet<_> = rows.iter().map(|row| row.change).collect();
        assert_eq!(distinct.len(), rows.len(), "two rows of {name} have one name");
    }
}

/// A schema is compatible with itself.
#[test]
fn every_schema_of_the_table_accepts_itself() {
    for schema in schemas().into_iter().flatten() {
        let pair = Pair::read(&schema, &schema).expect("legal");
        for mode in MODES {
            let refusal = pair.refusal(mode);
            assert!(refusal.is_none(), "{mode:?}: {schema}: {refusal:?}");
        }
    }
}
