//! Searches for texts that match some regular expressions and not others.
//!
//! Each expression becomes a deterministic automaton, and the automata are run side by side over
//! all texts at once. So inclusion of one expression in another is decided, not guessed, as long
//! as the automata and their product stay small. Beyond that, the answer is "unknown".

use std::{
    cell::{OnceCell, RefCell},
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
};

use regex_automata::{
    Input,
    dfa::{Automaton, StartKind, dense},
    util::primitives::StateID,
};

use super::{budget::Budget, terms::PatternId};
use crate::limits::COUNTEREXAMPLE_BYTES_MAX;

/// Bytes of one automaton: room for a class of letters of all scripts.
const AUTOMATON_BYTES_MAX: usize = 512 * 1_024;
/// States of automata run side by side: comparing two everyday patterns takes some hundred.
const PRODUCT_STATES_MAX: usize = 4_096;
/// The longest texts whose characters are counted. Longer bounds are left out, which can only find too
/// many texts.
const COUNTED_CHARS_MAX: u64 = 256;
/// Characters of the longest text that is found: none longer is shown.
const FOUND_CHARS_MAX: u64 = COUNTEREXAMPLE_BYTES_MAX as u64;
/// Bytes of a text or a value that cost one step of the budget when they are made or copied.
pub(super) const BYTES_PER_STEP: usize = 64;
/// States that are looked at for each text when texts are listed: more than a list of words needs.
/// Where texts are long and many, the list is given up early.
const STATES_PER_WORD: usize = 32;
/// Texts are sequences of characters, not of bytes.
const ANY_TEXT: &str = r"\A(?s:.)*\z";

type Machine = dense::DFA<Vec<u32>>;

/// The result of a search for a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Text(String),
    /// There is no such text.
    Nothing,
    /// An expression is too large, or all of them together are.
    Unknown,
}

/// The expressions of both schemas, compiled when they are first needed.
pub(super) struct Language<'a> {
    patterns: Vec<&'a str>,
    /// The automata that were needed; `None` for expressions that are too large.
    machines: RefCell<HashMap<PatternId, Option<Rc<Machine>>>>,
    any_text: OnceCell<Option<Rc<Machine>>>,
    /// What was searched for and found: many members of one schema have one format.
    found: RefCell<HashMap<Search, Found>>,
    budget: &'a Budget,
}

/// Patterns that a text matches, those that it does not match, and its shortest and longest length.
type Search = (Vec<PatternId>, Vec<PatternId>, u64, u64);

