//! The run over random pairs, and what it counts.
//!
//! `WEIR_SCHEMA_PAIRS` says how many pairs, `WEIR_SCHEMA_SEED` which is the first, and with
//! `WEIR_SCHEMA_SHOW` every refusal without a counterexample is printed.

use std::{collections::BTreeMap, env, fmt::Write};

use serde_json::{Value, json};

use super::{
    super::{Compatibility, MODES, Pair},
    Dice,
    grammar::document,
    hunt,
    mutations::{Kind, mutate},
    samples,
    shrink::shrink,
};

/// Pairs of a run unless `WEIR_SCHEMA_PAIRS` says how many.
const PAIRS: usize = 2_000;
/// Payloads that are tried on a pair.
const TRIES: usize = 60;
/// The share of pairs, in thousandths, about which the procedure may say that it knows no better.
const UNPROVEN_PER_MILLE_MAX: usize = 30;

/// What is known of a pair by the way it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Made {
    Identical,
    Reworded,
    Widened,
    Narrowed,
    Changed,
    Unrelated,
}

impl Made {
    /// Whether every payload stays valid.
    fn is_compatible(self) -> bool {
        matches!(self, Self::Identical | Self::Reworded | Self::Widened)
    }
}

/// Answers, counted.
#[derive(Clone, Copy, Default)]
struct Counts {
    pairs: usize,
    accepted: usize,
    shown: usize,
    not_shown: usize,
    /// Of those without a counterexample: what the hunt found one for.
    missed: usize,
    unproven: usize,
    payloads: usize,
    /// Accepted pairs for whose old schema no payload was found, so that nothing was tried.
    untried: usize,
}

/// A schema from the grammar that takes something: most are so wild that nothing fits them, and
/// then nothing can break.
fn lively(dice: &mut Dice) -> Value {
    let mut drawn = document(dice);
    for _ in 0..20 {
        let found = Pair::read(&drawn, &drawn).map_or(0, |pair| hunt(&pair, Compatibility::Declared, 12, dice).counted);
        if found > 2 {
            break;
        }
        drawn = document(dice);
    }
    drawn
}

/// A pair from the seed's dice: where the old schema comes from, how the new one was made of it, and both.
fn draw(dice: &mut Dice) -> (&'static str, Made, Value, Value) {
    let samples = samples::all();
    let (from, old) = match dice.choose(&samples) {
        Some(sample) if dice.chance(50) => ("samples", sample.clone()),
        _ => ("grammar", lively(dice)),
    };
    let mut new = old.clone();
    let made = match dice.below(20) {
        0 => Made::Identical,
        1..=3 => Made::Reworded,
        4..=6 => Made::Widened,
        7..=10 => Made::Narrowed,
        11..=18 => Made::Changed,
        _ => {
            new = document(dice);
            Made::Unrelated
        }
    };
    let kind = match made {
        Made::Identical | Made::Unrelated => return (from, made, old, new),
        Made::Reworded => Kind::Neutral,
        Made::Widened => Kind::Widening,
        Made::Narrowed => Kind::Narrowing,
        Made::Changed => Kind::Any,
    };
    for _ in 0..=dice.below(3) {
        mutate(&mut new, kind, dice);
    }
    // What says the same or takes more stays so when it is reworded too.
    if made == Made::Widened && dice.chance(30) {
        mutate(&mut new, Kind::Neutral, dice);
    }
    (from, made, old, new)
}

/// Judges a pair, and counts; a sentence when the answer is wrong.
fn judge(pair: &Pair<'_>, made: Made, counts: &mut Counts, dice: &mut Dice) -> Option<String> {
    let mode = MODES[dice.below(MODES.len())];
    counts.pairs += 1;
    let refusal = pair.refusal(mode);
    if let Some(flaw) = refusal.as_ref().and_then(|refusal| pair.flaw(refusal, mode)) {
        return Some(format!("{flaw}\n    old {}\n    new {}", pair.old, pair.new));
    }
    if let Some(refusal) = refusal.as_ref().filter(|refusal| refusal.counterexample.is_some()) {
        counts.shown += 1;
        let shown = refusal.counterexample.as_ref().map(Value::to_string).unwrap_or_default();
        return made.is_compatible().then(|| {
            format!("{made:?}, and yet {shown} breaks in {mode:?}\n    old {}\n    new {}", pair.old, pair.new)
        });
    }
    let catch = hunt(pair, mode, TRIES, dice);
    counts.payloads += catch.counted;
    match (refusal, catch.broken) {
        (None, None) => {
            counts.accepted += 1;
            counts.untried += usize::from(catch.counted == 0);
            None
        }
        (None, Some(broken)) => {
            let smallest = shrink([pair.old.clone(), pair.new.clone(), broken], |[old, new, broken]| {
                let smaller = Pair::read(old, new);
                smaller.is_some_and(|pair| pair.is_broken_by(broken, mode) && pair.refusal(mode).is_none())
            });
            let [old, new, broken] = smallest;
            let report = json!({ "mode": format!("{mode:?}"), "old": old, "new": new, "witness": broken });
            Some(format!("{made:?}, accepted, and breaks: {report}"))
        }
        (Some(refusal), broken) => {
            counts.not_shown += 1;
            counts.missed += usize::from(broken.is_some());
            counts.unproven += usize::from(refusal.is_unproven());
            if env::var("WEIR_SCHEMA_SHOW").is_ok() {
                let report =
                    json!({ "mode": format!("{mode:?}"), "old": pair.old, "new": pair.new, "witness": broken });
                println!("not shown, {made:?}: {report} {:?}", refusal.violations);
            }
            (made == Made::Identical).then(|| format!("refused to stay itself: {}", pair.old))
        }
    }
}

