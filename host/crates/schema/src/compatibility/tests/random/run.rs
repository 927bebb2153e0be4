//! Runs `check_minor` over random pairs, and counts its answers.
//!
//! `WEIR_SCHEMA_PAIRS` is the number of pairs and `WEIR_SCHEMA_SEED` the first seed; if
//! `WEIR_SCHEMA_SHOW` is set, every refusal without a counterexample is printed.

use std::{collections::BTreeMap, env, fmt::Write};

use serde_json::{Value, json};

use super::{
    super::{Compatibility, MODES, Pair},
    Dice,
    draw::{Deck, Drawn, Made, Origin},
    hunt,
    mutations::{Kind, mutate},
    shrink::shrink,
};

/// Pairs of a run, unless `WEIR_SCHEMA_PAIRS` sets another number.
const PAIRS: usize = 2_000;
/// Payloads that are tried on a pair.
const TRIES: usize = 60;
/// The share of pairs, in thousandths, that may be answered with "cannot prove".
const UNPROVEN_PER_MILLE_MAX: usize = 6;

/// The numbers of answers.
#[derive(Clone, Copy, Default)]
struct Counts {
    pairs: usize,
    accepted: usize,
    shown: usize,
    not_shown: usize,
    /// Refusals without a counterexample for which the hunt found one.
    missed: usize,
    unproven: usize,
    payloads: usize,
    /// Accepted pairs for whose old schema no payload was found, so that nothing was tried.
    untried: usize,
}

/// Compares a pair, and counts the answer; returns a sentence if it is wrong.
fn compare(pair: &Pair<'_>, made: Made, counts: &mut Counts, dice: &mut Dice) -> Option<String> {
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
fn table(counts: &BTreeMap<(Origin, Made), Counts>) -> (String, Counts) {
    let mut text =
        "old from  made          pairs accepted (untried)  refused: shown  not shown (missed)  cannot_prove\n"
            .to_owned();
    let mut total = Counts::default();
    for ((origin, made), row) in counts {
        let name = format!("{:<9} {:<10}", format!("{origin:?}"), format!("{made:?}"));
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
    let mut counts: BTreeMap<(Origin, Made), Counts> = BTreeMap::new();
    let (mut wrong, mut done, mut illegal) = (Vec::new(), 0, 0);
    let deck = Deck::new();
    for seed in first.. {
        if done == wanted || wrong.len() == 20 {
            break;
        }
        let mut dice = Dice::new(u64::try_from(seed).expect("64 bits are enough"));
        let Drawn { origin, made, old, new } = deck.draw(&mut dice);
        let Some(pair) = Pair::read(&old, &new) else {
            illegal += 1;
            continue;
        };
        done += 1;
        let row = counts.entry((origin, made)).or_default();
        wrong.extend(compare(&pair, made, row, &mut dice).map(|wrong| format!("seed {seed}: {wrong}")));
    }
    let (table, total) = table(&counts);
    println!("{table}{} payloads were tried; {illegal} pairs more were no legal schemas", total.payloads);
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total.accepted * 5 > total.pairs, "hardly anything is accepted");
    let share = total.unproven * 1_000 / total.pairs;
    assert!(share <= UNPROVEN_PER_MILLE_MAX, "{share} of 1,000 pairs cannot be proven");
}

/// If each of two steps is accepted, both together do not break. That holds only in the mode `Strict`:
/// a member that the first schema declares the second may not.
#[test]
fn acceptance_is_transitive() {
    let deck = Deck::new();
    let mut chains = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let Drawn { old: first, new: second, .. } = deck.draw(&mut dice);
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