impl<'a> Language<'a> {
    pub(super) fn new(patterns: &[&'a str], budget: &'a Budget) -> Self {
        Self {
            patterns: patterns.to_vec(),
            machines: RefCell::default(),
            any_text: OnceCell::new(),
            found: RefCell::default(),
            budget,
        }
    }

    /// Whether a text matches; `None` if the expression is too large.
    pub(super) fn matches(&self, pattern: PatternId, text: &str) -> Option<bool> {
        let machine = self.machine(pattern)?;
        if !self.budget.take(1 + text.len() / 16) {
            return None;
        }
        machine.try_search_fwd(&Input::new(text).earliest(true)).ok().map(|end| end.is_some())
    }

    /// A short text that matches all of `these` and none of `those`, with a number of characters
    /// within the bounds.
    pub(super) fn find(&self, these: &[PatternId], those: &[PatternId], least: u64, most: u64) -> Found {
        if these.is_empty() && those.is_empty() {
            return self.letters(least, most);
        }
        let search = (these.to_vec(), those.to_vec(), least, most);
        if let Some(found) = self.found.borrow().get(&search) {
            let bytes = if let Found::Text(text) = found { text.len() } else { 0 };
            return if self.budget.take(1 + bytes / BYTES_PER_STEP) { found.clone() } else { Found::Unknown };
        }
        let found = self.search(these, those, least, most);
        if !self.budget.is_spent() {
            self.found.borrow_mut().insert(search, found.clone());
        }
        found
    }

    fn search(&self, these: &[PatternId], those: &[PatternId], least: u64, most: u64) -> Found {
        let any_text = self.any_text.get_or_init(|| build(ANY_TEXT)).clone();
        let (Some(any_text), Some(mut wanted), Some(unwanted)) = (any_text, self.all(these), self.all(those)) else {
            return Found::Unknown;
        };
        wanted.push(any_text);
        Product::new(wanted, unwanted, least, most).search(self.budget)
    }

    /// The first `count` such texts, the short ones first, and whether there are no others.
    pub(super) fn words(
        &self,
        these: &[PatternId],
        those: &[PatternId],
        least: u64,
        most: u64,
        count: usize,
    ) -> (Vec<String>, bool) {
        let any_text = self.any_text.get_or_init(|| build(ANY_TEXT)).clone();
        let (Some(any_text), Some(mut wanted), Some(unwanted)) = (any_text, self.all(these), self.all(those)) else {
            return (Vec::new(), false);
        };
        wanted.push(any_text);
        Product::new(wanted, unwanted, least, most).words(self.budget, count)
    }

    /// The shortest text of a number of characters within the bounds.
    fn letters(&self, least: u64, most: u64) -> Found {
        if least > most {
            return Found::Nothing;
        }
        match usize::try_from(least) {
            Ok(count) if least <= FOUND_CHARS_MAX && self.budget.take(1 + count / BYTES_PER_STEP) => {
                Found::Text("a".repeat(count))
            }
            _ => Found::Unknown,
        }
    }

    fn all(&self, patterns: &[PatternId]) -> Option<Vec<Rc<Machine>>> {
        patterns.iter().map(|&pattern| self.machine(pattern)).collect()
    }

    fn machine(&self, pattern: PatternId) -> Option<Rc<Machine>> {
        let mut machines = self.machines.borrow_mut();
        let text = self.patterns[pattern];
        machines
            .entry(pattern)
            .or_insert_with(|| {
                let affordable = self.budget.take(BUILDING_STEPS);
                affordable.then(|| jsonschema_regex::to_rust_regex(text).ok().and_then(|text| build(&text))).flatten()
            })
            .clone()
    }
}

/// Steps of the budget that trying every byte counts as.
const WORD_STEPS: usize = 4;
/// Steps of the budget that building an automaton counts as.
const BUILDING_STEPS: usize = 50;

fn build(expression: &str) -> Option<Rc<Machine>> {
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .determinize_size_limit(Some(2 * AUTOMATON_BYTES_MAX));
    dense::Builder::new().configure(config).build(expression).ok().map(Rc::new)
}

/// The state of one automaton; `None` once it has matched, which no further text undoes.
type Position = Option<StateID>;

/// Automata that run side by side.
struct Product {
    machines: Vec<Rc<Machine>>,
    /// How many of them have to match; the others must not.
    wanted: usize,
    least: u64,
    most: u64,
    /// One byte of each set of bytes that the automata do not tell apart, the readable ones first.
    bytes: Vec<u8>,
}

/// A state of the product, and how it was reached.
#[derive(Clone)]
struct Step {
    positions: Vec<Position>,
    chars: u64,
    from: Option<(usize, u8)>,
}

impl Product {
    fn new(wanted: Vec<Rc<Machine>>, unwanted: Vec<Rc<Machine>>, least: u64, most: u64) -> Self {
        let count = wanted.len();
        let machines: Vec<Rc<Machine>> = wanted.into_iter().chain(unwanted).collect();
        let mut seen = HashSet::new();
        let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
        bytes.sort_by_key(|byte| readability(*byte));
        bytes.retain(|&byte| seen.insert(set_of(&machines, byte)));
        Self { machines, wanted: count, least, most, bytes }
    }

