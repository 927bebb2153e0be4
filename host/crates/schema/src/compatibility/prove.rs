//! The proof: that every value which is valid under some schemas is valid under one of others.
//!
//! The question is taken apart by the meaning of keywords, as in a sequent calculus: [`Facts`] on the
//! left hold, and of the [`Claim`]s on the right one has to be true. Denying on one side is claiming
//! on the other, so `not`, `oneOf` and `if` need no rules of their own. In the end only claims remain
//! that speak about values of one kind, and about one thing: [`numbers`](super::numbers),
//! [`texts`](super::texts), [`objects`](super::objects) and [`arrays`](super::arrays) close those.
//!
//! Every step is sound: it may forget facts and claims, never invent them. So a proof that is
//! found holds, and one that is not found says nothing.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::HashMap,
};

use serde_json::Value;

use super::{
    budget::Budget,
    claim::Claim,
    classes::Classes,
    evaluate::Evaluator,
    facts::{Case, Facts},
    formats::{self, Formats},
    kinds::Kind,
    language::Language,
    locations::{LocationId, Locations},
    numbers::Numbers,
    terms::{AtomId, SchemaId, Terms, Test},
};
use crate::limits::COMPARISON_DEPTH_MAX;

/// How far a claim may be pursued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effort {
    /// Not at all: only claims that close at once are shown.
    None,
    /// Without taking the facts apart into cases.
    Glance,
    /// By all means.
    Full,
}

/// A question about a part of the payload.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Goal {
    held: Vec<SchemaId>,
    claimed: Vec<SchemaId>,
    here: LocationId,
}

/// The state of a goal.
#[derive(Clone, Copy)]
enum State {
    /// The goal is being proven, at this depth of goals. When it is met again further down in the
    /// payload, it may be assumed: a smallest payload that refutes it cannot contain a smaller one,
    /// and payloads are finite.
    Assumed(usize),
    /// Proven if the goal at that depth, which was assumed, is proven.
    Depends(usize),
    Proven,
    Failed,
}

/// Proves goals, and remembers them.
pub(super) struct Prover<'t> {
    pub(super) terms: &'t Terms<'t>,
    pub(super) classes: &'t Classes,
    pub(super) language: &'t Language<'t>,
    pub(super) formats: &'t Formats,
    pub(super) locations: &'t Locations<'t>,
    pub(super) budget: &'t Budget,
    goals: RefCell<HashMap<Goal, State>>,
    /// Goals that depend on an assumption, in the order in which they were reached.
    dependent: RefCell<Vec<Goal>>,
    /// The highest assumption that was made since the goal at hand began.
    assumption: Cell<usize>,
    /// Goals under way.
    goal_depth: Cell<usize>,
    /// Calls under way, each of which costs stack.
    depth: Cell<usize>,
}