/// The counts as a table, one line for each way of making pairs.
fn table(counts: &BTreeMap<(&str, Made), Counts>) -> (String, Counts) {
    let mut text =
        "old from  made          pairs accepted (untried)  refused: shown  not shown (missed)  cannot_prove\n"
            .to_owned();
    let mut total = Counts::default();
    for ((from, made), row) in counts {
        let name = format!("{from:<9} {:<10}", format!("{made:?}"));
        write_row(&mut text, &name, row);
        total.pairs += row.pairs;
        total.accepted += row.accepted;
        total.shown += row.shown;
        total.not_shown += row.not_shown;
        total.missed += row.missed;
        total.unproven += row.unproven;
        total.payloads += row.payloads;
        total.untried += row.untried;
    }
    write_row(&mut text, "all                 ", &total);
    (text, total)
}

fn write_row(text: &mut String, name: &str, row: &Counts) {
    let Counts { pairs, accepted, untried, shown, not_shown, missed, unproven, .. } = row;
    let per_mille = unproven * 1_000 / pairs.max(&1);
    let share = format!("{unproven} ({}.{} %)", per_mille / 10, per_mille % 10);
    writeln!(text, "{name} {pairs:>8} {accepted:>8} {untried:>9} {shown:>15} {not_shown:>10} {missed:>8} {share:>14}")
        .expect("a String takes all text");
}

/// No accepted pair has a payload that was valid and no longer is.
#[test]
fn no_accepted_pair_breaks() {
    let setting = |name: &str| env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let wanted = setting("WEIR_SCHEMA_PAIRS").unwrap_or(PAIRS);
    let first = setting("WEIR_SCHEMA_SEED").unwrap_or(0);
    let mut counts: BTreeMap<(&str, Made), Counts> = BTreeMap::new();
    let (mut wrong, mut done, mut illegal) = (Vec::new(), 0, 0);
    for seed in first.. {
        if done == wanted || wrong.len() == 20 {
            break;
        }
        let mut dice = Dice::new(u64::try_from(seed).expect("64 bits are enough"));
        let (from, made, old, new) = draw(&mut dice);
        let Some(pair) = Pair::read(&old, &new) else {
            illegal += 1;
            continue;
        };
        done += 1;
        let row = counts.entry((from, made)).or_default();
        wrong.extend(judge(&pair, made, row, &mut dice).map(|wrong| format!("seed {seed}: {wrong}")));
    }
    let (table, total) = table(&counts);
    println!("{table}{} payloads were tried; {illegal} pairs more were no legal schemas", total.payloads);
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total.accepted * 5 > total.pairs, "hardly anything is accepted");
    let share = total.unproven * 1_000 / total.pairs;
    assert!(share <= UNPROVEN_PER_MILLE_MAX, "{share} of 1,000 pairs cannot be proven");
}

/// What is accepted step by step is not known to break as a whole. That holds when every payload
/// counts: what the first schema declares the second may not.
#[test]
fn acceptance_is_transitive() {
    let mut chains = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let (_, _, first, second) = draw(&mut dice);
        let mut third = second.clone();
        mutate(&mut third, Kind::Widening, &mut dice);
        let accepts = |old: &Value, new: &Value| {
            Pair::read(old, new).is_some_and(|pair| pair.refusal(Compatibility::Strict).is_none())
        };
        if !accepts(&first, &second) || !accepts(&second, &third) {
            continue;
        }
        chains += 1;
        let whole = Pair::read(&first, &third).expect("read before");
        let broken = whole.refusal(Compatibility::Strict).and_then(|refusal| refusal.counterexample);
        assert_eq!(broken, None, "\n{first}\n{second}\n{third}");
    }
    assert!(chains > 50, "{chains} chains were accepted");
}