    /// Breadth first, so that the text is a short one.
    fn search(&self, budget: &Budget) -> Found {
        let Some(start) = self.start() else { return Found::Unknown };
        let mut seen = HashSet::from([(start.positions.clone(), start.chars)]);
        let mut steps = vec![start];
        let mut waiting = VecDeque::from([0]);
        while let Some(index) = waiting.pop_front() {
            if !budget.take(1 + self.machines.len()) {
                return Found::Unknown;
            }
            if self.is_accepted(&steps[index]) {
                return self.text(&steps, index, budget);
            }
            for &byte in &self.bytes {
                let Some(next) = self.next(&steps[index], byte, index) else { continue };
                if !seen.insert((next.positions.clone(), next.chars)) {
                    continue;
                }
                if steps.len() == PRODUCT_STATES_MAX {
                    return Found::Unknown;
                }
                waiting.push_back(steps.len());
                steps.push(next);
            }
        }
        Found::Nothing
    }

    /// Goes all ways through the automata, breadth first, until there are `count` texts.
    fn words(&self, budget: &Budget, count: usize) -> (Vec<String>, bool) {
        let mut words = Vec::new();
        let Some(start) = self.start() else { return (words, false) };
        let alike = self.alike();
        let looked_at_max = count.saturating_mul(STATES_PER_WORD);
        let mut steps = vec![start];
        let mut next = 0;
        while next < steps.len() {
            if self.is_accepted(&steps[next]) {
                match self.text(&steps, next, budget) {
                    Found::Text(word) if words.len() < count => words.push(word),
                    _ => return (words, false),
                }
            }
            if next == looked_at_max || !budget.take(WORD_STEPS) {
                return (words, false);
            }
            for (byte, bytes) in self.bytes.iter().zip(&alike) {
                let Some(step) = self.next(&steps[next], *byte, next) else { continue };
                // No more steps than will be looked at.
                let room = looked_at_max + 1 - steps.len();
                let with = |&byte: &u8| Step { from: Some((next, byte)), ..step.clone() };
                steps.extend(bytes.iter().take(room).map(with));
            }
            next += 1;
        }
        (words, true)
    }

    /// For each of the bytes that stand for a set, all bytes of that set.
    fn alike(&self) -> Vec<Vec<u8>> {
        let set = |byte: u8| set_of(&self.machines, byte);
        let mut sets: HashMap<_, Vec<u8>> = HashMap::new();
        for byte in 0..=u8::MAX {
            sets.entry(set(byte)).or_default().push(byte);
        }
        self.bytes.iter().map(|&byte| sets.remove(&set(byte)).unwrap_or_default()).collect()
    }

    fn start(&self) -> Option<Step> {
        let start = |machine: &Rc<Machine>| machine.start_state_forward(&Input::new("")).ok();
        let states: Option<Vec<StateID>> = self.machines.iter().map(start).collect();
        Some(Step { positions: states?.into_iter().map(Some).collect(), chars: 0, from: None })
    }

    /// The step after another byte; `None` if no accepted text can follow.
    fn next(&self, step: &Step, byte: u8, index: usize) -> Option<Step> {
        let mut positions = Vec::with_capacity(self.machines.len());
        for (number, (machine, position)) in self.machines.iter().zip(&step.positions).enumerate() {
            let position = position.and_then(|state| {
                let next = machine.next_state(state, byte);
                (!machine.is_match_state(next)).then_some(next)
            });
            let is_wanted = number < self.wanted;
            let is_lost = position.map_or(!is_wanted, |state| is_wanted && machine.is_dead_state(state));
            if is_lost {
                return None;
            }
            positions.push(position);
        }
        let chars = self.counted(step.chars + u64::from(is_char_start(byte)))?;
        Some(Step { positions, chars, from: Some((index, byte)) })
    }

    /// The number of characters as far as the bounds tell numbers apart; `None` beyond the upper one.
    fn counted(&self, chars: u64) -> Option<u64> {
        if self.most <= COUNTED_CHARS_MAX {
            return (chars <= self.most).then_some(chars);
        }
        Some(chars.min(self.least.min(COUNTED_CHARS_MAX)))
    }

    fn is_accepted(&self, step: &Step) -> bool {
        let ends = |(machine, position): (&Rc<Machine>, &Position)| {
            position.is_none_or(|state| machine.is_match_state(machine.next_eoi_state(state)))
        };
        let mut ending = self.machines.iter().zip(&step.positions).map(ends);
        step.chars >= self.least.min(COUNTED_CHARS_MAX)
            && ending.by_ref().take(self.wanted).all(|ends| ends)
            && !ending.any(|ends| ends)
    }