impl<'t> Prover<'t> {
    pub(super) fn new(
        terms: &'t Terms<'t>,
        classes: &'t Classes,
        language: &'t Language<'t>,
        formats: &'t Formats,
        locations: &'t Locations<'t>,
        budget: &'t Budget,
    ) -> Self {
        Self {
            terms,
            classes,
            language,
            formats,
            locations,
            budget,
            goals: RefCell::default(),
            dependent: RefCell::default(),
            assumption: Cell::new(usize::MAX),
            goal_depth: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    pub(super) fn evaluator(&self) -> Evaluator<'t> {
        Evaluator { terms: self.terms, language: self.language, formats: self.formats, budget: self.budget }
    }

    /// Whether every value at the location that is valid under all of `held` is valid under one
    /// of `claimed`.
    pub(super) fn proves(&self, held: &[SchemaId], claimed: &[SchemaId], here: LocationId) -> bool {
        if !self.budget.take(1) {
            return false;
        }
        if claimed.iter().any(|&claim| self.is_obvious(held, claim)) {
            return true;
        }
        let goal = Goal { held: sorted_set(held), claimed: sorted_set(claimed), here };
        let state = self.goals.borrow().get(&goal).copied();
        match state {
            Some(State::Proven) => true,
            Some(State::Failed) => false,
            Some(State::Assumed(depth) | State::Depends(depth)) => {
                self.assumption.set(self.assumption.get().min(depth));
                true
            }
            None => self.pursue(goal),
        }
    }

    /// Whether the claim is one of the schemas that hold, by its form.
    pub(super) fn is_obvious(&self, held: &[SchemaId], claim: SchemaId) -> bool {
        let class = self.classes.of_schemas[claim];
        self.terms.schemas[claim].atoms.is_empty() || held.iter().any(|&held| self.classes.of_schemas[held] == class)
    }

    fn pursue(&self, goal: Goal) -> bool {
        let depth = self.goal_depth.get();
        let dependent_before = self.dependent.borrow().len();
        let outer_assumption = self.assumption.replace(usize::MAX);
        self.goals.borrow_mut().insert(goal.clone(), State::Assumed(depth));
        self.goal_depth.set(depth + 1);
        let facts = Facts::new(self.terms, &goal.held, goal.here);
        let claims: Vec<Claim> = goal.claimed.iter().copied().map(Claim::Valid).collect();
        let proven = facts.kinds.iter().all(|kind| self.shows(kind, &facts, &claims, Effort::Full));
        self.goal_depth.set(depth);
        let assumption = self.assumption.get();
        let state = match proven {
            false => State::Failed,
            true if assumption >= depth => State::Proven,
            true => State::Depends(assumption),
        };
        self.settle(dependent_before, state);
        if let State::Depends(_) = state {
            self.dependent.borrow_mut().push(goal.clone());
        }
        self.goals.borrow_mut().insert(goal, state);
        let passed_on = if proven && assumption < depth { assumption } else { usize::MAX };
        self.assumption.set(outer_assumption.min(passed_on));
        proven
    }

    /// Settles the goals that were proven on the way to one, and so depended on it or on its
    /// assumption.
    fn settle(&self, dependent_before: usize, state: State) {
        let mut goals = self.goals.borrow_mut();
        let mut dependent = self.dependent.borrow_mut();
        for goal in &dependent[dependent_before..] {
            match state {
                State::Failed => drop(goals.remove(goal)),
                state => drop(goals.insert(goal.clone(), state)),
            }
        }
        if !matches!(state, State::Depends(_)) {
            dependent.truncate(dependent_before);
        }
    }

    /// Whether every value of this kind with these facts makes one of the claims true. Without
    /// claims: whether there is no such value.
    pub(super) fn shows(&self, kind: Kind, facts: &Facts<'t>, claims: &[Claim], effort: Effort) -> bool {
        let depth = self.depth.get();
        if depth >= COMPARISON_DEPTH_MAX || !self.budget.take(1 + facts.atoms.len() / 16) {
            return false;
        }
        self.depth.set(depth + 1);
        let shown = self.shows_within(kind, facts, claims, effort);
        self.depth.set(depth);
        shown
    }

    fn shows_within(&self, kind: Kind, facts: &Facts<'t>, claims: &[Claim], effort: Effort) -> bool {
        if facts.clash(kind, self.classes) || claims.iter().any(|claim| self.is_known(kind, facts, *claim)) {
            return true;
        }
        if let Some(values) = self.values(kind, facts) {
            let verdict = self.all_make_true(facts, &values, claims);
            if let Some(verdict) = verdict {
                return verdict;
            }
        }
        match claims {
            [] => self.is_impossible(kind, facts, effort),
            [Claim::Valid(schema)] => {
                let atoms = self.flattened(*schema);
                atoms.into_iter().all(|atom| self.shows(kind, facts, &[Claim::Satisfies(atom)], effort))
            }
            [Claim::Satisfies(atom)] if self.is_combination(*atom) => {
                self.shows_combination(kind, facts, *atom, &[], effort)
            }
            [Claim::Satisfies(atom)] => {
                self.closes(kind, facts, &[*atom]) || self.shows_by_cases(kind, facts, claims, effort)
            }
            _ => self.shows_together(kind, facts, claims, effort) || self.shows_by_cases(kind, facts, claims, effort),
        }
    }

    /// Whether the facts contradict each other at a glance, also about members.
    fn clashes(&self, kind: Kind, facts: &Facts<'t>) -> bool {
        facts.clash(kind, self.classes) || (kind == Kind::Object && self.members_clash(facts))
    }

    /// Whether a claim is among the facts by its form, or cannot be false for this kind of value.
    fn is_known(&self, kind: Kind, facts: &Facts<'t>, claim: Claim) -> bool {
        match claim {
            Claim::Valid(schema) => self.is_obvious(&facts.held, schema),
            Claim::Satisfies(atom) => {
                let class = self.classes.of_atoms[atom];
                let is_same = |own: &AtomId| self.classes.of_atoms[*own] == class;
                let test = &self.terms.atoms[atom].test;
                !test.domain().contains(kind)
                    || facts.atoms.iter().any(is_same)
                    || facts.held.iter().any(|&held| self.terms.schemas[held].atoms.iter().any(is_same))
                    || matches!(test, Test::Kinds(kinds) if kinds.contains(kind))
                    || matches!(test, Test::Format(format) if !formats::is_asserted(format))
            }
        }
    }

    /// All values of the kind that the facts leave, if they are few; perhaps with some that the facts
    /// exclude.
    fn values(&self, kind: Kind, facts: &Facts<'t>) -> Option<Vec<Cow<'t, Value>>> {
        if let Some(listed) = facts.listed
            && let Test::Among(values) = &self.terms.atoms[listed].test
        {
            return Some(
                values.iter().filter(|value| Kind::of(value) == kind).map(|value| Cow::Borrowed(*value)).collect(),
            );
        }
        match kind {
            Kind::Null => Some(vec![Cow::Owned(Value::Null)]),
            Kind::Boolean => Some(vec![Cow::Owned(Value::Bool(false)), Cow::Owned(Value::Bool(true))]),
            Kind::Integer => {
                let listed = self.numbers(facts).list()?;
                Some(listed.into_iter().map(Cow::Owned).collect())
            }
            _ => None,
        }
    }

    /// Whether each of the values breaks a fact or makes a claim true; `None` if one could not be
    /// judged and the others do.
    fn all_make_true(&self, facts: &Facts<'t>, values: &[Cow<'t, Value>], claims: &[Claim]) -> Option<bool> {
        let evaluator = self.evaluator();
        let mut all = Some(true);
        for value in values {
            let breaks_a_fact = facts.held.iter().any(|&held| evaluator.schema(held, value) == Some(false))
                || facts.denied.iter().any(|&denied| evaluator.schema(denied, value) == Some(true))
                || facts.atoms.iter().any(|&atom| evaluator.atom(atom, value) == Some(false))
                || facts.absent.iter().any(|name| value.get(name).is_some())
                || (value.is_object() && facts.present.iter().any(|name| value.get(name).is_none()));
            if breaks_a_fact {
                continue;
            }
            let mut verdicts = claims.iter().map(|&claim| evaluator.claim(claim, value));
            let mut is_unknown = false;
            if !verdicts.any(|verdict| {
                is_unknown |= verdict.is_none();
                verdict == Some(true)
            }) {
                if !is_unknown && !self.is_unsure(facts, value) {
                    return Some(false);
                }
                all = None;
            }
        }
        all
    }

    /// Whether evaluation cannot tell if the value has all the facts.
    fn is_unsure(&self, facts: &Facts<'t>, value: &Value) -> bool {
        let evaluator = self.evaluator();
        !facts.splits.is_empty()
            || facts.held.iter().chain(&facts.denied).any(|&schema| evaluator.schema(schema, value).is_none())
    }

    /// The atoms of a schema, those of `allOf` and of references among them.
    pub(super) fn flattened(&self, schema: SchemaId) -> Vec<AtomId> {
        let mut atoms = Vec::new();
        let mut waiting = vec![schema];
        while let Some(next) = waiting.pop() {
            for (id, atom) in self.terms.atoms_of(next) {
                match &atom.test {
                    Test::All(schemas) => waiting.extend(schemas.iter().rev()),
                    _ => atoms.push(id),
                }
            }
        }
        atoms
    }

    fn is_combination(&self, atom: AtomId) -> bool {
        matches!(
            self.terms.atoms[atom].test,
            Test::All(_)
                | Test::Any(_)
                | Test::One(_)
                | Test::Not(_)
                | Test::If { .. }
                | Test::With { .. }
                | Test::WithSchema { .. }
                | Test::OtherMembers(_)
                | Test::OtherElements(_)
        )
    }

    /// Whether the combination or one of the other claims is true.
    fn shows_combination(&self, kind: Kind, facts: &Facts<'t>, atom: AtomId, others: &[Claim], effort: Effort) -> bool {
        let with = |claims: &[Claim]| [claims, others].concat();
        let shows = |facts: &Facts<'t>, claims: &[Claim]| self.shows(kind, facts, &with(claims), effort);
        let holding = |schemas: &[SchemaId], name: Option<&'t str>| {
            let mut facts = facts.clone();
            for &schema in schemas {
                facts.hold(self.terms, schema);
            }
            if let Some(name) = name {
                facts.set_present(name);
            }
            facts
        };
        let owner = self.terms.atoms[atom].owner;
        match &self.terms.atoms[atom].test {
            Test::All(schemas) => schemas.iter().all(|&schema| shows(facts, &[Claim::Valid(schema)])),
            Test::Any(schemas) => {
                let any: Vec<Claim> = schemas.iter().copied().map(Claim::Valid).collect();
                shows(facts, &any)
            }
            Test::One(schemas) => {
                let any: Vec<Claim> = schemas.iter().copied().map(Claim::Valid).collect();
                let mut pairs = schemas
                    .iter()
                    .enumerate()
                    .flat_map(|(i, &one)| schemas[..i].iter().map(move |&other| [one, other]));
                shows(facts, &any) && pairs.all(|pair| shows(&holding(&pair, None), &[]))
            }
            Test::Not(schema) => shows(&holding(&[*schema], None), &[]),
            Test::If { condition, then, otherwise } => {
                then.is_none_or(|then| shows(&holding(&[*condition], None), &[Claim::Valid(then)]))
                    && otherwise
                        .is_none_or(|otherwise| shows(facts, &[Claim::Valid(*condition), Claim::Valid(otherwise)]))
            }
            Test::With { name, required } => shows(&holding(&[], Some(name)), &[Claim::Satisfies(*required)]),
            Test::WithSchema { name, schema } => shows(&holding(&[], Some(name)), &[Claim::Valid(*schema)]),
            // The members that other keywords evaluate have to be known, so the atoms beside this one are
            // assumed: each of them is proven on its own.
            Test::OtherMembers(_) | Test::OtherElements(_) if !facts.partly.contains(&owner) => {
                let mut facts = facts.clone();
                facts.hold_partly(self.terms, owner);
                shows(&facts, &[Claim::Satisfies(atom)])
            }
            _ => {
                self.closes(kind, facts, &[atom])
                    || self.shows_by_cases(kind, facts, &with(&[Claim::Satisfies(atom)]), effort)
            }
        }
    }

