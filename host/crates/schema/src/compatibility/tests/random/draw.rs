//! Draws random pairs. The way a pair was made tells whether it is compatible.

use serde_json::Value;

use super::{
    super::{Compatibility, Pair, table},
    Dice,
    grammar::document,
    hunt,
    mutations::{Kind, mutate},
    samples,
};

/// The way in which the new schema was made from the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Made {
    Identical,
    Reworded,
    Widened,
    Narrowed,
    Changed,
    Unrelated,
}

impl Made {
    /// Whether every payload stays valid.
    pub(super) fn is_compatible(self) -> bool {
        matches!(self, Self::Identical | Self::Reworded | Self::Widened)
    }
}

/// The source of an old schema, the most frequent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Grammar,
    Samples,
    Table,
}

/// A pair, and how it was made.
pub(super) struct Drawn {
    pub(super) origin: Origin,
    pub(super) made: Made,
    pub(super) old: Value,
    pub(super) new: Value,
}

/// The schemas that pairs are drawn from.
pub(super) struct Deck {
    samples: Vec<Value>,
    /// The schemas of the table, by group.
    table: Vec<Vec<Value>>,
}

impl Deck {
    pub(super) fn new() -> Self {
        Self { samples: samples::all(), table: table::schemas() }
    }

    /// The pair of a seed.
    pub(super) fn draw(&self, dice: &mut Dice) -> Drawn {
        let group = &self.table[dice.below(self.table.len())];
        let (origin, old) = match dice.below(20) {
            0..=7 => (Origin::Grammar, lively(dice)),
            8..=14 => (Origin::Samples, self.samples[dice.below(self.samples.len())].clone()),
            _ => (Origin::Table, group[dice.below(group.len())].clone()),
        };
        let made = match dice.below(20) {
            // Two schemas of one group have much in common.
            _ if origin == Origin::Table && dice.chance(50) => Made::Unrelated,
            0 => Made::Identical,
            1..=3 => Made::Reworded,
            4..=6 => Made::Widened,
            7..=10 => Made::Narrowed,
            11..=18 => Made::Changed,
            _ => Made::Unrelated,
        };
        let new = match (made, origin) {
            (Made::Unrelated, Origin::Table) => group[dice.below(group.len())].clone(),
            (Made::Unrelated, _) => document(dice),
            _ => changed(&old, made, dice),
        };
        Drawn { origin, made, old, new }
    }
}

fn changed(old: &Value, made: Made, dice: &mut Dice) -> Value {
    let mut new = old.clone();
    let kind = match made {
        Made::Identical | Made::Unrelated => return new,
        Made::Reworded => Kind::Neutral,
        Made::Widened => Kind::Widening,
        Made::Narrowed => Kind::Narrowing,
        Made::Changed => Kind::Any,
    };
    for _ in 0..=dice.below(3) {
        mutate(&mut new, kind, dice);
    }
    // A widened schema stays widened if it is reworded.
    if made == Made::Widened && dice.chance(30) {
        mutate(&mut new, Kind::Neutral, dice);
    }
    new
}

/// A schema from the grammar that accepts some payloads: most are so wild that none fits them, and
/// then none can break.
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