    fn text(&self, steps: &[Step], last: usize, budget: &Budget) -> Found {
        let mut bytes = Vec::new();
        let mut next = steps[last].from;
        while let Some((index, byte)) = next {
            bytes.push(byte);
            next = steps[index].from;
        }
        bytes.reverse();
        let Ok(text) = String::from_utf8(bytes) else { return Found::Unknown };
        let chars = text.chars().count() as u64;
        let text = if chars < self.least { self.lengthened(&text, chars, budget) } else { Some(text) };
        let in_bounds = |text: &String| (self.least..=self.most).contains(&(text.chars().count() as u64));
        text.filter(in_bounds).map_or(Found::Unknown, Found::Text)
    }

    /// A text that is too short, with a part repeated that leads the automata back to where they were.
    fn lengthened(&self, text: &str, chars: u64, budget: &Budget) -> Option<String> {
        let (start, end) = self.circle(text)?;
        let part = &text[start..end];
        let missing = Some(self.least).filter(|least| *least <= FOUND_CHARS_MAX)? - chars;
        let times = usize::try_from(missing.div_ceil(part.chars().count() as u64)).ok()?;
        budget.take(times.saturating_mul(part.len()) / BYTES_PER_STEP).then_some(())?;
        Some([&text[..end], &part.repeat(times), &text[end..]].concat())
    }