    /// Whether one of several claims is true for each value, though none of them is for all.
    fn shows_together(&self, kind: Kind, facts: &Facts<'t>, claims: &[Claim], effort: Effort) -> bool {
        let effort = effort.min(Effort::Glance);
        let mut open: Vec<Vec<AtomId>> = Vec::new();
        for claim in claims {
            let atoms = match *claim {
                Claim::Valid(schema) => self.flattened(schema),
                Claim::Satisfies(atom) => vec![atom],
            };
            let unproven = |atom: &AtomId| !self.shows(kind, facts, &[Claim::Satisfies(*atom)], effort);
            let atoms: Vec<AtomId> = atoms.into_iter().filter(unproven).collect();
            if atoms.is_empty() {
                return true;
            }
            open.push(atoms);
        }
        for &denied in &facts.denied_open {
            if let [atom] = self.flattened(denied)[..] {
                open.push(vec![atom]);
            }
        }
        open.sort_by_key(Vec::len);
        self.closes_each(kind, facts, &mut Vec::new(), &open)
    }

    /// Whether the facts exclude that all claims are false. A claim is false when one of its atoms is,
    /// so every choice of one atom of each claim has to be excluded.
    fn closes_each(&self, kind: Kind, facts: &Facts<'t>, chosen: &mut Vec<AtomId>, open: &[Vec<AtomId>]) -> bool {
        if chosen.len() > 1 && self.closes_together(kind, facts, chosen) {
            return true;
        }
        let Some((first, rest)) = open.split_first() else { return false };
        first.iter().all(|&atom| {
            chosen.push(atom);
            let closed = self.budget.take(1) && self.closes_each(kind, facts, chosen, rest);
            chosen.pop();
            closed
        })
    }

