//! Builds values that are valid under some schemas and not under others.
//!
//! The search does not try at random. It begins with the smallest value that the schemas let
//! through, and changes it in each of the ways that could make a claim false: the bound and its
//! neighbours, a member left out or added, a text that one pattern matches and another does not.
//! Every value is evaluated before it is handed out, so the search may be careless.

mod texts;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use serde_json::{Map, Number, Value, json};

use super::{
    claim::Claim,
    equality::equal,
    facts::Facts,
    kinds::Kind,
    language::BYTES_PER_STEP,
    locations::{EVERYTHING_COUNTS, LocationId, in_place_closure},
    members::{Region, covers},
    prove::Prover,
    terms::{AtomId, PatternId, SchemaId, Scope, Span, Test},
};
use crate::number::integer;

/// Levels down to which values are built.
const LEVELS_MAX: usize = 12;
/// Combinations of branches that are tried.
const PROFILES_MAX: usize = 24;
/// Values that are handed out for a part of a larger value.
const SAMPLES_MAX: usize = 4;
/// Texts of a pattern that are tried.
const WORDS_MAX: usize = 12;
/// Elements of an array that only shows that a bound is exceeded.
const SIZE_MAX: u64 = 20_000;

/// The schemas that a value has to satisfy, and the claims that it has to break.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Order {
    held: Vec<SchemaId>,
    broken: Vec<Claim>,
    here: LocationId,
}

/// Builds values.
pub(super) struct Sampler<'p, 't> {
    prover: &'p Prover<'t>,
    known: RefCell<HashMap<Order, Rc<Vec<Value>>>>,
}

impl<'p, 't> Sampler<'p, 't> {
    pub(super) fn new(prover: &'p Prover<'t>) -> Self {
        Self { prover, known: RefCell::default() }
    }

    /// Values at the location that are valid under all of `held` and make all of `broken` false,
    /// as far as can be told.
    pub(super) fn samples(&self, held: &[SchemaId], broken: &[Claim], here: LocationId, most: usize) -> Vec<Value> {
        self.build(held, broken, here, most, 0)
    }

    /// Values for a part of a larger one.
    fn parts(&self, held: &[SchemaId], broken: &[Claim], here: LocationId, level: usize) -> Rc<Vec<Value>> {
        // What did not change is not broken, and mostly that is nearly everything.
        let is_hopeless =
            |claim: &Claim| matches!(*claim, Claim::Valid(schema) if self.prover.is_obvious(held, schema));
        if broken.iter().any(is_hopeless) {
            return Rc::default();
        }
        let order = Order { held: held.to_vec(), broken: broken.to_vec(), here };
        if let Some(known) = self.known.borrow().get(&order) {
            return Rc::clone(known);
        }
        // A value that would have to contain itself is not built.
        self.known.borrow_mut().insert(order.clone(), Rc::default());
        let most = if broken.is_empty() { 2 } else { SAMPLES_MAX };
        let built = Rc::new(self.build(held, broken, here, most, level + 1));
        // Meanwhile the same order further down got no values. The final answer replaces that.
        self.known.borrow_mut().insert(order, Rc::clone(&built));
        built
    }

    fn build(&self, held: &[SchemaId], broken: &[Claim], here: LocationId, most: usize, level: usize) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        if level > LEVELS_MAX {
            return found;
        }
        let evaluator = self.prover.evaluator();
        for facts in self.profiles(held, here) {
            for kind in kinds_to_try(&facts, broken) {
                for value in (Draft { sampler: self, facts: &facts, broken, level }).of_kind(kind) {
                    if !self.prover.budget.take(1) {
                        return found;
                    }
                    let is_valid = || held.iter().all(|&held| evaluator.schema(held, &value) != Some(false));
                    let breaks = || broken.iter().all(|&claim| evaluator.claim(claim, &value) != Some(true));
                    let is_new = || !found.iter().any(|other| equal(other, &value));
                    if breaks() && is_valid() && is_new() {
                        found.push(value);
                        if found.len() == most {
                            return found;
                        }
                    }
                }
            }
        }
        found
    }

    /// The facts of each combination of branches, as far as they are few.
    fn profiles(&self, held: &[SchemaId], here: LocationId) -> Vec<Facts<'t>> {
        let terms = self.prover.terms;
        let mut waiting = vec![Facts::new(terms, held, here)];
        let mut profiles = Vec::new();
        while let Some(mut facts) = waiting.pop() {
            if profiles.len() == PROFILES_MAX || !self.prover.budget.take(1 + facts.atoms.len() / 8) {
                break;
            }
            match facts.splits.pop() {
                None => profiles.push(facts),
                Some(split) => {
                    let cases = split.iter().rev().map(|case| facts.with_case(terms, case));
                    waiting.extend(cases.filter(|facts| !facts.kinds.is_empty() && !self.prover.members_clash(facts)));
                }
            }
        }
        profiles
    }
}

