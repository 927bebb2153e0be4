//! Sets of arrays: elements, by their index, and their number.

use serde_json::json;

use super::{
    facts::Facts,
    kinds::{Kind, Kinds},
    locations::{EVERYTHING_COUNTS, LocationId, in_place_closure, span_end},
    prove::Prover,
    terms::{AtomId, SchemaId, Span, Test},
};

/// The number of elements that an array may have.
struct Counts {
    least: u64,
    most: u64,
}

impl<'t> Prover<'t> {
    /// Whether no array has these facts and makes all these atoms false. Without atoms: whether
    /// there is no such array. `is_bare` says that nothing is claimed: all atoms are denied facts.
    pub(super) fn closes_arrays(&self, facts: &Facts<'t>, atoms: &[AtomId], is_bare: bool) -> bool {
        let prefix = self.prefix(facts, atoms);
        let counts = self.counts(facts, atoms, prefix);
        if counts.least > counts.most {
            return true;
        }
        let is_true = |&atom: &AtomId| match &self.terms.atoms[atom].test {
            Test::Elements(span, schema) => {
                let positions = || (0..=prefix).filter(|&index| span.covers(index) && (index as u64) < counts.most);
                positions().all(|index| self.is_valid_at(facts, index, &claims_at(self, atoms, index, *schema)))
            }
            Test::OtherElements(schema) => self.other_elements_are_valid(facts, atom, *schema, prefix, &counts),
            Test::Unique => counts.most <= 1,
            Test::ContainsAtLeast(schema, least) => self.contains_at_least(facts, *schema, *least, prefix, &counts),
            Test::ContainsAtMost(schema, most) => self.contains_at_most(facts, *schema, *most, prefix, &counts),
            _ => false,
        };
        atoms.iter().any(is_true)
            || (counts.most == 0 && self.only_value_closes(facts, atoms, &json!([])))
            || (is_bare && self.elements_are_impossible(facts, prefix, &counts))
    }

    /// The first index from which on the schemas treat all elements alike: it stands for all that follow.
    fn prefix(&self, facts: &Facts<'t>, atoms: &[AtomId]) -> usize {
        let ends = |&atom: &AtomId| match self.terms.atoms[atom].test {
            Test::OtherElements(_) => in_place_closure(self.terms, vec![self.terms.atoms[atom].owner])
                .iter()
                .flat_map(|&schema| self.terms.atoms_of(schema))
                .filter_map(|(_, atom)| span_end(&atom.test))
                .max(),
            _ => span_end(&self.terms.atoms[atom].test),
        };
        let prefix = facts.atoms.iter().chain(atoms).filter_map(ends).max().unwrap_or(0);
        prefix.max(self.locations.prefix(facts.here))
    }

    fn counts(&self, facts: &Facts<'t>, atoms: &[AtomId], prefix: usize) -> Counts {
        let mut counts = Counts { least: 0, most: u64::MAX };
        for &atom in &facts.atoms {
            match self.terms.atoms[atom].test {
                Test::ElementsAtLeast(count) | Test::ContainsAtLeast(_, count) => {
                    counts.least = counts.least.max(count);
                }
                Test::ElementsAtMost(count) => counts.most = counts.most.min(count),
                _ => {}
            }
        }
        for &atom in atoms {
            match self.terms.atoms[atom].test {
                Test::ElementsAtLeast(0) | Test::ElementsAtMost(u64::MAX) => return Counts { least: 1, most: 0 },
                Test::ElementsAtLeast(count) => counts.most = counts.most.min(count - 1),
                Test::ElementsAtMost(count) => counts.least = counts.least.max(count + 1),
                // An element that is not valid has to be present.
                Test::Elements(Span::At(index), _) => counts.least = counts.least.max(index as u64 + 1),
                _ => {}
            }
        }
        // An array ends before the first position at which no element is valid.
        let closed = (0..=prefix).find(|&index| {
            let schemas = self.element_schemas(facts, index);
            Facts::new(self.terms, &schemas, facts.here).kinds.is_empty()
        });
        counts.most = counts.most.min(closed.map_or(u64::MAX, |index| index as u64));
        let is_unique = facts.atoms.iter().any(|&atom| matches!(self.terms.atoms[atom].test, Test::Unique));
        if is_unique && prefix == 0 {
            counts.most = counts.most.min(self.different_elements(facts));
        }
        counts
    }

    /// The number of different elements that there can be, if one schema applies to all.
    fn different_elements(&self, facts: &Facts<'t>) -> u64 {
        let element = Facts::new(self.terms, &self.element_schemas(facts, 0), facts.here);
        if let Some(listed) = element.listed
            && let Test::Among(values) = &self.terms.atoms[listed].test
        {
            return values.len() as u64;
        }
        let few = Kinds::of(Kind::Null).or(Kinds::of(Kind::Boolean));
        if !element.kinds.without(few).is_empty() {
            return u64::MAX;
        }
        element.kinds.iter().map(|kind| if kind == Kind::Boolean { 2 } else { 1 }).sum()
    }

    fn is_valid_at(&self, facts: &Facts<'t>, index: usize, claims: &[SchemaId]) -> bool {
        let here = self.locations.element(facts.here, index);
        self.proves(&self.element_schemas(facts, index), claims, here)
    }