    /// The first part of a text behind which all automata are where they were before it.
    fn circle(&self, text: &str) -> Option<(usize, usize)> {
        let mut seen = HashMap::new();
        let mut step = Step { chars: 0, ..self.start()? };
        for (index, byte) in text.bytes().enumerate() {
            if is_char_start(byte)
                && let Some(start) = seen.insert(step.positions.clone(), index)
            {
                return Some((start, index));
            }
            step = Step { chars: 0, ..self.next(&step, byte, 0)? };
        }
        None
    }
}

/// The set of bytes that the automata do not tell apart from this one.
fn set_of(machines: &[Rc<Machine>], byte: u8) -> (Vec<u8>, bool) {
    (machines.iter().map(|machine| machine.byte_classes().get(byte)).collect(), is_char_start(byte))
}

fn is_char_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Letters are easiest to read.
fn readability(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b' '..=b'~' => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(these: &[&str], those: &[&str], least: u64, most: u64) -> Found {
        let budget = Budget::new(1_000_000);
        let patterns: Vec<&str> = these.iter().chain(those).copied().collect();
        let ids: Vec<PatternId> = (0..patterns.len()).collect();
        Language::new(&patterns, &budget).find(&ids[..these.len()], &ids[these.len()..], least, most)
    }

    fn is_included(inner: &str, outer: &str) -> bool {
        find(&[inner], &[outer], 0, u64::MAX) == Found::Nothing
    }

    #[test]
    fn inclusion_is_decided() {
        for (inner, outer) in [
            ("^a{2,3}$", "^a+$"),
            ("^[a-c]$", "^[a-z]$"),
            ("abc", "b"),
            ("^(cat|dog)$", "^[a-z]{3}$"),
            (r"^\d+$", "^[0-9]*$"),
            ("^$", "^a?$"),
            ("^x-", "^x"),
            (r"^é+$", r"^\p{L}+$"),
        ] {
            assert!(is_included(inner, outer), "{inner} {outer}");
        }
        for (inner, outer) in [
            ("^a+$", "^a{2,3}$"),
            ("a", "^a"),
            ("^[a-z]$", "^[a-c]$"),
            ("^[a-z]+$", "^[a-z]{1,300}$"),
            ("", "."),
            ("^.$", "^[a-z]$"),
        ] {
            assert!(!is_included(inner, outer), "{inner} {outer}");
        }
    }

    #[test]
    fn a_text_is_found_within_the_bounds() {
        assert_eq!(find(&["^[A-Z]+$"], &["^A"], 3, 3), Found::Text("BAA".to_owned()));
        assert_eq!(find(&["^a*$"], &[], 2, u64::MAX), Found::Text("aa".to_owned()));
        assert_eq!(find(&["^é+$"], &[], 2, 2), Found::Text("éé".to_owned()));
        assert_eq!(find(&["^a{3}$"], &[], 4, 9), Found::Nothing);
        assert_eq!(find(&["^a", "b$"], &[], 0, 1), Found::Nothing);
    }

    #[test]
    fn a_long_text_is_a_short_one_with_a_part_repeated() {
        let long = |pattern: &str, least, most| match find(&[pattern], &[], least, most) {
            Found::Text(text) => text.chars().count() as u64,
            _ => 0,
        };
        assert_eq!(long("^[a-z]+$", 2_001, u64::MAX), 2_001);
        assert_eq!(long("^https://é+/x$", 65_536, 65_540), 65_536);
        assert_eq!(long("^(abc)*$", 2_000, u64::MAX), 2_001);
        assert_eq!(long("^(abc)*$", 2_000, 2_000), 0);
        assert_eq!(long("^a*$", FOUND_CHARS_MAX, u64::MAX), FOUND_CHARS_MAX);
        assert_eq!(long("^a*$", FOUND_CHARS_MAX + 1, u64::MAX), 0);
        assert_eq!(find(&[], &[], FOUND_CHARS_MAX + 1, u64::MAX), Found::Unknown);
        assert_eq!(find(&[], &[], 2, 1), Found::Nothing);
        let budget = Budget::new(1_000);
        let language = Language::new(&["^a*$"], &budget);
        assert_eq!(language.find(&[], &[], 60_000, u64::MAX), Found::Text("a".repeat(60_000)));
        assert_eq!(language.find(&[], &[], 60_000, u64::MAX), Found::Unknown, "the budget pays for one");
    }

    #[test]
    fn few_texts_are_listed() {
        let budget = Budget::new(1_000_000);
        let language = Language::new(&["^(on|off)$", "^o", "n"], &budget);
        assert_eq!(language.words(&[0], &[], 0, 9, 10), (vec!["on".to_owned(), "off".to_owned()], true));
        assert_eq!(language.words(&[0], &[2], 0, 9, 10), (vec!["off".to_owned()], true));
        assert_eq!(language.words(&[1], &[], 0, u64::MAX, 3).0.len(), 3);
        assert!(!language.words(&[1], &[], 0, u64::MAX, 3).1);
    }

    #[test]
    fn the_same_search_is_made_once() {
        let budget = Budget::new(10_000);
        let language = Language::new(&["^[a-z]{50}$"], &budget);
        let find = || language.find(&[0], &[], 0, u64::MAX);
        let (first, left) = (find(), budget.left());
        assert_eq!((find(), budget.left()), (first, left - 1));
    }

    #[test]
    fn what_is_too_much_is_unknown() {
        assert_eq!(find(&["(a|b)*a(a|b){20}"], &["c"], 0, u64::MAX), Found::Unknown);
        assert_eq!(find(&[r"(a)\1"], &[], 0, u64::MAX), Found::Unknown);
        let budget = Budget::new(0);
        assert_eq!(Language::new(&["a"], &budget).find(&[0], &[], 0, 9), Found::Unknown);
    }

    #[test]
    fn a_search_ends_with_the_budget() {
        let budget = Budget::new(60);
        let language = Language::new(&["^[a-z]{50}$"], &budget);
        assert_eq!(language.find(&[0], &[], 0, u64::MAX), Found::Unknown);
        assert!(budget.is_spent());
    }

    #[test]
    fn matching_is_unanchored() {
        let budget = Budget::new(1_000);
        let language = Language::new(&["b", r"^\w+$"], &budget);
        assert_eq!(language.matches(0, "abc"), Some(true));
        assert_eq!(language.matches(0, "ac"), Some(false));
        assert_eq!(language.matches(1, "a b"), Some(false));
    }
}