/// The kinds to try: the simple ones first, unless there are claims to break.
fn kinds_to_try(facts: &Facts<'_>, broken: &[Claim]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = facts.kinds.iter().collect();
    if broken.is_empty() {
        kinds.reverse();
    }
    kinds
}

/// One attempt: values with these facts.
struct Draft<'d, 'p, 't> {
    sampler: &'d Sampler<'p, 't>,
    facts: &'d Facts<'t>,
    broken: &'d [Claim],
    level: usize,
}

impl<'t> Draft<'_, '_, 't> {
    fn of_kind(&self, kind: Kind) -> Vec<Value> {
        if let Some(listed) = self.facts.listed
            && let Test::Among(values) = self.test(listed)
        {
            return values.iter().copied().filter(|value| Kind::of(value) == kind).cloned().collect();
        }
        match kind {
            Kind::Null => vec![Value::Null],
            Kind::Boolean => vec![json!(true), json!(false)],
            Kind::Integer => self.integers(),
            Kind::Fraction => self.fractions(),
            Kind::String => self.texts(),
            Kind::Array => self.arrays(),
            Kind::Object => self.objects(),
        }
    }

    fn prover(&self) -> &Prover<'t> {
        self.sampler.prover
    }

    fn test(&self, atom: AtomId) -> &'t Test<'t> {
        &self.sampler.prover.terms.atoms[atom].test
    }

    /// The tests that hint at values to try: those of the claims to break, with all branches in them.
    fn hints(&self) -> Vec<&'t Test<'t>> {
        let terms = self.sampler.prover.terms;
        let schemas = self.broken.iter().flat_map(|claim| match *claim {
            Claim::Valid(schema) => vec![schema],
            Claim::Satisfies(atom) => terms.atoms[atom].test.in_place(),
        });
        let closure = in_place_closure(terms, schemas.collect());
        let own = self.broken.iter().filter_map(|claim| match *claim {
            Claim::Satisfies(atom) => Some(&terms.atoms[atom].test),
            Claim::Valid(_) => None,
        });
        let denied = in_place_closure(terms, self.facts.denied.clone());
        let of_schemas =
            closure.into_iter().chain(denied).flat_map(|schema| terms.atoms_of(schema).map(|(_, atom)| &atom.test));
        own.chain(of_schemas).collect()
    }

    fn known(&self) -> impl Iterator<Item = &'t Test<'t>> {
        self.facts.atoms.iter().map(|&atom| self.test(atom))
    }

    fn limits(&self) -> Vec<&'t Number> {
        let limit = |test: &'t Test<'t>| match test {
            Test::AtLeast(bound) | Test::AtMost(bound) => vec![bound.limit],
            Test::MultipleOf(divisor) => vec![*divisor],
            Test::Among(values) => values.iter().filter_map(|value| value.as_number()).collect(),
            _ => Vec::new(),
        };
        self.hints().into_iter().chain(self.known()).flat_map(limit).take(64).collect()
    }

    fn divisors(&self) -> Vec<&'t Number> {
        let divisor = |test: &'t Test<'t>| match test {
            Test::MultipleOf(divisor) => Some(*divisor),
            _ => None,
        };
        self.known().filter_map(divisor).collect()
    }

    fn integers(&self) -> Vec<Value> {
        let mut found: Vec<i128> = vec![0, 1, -1, 2, 3, 7];
        for limit in self.limits() {
            let Some(limit) = integer(limit).or_else(|| rounded(limit)) else { continue };
            found.extend([
                limit,
                limit + 1,
                limit - 1,
                limit + 2,
                limit - 2,
                2 * limit,
                3 * limit,
                2 * limit + 1,
                limit / 2,
            ]);
        }
        let bases = found.clone();
        let steps = self.divisors().into_iter().filter_map(integer).filter(|step| *step > 0);
        let product = steps.reduce(|one, other| one.saturating_mul(other).min(u64::MAX.into()));
        if let Some(step) = product {
            for base in bases {
                let below = base.div_euclid(step) * step;
                found.extend([below, below + step, below + 2 * step, below - step]);
            }
        }
        found.extend([1_000_003, -1_000_003]);
        found
            .into_iter()
            .filter_map(|integer| {
                i64::try_from(integer).map(Value::from).or_else(|_| u64::try_from(integer).map(Value::from)).ok()
            })
            .collect()
    }

    fn fractions(&self) -> Vec<Value> {
        let mut found = vec![0.5, -0.5, 1.5, 0.25, 0.1, 0.3];
        for limit in self.limits().into_iter().filter_map(Number::as_f64) {
            found.extend([
                limit,
                limit + 0.5,
                limit - 0.5,
                limit + 0.25,
                limit - 0.25,
                limit / 2.0,
                limit * 2.0,
                limit * 3.0,
                limit + 0.01,
                limit - 0.01,
            ]);
        }
        for step in self.divisors().into_iter().filter_map(Number::as_f64) {
            let bases = found.clone();
            found.extend(bases.into_iter().flat_map(|base| {
                let times = (base / step).floor();
                [times * step, (times + 1.0) * step, (times + 2.0) * step, (times - 1.0) * step]
            }));
            found.extend([step, 2.0 * step, 3.0 * step, 5.0 * step, 7.0 * step]);
        }
        found
            .into_iter()
            .filter_map(Number::from_f64)
            .map(Value::Number)
            .filter(|value| Kind::of(value) == Kind::Fraction)
            .collect()
    }

    /// A copy of a value, for which the budget pays: values of a long text each would fill the memory.
    fn copy(&self, value: &Value) -> Option<Value> {
        self.prover().budget.take(weight(value) / BYTES_PER_STEP).then(|| value.clone())
    }

    fn copies(&self, values: &[Value]) -> Option<Vec<Value>> {
        values.iter().map(|value| self.copy(value)).collect()
    }

    fn copy_object(&self, object: &Map<String, Value>) -> Option<Map<String, Value>> {
        let weight: usize = object.iter().map(|(name, member)| name.len() + weight(member)).sum();
        self.prover().budget.take(weight / BYTES_PER_STEP).then(|| object.clone())
    }

    fn elements(&self, index: usize, held: &[SchemaId], broken: &[Claim]) -> Rc<Vec<Value>> {
        let prover = self.prover();
        let mut schemas = [&prover.element_schemas(self.facts, index), held].concat();
        if schemas.len() == held.len() {
            schemas.extend(self.rest(|test| if let Test::OtherElements(schema) = test { Some(*schema) } else { None }));
        }
        let here = prover.locations.element(self.facts.here, index);
        self.sampler.parts(&schemas, broken, here, self.level)
    }

    /// The smallest array with so many elements, if there is one.
    fn array(&self, count: u64) -> Option<Vec<Value>> {
        let count = usize::try_from(count.min(SIZE_MAX)).ok().filter(|&count| self.prover().budget.take(count))?;
        let mut elements: Vec<Value> = Vec::with_capacity(count);
        let mut wanted: Vec<(SchemaId, u64)> = Vec::new();
        for test in self.known() {
            if let Test::ContainsAtLeast(schema, least) = test {
                wanted.push((*schema, *least));
            }
        }
        for index in 0..count {
            let contained = wanted.iter_mut().find(|(_, least)| *least > 0).map(|(schema, least)| {
                *least -= 1;
                *schema
            });
            let choices = match contained.map(|schema| self.elements(index, &[schema], &[])) {
                Some(choices) if !choices.is_empty() => choices,
                _ => self.elements(index, &[], &[]),
            };
            let unused = choices.iter().find(|choice| count > 64 || !elements.iter().any(|other| equal(other, choice)));
            elements.push(self.copy(unused.or_else(|| choices.first())?)?);
        }
        Some(elements)
    }

    fn arrays(&self) -> Vec<Value> {
        let least = self.known().map(|test| match test {
            Test::ElementsAtLeast(count) | Test::ContainsAtLeast(_, count) => *count,
            _ => 0,
        });
        let least = least.max().unwrap_or(0);
        let mut found: Vec<Vec<Value>> = Vec::new();
        for hint in self.hints() {
            match hint {
                Test::Elements(span, schema) => self.with_wrong_element(&mut found, least, *span, *schema),
                Test::OtherElements(schema) => {
                    (0..4).for_each(|index| self.with_wrong_element(&mut found, least, Span::At(index), *schema));
                }
                Test::ElementsAtMost(most) if *most < SIZE_MAX => found.extend(self.array(least.max(most + 1))),
                Test::Unique => {
                    let mut twice = self.array(least.max(2)).unwrap_or_default();
                    if let [first, second, ..] = &mut twice[..] {
                        second.clone_from(first);
                    }
                    found.push(twice);
                }
                Test::ContainsAtLeast(schema, _) => {
                    for count in [least, least.max(1)] {
                        let count = usize::try_from(count.min(SIZE_MAX)).unwrap_or(0);
                        let wrong = |index| self.copy(self.elements(index, &[], &[Claim::Valid(*schema)]).first()?);
                        found.extend((0..count).map(wrong).collect::<Option<Vec<Value>>>());
                    }
                }
                Test::ContainsAtMost(schema, most) if *most < SIZE_MAX => {
                    let count = usize::try_from(least.max(most + 1).min(SIZE_MAX)).unwrap_or(0);
                    let (wanted, unwanted) = self.contained();
                    // Elements that the new schema counts, and that the old one does not count where it
                    // allows no more of its own.
                    for broken in [&[][..], &unwanted[..]] {
                        let right = |index: usize| {
                            let choices = match wanted.get(index) {
                                Some(&own) => self.elements(index, &[*schema, own], &[]),
                                None => self.elements(index, &[*schema], broken),
                            };
                            self.copy(choices.get(index % choices.len().max(1))?)
                        };
                        found.extend((0..count).map(right).collect::<Option<Vec<Value>>>());
                    }
                }
                _ => {}
            }
        }
        for count in [least, least + 1, least + 2, least + 3] {
            found.extend(self.array(count));
        }
        found.into_iter().map(Value::from).collect()
    }

    /// The schemas that the first elements have to satisfy for `contains`, and the claims that further
    /// ones should break for `maxContains`.
    fn contained(&self) -> (Vec<SchemaId>, Vec<Claim>) {
        let wanted = self.known().flat_map(|test| match test {
            Test::ContainsAtLeast(schema, least) => {
                vec![*schema; usize::try_from((*least).min(SIZE_MAX)).unwrap_or(0)]
            }
            _ => Vec::new(),
        });
        let unwanted = self.known().filter_map(|test| match test {
            Test::ContainsAtMost(schema, _) => Some(Claim::Valid(*schema)),
            _ => None,
        });
        (wanted.collect(), unwanted.collect())
    }

    fn with_wrong_element(&self, found: &mut Vec<Vec<Value>>, least: u64, span: Span, schema: SchemaId) {
        for index in [span.first(), span.first() + 1] {
            if !span.covers(index) {
                continue;
            }
            let Some(base) = self.array(least.max(index as u64 + 1)) else { continue };
            for wrong in self.elements(index, &[], &[Claim::Valid(schema)]).iter() {
                let Some(mut elements) = self.copies(&base) else { return };
                if let (Some(element), Some(wrong)) = (elements.get_mut(index), self.copy(wrong)) {
                    *element = wrong;
                }
                found.push(elements);
            }
        }
    }

    fn member(&self, name: &str, broken: &[Claim]) -> Rc<Vec<Value>> {
        self.member_with(name, None, broken)
    }

    /// Values for a member that are valid under one schema more.
    fn member_with(&self, name: &str, held: Option<SchemaId>, broken: &[Claim]) -> Rc<Vec<Value>> {
        let prover = self.prover();
        let region = Region::Name(name);
        let here = prover.locations.member(prover.language, self.facts.here, &region);
        let mut schemas = self.schemas_of(name);
        schemas.extend(held);
        self.sampler.parts(&schemas, broken, here, self.level)
    }

    fn schemas_of(&self, name: &str) -> Vec<SchemaId> {
        let prover = self.prover();
        let region = Region::Name(name);
        let holds_there = |test: &Test<'_>| match test {
            Test::Members(scope, schema) => {
                (covers(prover.terms, prover.language, *scope, &region) == Some(true)).then_some(*schema)
            }
            _ => None,
        };
        let schemas: Vec<SchemaId> = self.known().filter_map(holds_there).collect();
        if schemas.is_empty() {
            return self.rest(|test| if let Test::OtherMembers(schema) = test { Some(*schema) } else { None });
        }
        schemas
    }

    /// The schemas of what no other keyword evaluates, for a part of which no other is known.
    fn rest(&self, schema: impl Fn(&Test<'t>) -> Option<SchemaId>) -> Vec<SchemaId> {
        self.known().filter_map(schema).collect()
    }

    /// Names that a member may have here, those that the schemas mention first.
    fn names(&self) -> Vec<String> {
        let prover = self.prover();
        let schemas: Vec<SchemaId> = self
            .broken
            .iter()
            .map(|claim| match *claim {
                Claim::Valid(schema) => schema,
                Claim::Satisfies(atom) => prover.terms.atoms[atom].owner,
            })
            .chain(self.facts.held.iter().copied())
            .chain(prover.locations.at(self.facts.here).schemas.iter().copied())
            .collect();
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        let mut about_names = Vec::new();
        let closure = in_place_closure(prover.terms, schemas);
        prover.budget.take(closure.len());
        for schema in closure {
            let own = &prover.terms.schemas[schema];
            names.extend(own.names.iter().chain(&own.mentions).map(|name| (*name).to_owned()));
            patterns.extend(&own.patterns);
            about_names.extend(prover.terms.atoms_of(schema).filter_map(|(_, atom)| match atom.test {
                Test::Names(names) => Some(names),
                _ => None,
            }));
        }
        names.extend(self.fresh_names(patterns, &about_names));
        let is_declared =
            |name: &String| prover.locations.declares(prover.language, self.facts.here, &Region::Name(name));
        let mut seen = HashSet::new();
        names.into_iter().filter(|name| seen.insert(name.clone()) && is_declared(name)).collect()
    }

    fn fresh_names(&self, mut patterns: Vec<PatternId>, about_names: &[SchemaId]) -> Vec<String> {
        patterns.sort_unstable();
        patterns.dedup();
        let mut names = Vec::new();
        let held: Vec<SchemaId> =
            self.known().filter_map(|test| if let Test::Names(names) = test { Some(*names) } else { None }).collect();
        let mut legal = |broken: &[Claim]| {
            let texts = self.sampler.parts(&held, broken, EVERYTHING_COUNTS, self.level);
            names.extend(texts.iter().filter_map(|text| text.as_str().map(str::to_owned)));
        };
        for &schema in about_names {
            legal(&[Claim::Valid(schema)]);
        }
        if !held.is_empty() {
            legal(&[]);
        }
        for &pattern in patterns.iter().take(8) {
            let others: Vec<PatternId> = patterns.iter().copied().filter(|other| *other != pattern).collect();
            names.extend(self.text(&[pattern], &others, 0, u64::MAX));
            names.extend(self.prover().language.words(&[pattern], &[], 0, u64::MAX, WORDS_MAX).0);
        }
        if !patterns.is_empty() {
            names.extend(self.text(&[], &patterns, 1, u64::MAX));
        }
        names.extend(["extra", "other", "x", "y", "z"].map(str::to_owned));
        names
    }

    fn objects(&self) -> Vec<Value> {
        let names = self.names();
        let mut small = Map::new();
        for name in &self.facts.present {
            if let Some(member) = self.member(name, &[]).first().and_then(|member| self.copy(member)) {
                small.insert((*name).to_owned(), member);
            }
        }
        let (mut least, mut most) = (0, u64::MAX);
        for test in self.known() {
            match test {
                Test::MembersAtLeast(count) => least = least.max(*count),
                Test::MembersAtMost(count) => most = most.min(*count),
                _ => {}
            }
        }
        self.fill(&mut small, &names, least);
        let Some(mut full) = self.copy_object(&small) else { return Vec::new() };
        self.fill(&mut full, &names, most.min(64));
        let mut found: Vec<Map<String, Value>> = self.copy_object(&small).into_iter().collect();
        // The small ones first: a large object costs more to evaluate than a hundred of them.
        for base in [&small, &full] {
            for hint in self.hints() {
                self.break_object(&mut found, base, &names, hint);
            }
        }
        found.extend(self.copy_object(&full));
        for name in names.iter().take(64) {
            let (Some(mut more), Some(mut fewer)) = (self.copy_object(&small), self.copy_object(&full)) else { break };
            if let Some(member) = self.member(name, &[]).first().and_then(|member| self.copy(member)) {
                more.insert(name.clone(), member);
                found.push(more);
            }
            fewer.shift_remove(name);
            found.push(fewer);
        }
        found.into_iter().map(Value::Object).collect()
    }

    /// Adds members until there are `count`, or no more names.
    fn fill(&self, object: &mut Map<String, Value>, names: &[String], count: u64) {
        for name in names {
            if object.len() as u64 >= count {
                return;
            }
            let is_free = !object.contains_key(name) && !self.facts.absent.contains(&name.as_str());
            if is_free && let Some(member) = self.member(name, &[]).first().and_then(|member| self.copy(member)) {
                object.insert(name.clone(), member);
            }
        }
    }

    /// The object, changed in the ways that may break what the test demands.
    fn break_object(
        &self,
        found: &mut Vec<Map<String, Value>>,
        base: &Map<String, Value>,
        names: &[String],
        test: &Test<'t>,
    ) {
        let with = |name: &str, member: &Value| {
            let mut object = self.copy_object(base)?;
            object.insert(name.to_owned(), self.copy(member)?);
            Some(object)
        };
        let without = |name: &str| {
            let mut object = self.copy_object(base)?;
            object.shift_remove(name);
            Some(object)
        };
        match test {
            Test::Required(name) => found.extend(without(name)),
            Test::With { name, required } => {
                if let (Test::Required(required), Some(member)) = (self.test(*required), self.member(name, &[]).first())
                {
                    found.extend(with(name, member).map(|mut object| {
                        object.shift_remove(*required);
                        object
                    }));
                }
            }
            Test::WithSchema { name, .. } => {
                found.extend(self.member(name, &[]).first().and_then(|member| with(name, member)));
            }
            // A member that meets a condition may break what the condition demands.
            Test::Members(Scope::Named(name), schema) => {
                found
                    .extend(self.member(name, &[Claim::Valid(*schema)]).iter().filter_map(|member| with(name, member)));
                let meeting = self.member_with(name, Some(*schema), &[]);
                found.extend(meeting.iter().take(1).filter_map(|member| with(name, member)));
            }
            Test::Members(scope, schema) => {
                let prover = self.prover();
                let covered = names
                    .iter()
                    .filter(|name| covers(prover.terms, prover.language, *scope, &Region::Name(name)) == Some(true));
                for name in covered {
                    found.extend(
                        self.member(name, &[Claim::Valid(*schema)]).iter().filter_map(|member| with(name, member)),
                    );
                }
            }
            Test::OtherMembers(schema) => {
                for name in names {
                    found.extend(
                        self.member(name, &[Claim::Valid(*schema)]).iter().filter_map(|member| with(name, member)),
                    );
                }
            }
            Test::Names(schema) => {
                for name in names {
                    let is_wrong =
                        self.prover().evaluator().schema(*schema, &Value::from(name.as_str())) == Some(false);
                    if is_wrong && let Some(member) = self.member(name, &[]).first() {
                        found.extend(with(name, member));
                    }
                }
            }
            Test::MembersAtMost(most) => {
                if let Some(mut object) = self.copy_object(base) {
                    self.fill(&mut object, names, most.saturating_add(1));
                    found.push(object);
                }
            }
            _ => {}
        }
    }
}

/// The bytes of a value, more or less.
fn weight(value: &Value) -> usize {
    const EACH: usize = 8;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() + weight(member)).sum(),
        _ => 0,
    }
}

/// The integer next to a number, unless it is beyond the safe ones.
fn rounded(number: &Number) -> Option<i128> {
    let float = number.as_f64().filter(|float| float.abs() < 9e15)?;
    format!("{:.0}", float.trunc()).parse().ok()
}