    /// The schemas under which the element at the index is valid.
    pub(super) fn element_schemas(&self, facts: &Facts<'t>, index: usize) -> Vec<SchemaId> {
        let holds_there = |&id: &AtomId| match self.terms.atoms[id].test {
            Test::Elements(span, schema) => span.covers(index).then_some(schema),
            Test::OtherElements(schema) => self.is_surely_unevaluated_at(facts, id, index).then_some(schema),
            _ => None,
        };
        facts.atoms.iter().filter_map(holds_there).collect()
    }

    /// Whether no other atom can evaluate the element. `contains` evaluates the elements that it
    /// finds.
    fn is_surely_unevaluated_at(&self, facts: &Facts<'t>, atom: AtomId, index: usize) -> bool {
        let owner = self.terms.atoms[atom].owner;
        in_place_closure(self.terms, vec![owner]).iter().all(|&other| {
            facts.denied.contains(&other)
                || self.terms.atoms_of(other).all(|(id, own)| match own.test {
                    Test::Elements(span, _) => !span.covers(index),
                    Test::ContainsAtLeast(..) | Test::ContainsAtMost(..) => false,
                    Test::OtherElements(_) => id == atom,
                    _ => true,
                })
        })
    }

    fn other_elements_are_valid(
        &self,
        facts: &Facts<'t>,
        atom: AtomId,
        schema: SchemaId,
        prefix: usize,
        counts: &Counts,
    ) -> bool {
        let evaluating = self.evaluating(facts, self.terms.atoms[atom].owner);
        let is_evaluated = |index: usize| {
            evaluating.iter().any(|&other| {
                self.terms.atoms_of(other).any(|(id, own)| match own.test {
                    Test::Elements(span, _) => span.covers(index),
                    Test::OtherElements(_) => id != atom,
                    _ => false,
                })
            })
        };
        let mut positions = (0..=prefix).filter(|&index| (index as u64) < counts.most);
        positions.all(|index| is_evaluated(index) || self.is_valid_at(facts, index, &[schema]))
    }

    /// Whether at least so many elements are valid under the schema.
    fn contains_at_least(
        &self,
        facts: &Facts<'t>,
        schema: SchemaId,
        least: u64,
        prefix: usize,
        counts: &Counts,
    ) -> bool {
        if least == 0 {
            return true;
        }
        let follows = |&atom: &AtomId| match self.terms.atoms[atom].test {
            Test::ContainsAtLeast(own, count) if count >= least => {
                let here = self.somewhere(facts, prefix);
                self.proves(&self.with_common(facts, own, prefix), &[schema], here)
            }
            _ => false,
        };
        if facts.atoms.iter().any(follows) {
            return true;
        }
        let is_valid = |index: &usize| self.is_valid_at(facts, *index, &[schema]);
        let sure = (0..prefix).filter(|&index| (index as u64) < counts.least).filter(is_valid).count() as u64;
        let further = counts.least.saturating_sub(prefix as u64);
        sure >= least || (sure.saturating_add(further) >= least && is_valid(&prefix))
    }

    /// Whether at most so many elements are valid under the schema.
    fn contains_at_most(&self, facts: &Facts<'t>, schema: SchemaId, most: u64, prefix: usize, counts: &Counts) -> bool {
        let follows = |&atom: &AtomId| match self.terms.atoms[atom].test {
            Test::ContainsAtMost(own, count) if count <= most => {
                let here = self.somewhere(facts, prefix);
                self.proves(&self.with_common(facts, schema, prefix), &[own], here)
            }
            _ => false,
        };
        if counts.most <= most || facts.atoms.iter().any(follows) {
            return true;
        }
        let is_excluded = |index: usize| {
            let here = self.locations.element(facts.here, index);
            let mut held = self.element_schemas(facts, index);
            held.push(schema);
            self.proves(&held, &[], here)
        };
        let possible = (0..prefix).filter(|&index| (index as u64) < counts.most && !is_excluded(index)).count() as u64;
        possible <= most && (counts.most <= prefix as u64 || is_excluded(prefix))
    }

    /// The schema, and the schemas of every element if one of them applies to all.
    fn with_common(&self, facts: &Facts<'t>, schema: SchemaId, prefix: usize) -> Vec<SchemaId> {
        let mut held = if prefix == 0 { self.element_schemas(facts, 0) } else { Vec::new() };
        held.push(schema);
        held
    }

    /// The location of an element of unknown index: that of all elements if they are treated alike,
    /// else one where all members count.
    fn somewhere(&self, facts: &Facts<'t>, prefix: usize) -> LocationId {
        if prefix == 0 { self.locations.element(facts.here, 0) } else { EVERYTHING_COUNTS }
    }

    fn elements_are_impossible(&self, facts: &Facts<'t>, prefix: usize, counts: &Counts) -> bool {
        let mut sure = (0..=prefix).filter(|&index| (index as u64) < counts.least);
        sure.any(|index| self.is_valid_at(facts, index, &[]))
            || facts.atoms.iter().any(|&atom| match self.terms.atoms[atom].test {
                Test::ContainsAtLeast(schema, least) if least > 0 => {
                    self.contains_at_most(facts, schema, 0, prefix, counts)
                }
                _ => false,
            })
    }
}

/// The claims about the element at an index, of which one has to be true.
fn claims_at(prover: &Prover<'_>, atoms: &[AtomId], index: usize, schema: SchemaId) -> Vec<SchemaId> {
    let others = atoms.iter().filter_map(|&atom| match prover.terms.atoms[atom].test {
        Test::Elements(Span::At(own), other) if own == index => Some(other),
        _ => None,
    });
    std::iter::once(schema).chain(others).collect()
}