    fn closes_together(&self, kind: Kind, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        match atoms.iter().position(|&atom| self.is_combination(atom) && !self.is_unevaluated(atom)) {
            None => self.closes(kind, facts, atoms),
            Some(position) => {
                let others = atoms.iter().enumerate().filter(|(other, _)| *other != position);
                let others: Vec<Claim> = others.map(|(_, &atom)| Claim::Satisfies(atom)).collect();
                let depth = self.depth.get();
                if depth >= COMPARISON_DEPTH_MAX {
                    return false;
                }
                self.depth.set(depth + 1);
                let shown = self.shows_combination(kind, facts, atoms[position], &others, Effort::Glance);
                self.depth.set(depth);
                shown
            }
        }
    }

    fn is_unevaluated(&self, atom: AtomId) -> bool {
        matches!(self.terms.atoms[atom].test, Test::OtherMembers(_) | Test::OtherElements(_))
    }

    /// Takes one combination among the facts apart, and proves the claims in each case.
    fn shows_by_cases(&self, kind: Kind, facts: &Facts<'t>, claims: &[Claim], effort: Effort) -> bool {
        if effort != Effort::Full {
            return false;
        }
        let mut facts = facts.clone();
        while let Some(split) = facts.splits.pop() {
            let possible = |case: &Case<'t>| {
                let facts = facts.with_case(self.terms, case);
                (!self.clashes(kind, &facts)).then_some(facts)
            };
            let mut cases: Vec<Facts<'t>> = split.iter().filter_map(possible).collect();
            match cases.len() {
                0 => return true,
                // Only one case is possible, so its facts hold.
                1 => facts = cases.swap_remove(0),
                _ => return cases.iter().all(|facts| self.shows(kind, facts, claims, effort)),
            }
            if self.shows(kind, &facts, claims, Effort::Glance) {
                return true;
            }
        }
        self.is_impossible(kind, &facts, effort)
    }

    /// Whether there is no value of the kind with these facts.
    fn is_impossible(&self, kind: Kind, facts: &Facts<'t>, effort: Effort) -> bool {
        if self.closes(kind, facts, &[]) {
            return true;
        }
        // A denied schema that can be shown contradicts the facts. Each time with less effort, or the
        // search would take long.
        let less = match effort {
            Effort::Full => Effort::Glance,
            Effort::Glance => Effort::None,
            Effort::None => return false,
        };
        for (position, &denied) in facts.denied_open.iter().enumerate() {
            let mut others = facts.clone();
            others.denied_open.remove(position);
            others.denied.retain(|other| *other != denied);
            if self.shows(kind, &others, &[Claim::Valid(denied)], less) {
                return true;
            }
        }
        !facts.splits.is_empty() && self.shows_by_cases(kind, facts, &[], effort)
    }

    /// Whether the facts exclude that all these atoms, none of which is a combination, are false.
    fn closes(&self, kind: Kind, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        let can_be_false = |&atom: &AtomId| self.terms.atoms[atom].test.domain().contains(kind);
        if !atoms.iter().all(can_be_false) {
            return true;
        }
        let is_bare = atoms.is_empty();
        let atoms = self.with_denied(kind, facts, atoms);
        match kind {
            Kind::Null | Kind::Boolean => false,
            Kind::Integer | Kind::Fraction => self.closes_numbers(kind, facts, &atoms),
            Kind::String => self.closes_texts(facts, &atoms),
            Kind::Array => self.closes_arrays(facts, &atoms, is_bare),
            Kind::Object => self.closes_objects(facts, &atoms, is_bare),
        }
    }

    /// The atoms, and each atom of a denied schema that is false because no other atom of that can be.
    fn with_denied<'s>(&self, kind: Kind, facts: &Facts<'t>, atoms: &'s [AtomId]) -> Cow<'s, [AtomId]> {
        let mut all = Cow::Borrowed(atoms);
        for &denied in &facts.denied_open {
            let mut open = self.flattened(denied);
            open.retain(|&atom| !self.is_known(kind, facts, Claim::Satisfies(atom)));
            if let [atom] = open[..]
                && !self.is_combination(atom)
            {
                all.to_mut().push(atom);
            }
        }
        all
    }

    /// Whether the only value that is left breaks a fact or satisfies one of the atoms.
    pub(super) fn only_value_closes(&self, facts: &Facts<'t>, atoms: &[AtomId], value: &Value) -> bool {
        let evaluator = self.evaluator();
        facts.atoms.iter().any(|&atom| evaluator.atom(atom, value) == Some(false))
            || atoms.iter().any(|&atom| evaluator.atom(atom, value) == Some(true))
    }

    fn numbers(&self, facts: &Facts<'t>) -> Numbers<'t> {
        let mut numbers = Numbers::default();
        for &atom in &facts.atoms {
            numbers.hold(&self.terms.atoms[atom].test);
        }
        numbers
    }

    fn closes_numbers(&self, kind: Kind, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        let mut numbers = self.numbers(facts);
        for &atom in atoms {
            let test = &self.terms.atoms[atom].test;
            numbers.deny(test);
            if matches!(test, Test::MultipleOf(divisor) if numbers.are_multiples(kind, divisor)) {
                return true;
            }
        }
        numbers.is_empty(kind)
    }
}

fn sorted_set(schemas: &[SchemaId]) -> Vec<SchemaId> {
    let mut sorted = schemas.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}
