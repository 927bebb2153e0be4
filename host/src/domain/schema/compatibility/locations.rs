//! Which members the old schema declares, for the mode in which only those count.
//!
//! A location is a part of a payload, as the old schema sees it: all subschemas of the old
//! document that may apply to it, whichever branches a payload takes. What any of them names is
//! declared there. Branches of `not` count too: whoever forbids a name knows it.

use std::{cell::RefCell, collections::HashMap};

use serde_json::Value;

use super::{
    evaluate::equal,
    language::Language,
    members::{Region, covers},
    terms::{SchemaId, Scope, Span, Terms, Test},
};

/// A location; equal sets of subschemas have equal numbers.
pub(super) type LocationId = usize;

/// A location where all members count, and so below it: in the strict mode it is everywhere.
pub(super) const EVERYTHING_COUNTS: LocationId = 0;

/// The locations that were looked at.
pub(super) struct Locations {
    sets: RefCell<Vec<Vec<SchemaId>>>,
    known: RefCell<HashMap<Vec<SchemaId>, LocationId>>,
}

impl Locations {
    pub(super) fn new() -> Self {
        Self { sets: RefCell::new(vec![Vec::new()]), known: RefCell::default() }
    }

    /// The whole payload, of which what the old schema declares counts.
    pub(super) fn root(&self, terms: &Terms<'_>) -> LocationId {
        self.of(terms, vec![0])
    }

    /// The schemas that may apply here.
    pub(super) fn schemas(&self, here: LocationId) -> Vec<SchemaId> {
        self.sets.borrow()[here].clone()
    }

    /// Whether members of the region may be declared here.
    pub(super) fn declares(
        &self,
        terms: &Terms<'_>,
        language: &Language<'_>,
        here: LocationId,
        region: &Region<'_>,
    ) -> bool {
        here == EVERYTHING_COUNTS || self.lists_containers(terms, here) || self.names(terms, language, here, region)
    }

    /// Whether a schema here names members of the region, one by one, by a pattern or as the rest.
    fn names(&self, terms: &Terms<'_>, language: &Language<'_>, here: LocationId, region: &Region<'_>) -> bool {
        self.sets.borrow()[here].iter().any(|&schema| declares(terms, language, schema, region))
    }

    /// Whether objects or arrays are listed here, in an `enum` say. What is in them is declared,
    /// though nothing names it: a proof has to take all members for declared.
    fn lists_containers(&self, terms: &Terms<'_>, here: LocationId) -> bool {
        let sets = self.sets.borrow();
        let mut atoms = sets[here].iter().flat_map(|&schema| terms.atoms_of(schema));
        let is_container = |value: &&Value| value.is_object() || value.is_array();
        atoms.any(|(_, atom)| matches!(&atom.test, Test::Among(values) if values.iter().any(is_container)))
    }

    /// The location of a member.
    pub(super) fn member(
        &self,
        terms: &Terms<'_>,
        language: &Language<'_>,
        here: LocationId,
        region: &Region<'_>,
    ) -> LocationId {
        if here == EVERYTHING_COUNTS || self.lists_containers(terms, here) {
            return EVERYTHING_COUNTS;
        }
        self.named_member(terms, language, here, region)
    }

    fn named_member(
        &self,
        terms: &Terms<'_>,
        language: &Language<'_>,
        here: LocationId,
        region: &Region<'_>,
    ) -> LocationId {
        self.below(terms, here, |test| match test {
            Test::Members(scope, member) if covers(terms, language, *scope, region) != Some(false) => Some(*member),
            Test::OtherMembers(member) => Some(*member),
            _ => None,
        })
    }

    /// The location of an element; the last index that anything speaks about stands for all that follow.
    pub(super) fn element(&self, terms: &Terms<'_>, here: LocationId, index: usize) -> LocationId {
        if here == EVERYTHING_COUNTS || self.lists_containers(terms, here) {
            return EVERYTHING_COUNTS;
        }
        self.nth_element(terms, here, index)
    }

    fn nth_element(&self, terms: &Terms<'_>, here: LocationId, index: usize) -> LocationId {
        self.below(terms, here, |test| match test {
            Test::Elements(span, element) if span.covers(index) => Some(*element),
            Test::OtherElements(element) | Test::ContainsAtLeast(element, _) | Test::ContainsAtMost(element, _) => {
                Some(*element)
            }
            _ => None,
        })
    }

    /// Whether the value uses only members that are declared, here and below. A value that the old
    /// schema lists, in an `enum` say, is declared as a whole.
    pub(super) fn only_declared(
        &self,
        terms: &Terms<'_>,
        language: &Language<'_>,
        here: LocationId,
        value: &Value,
    ) -> bool {
        if here == EVERYTHING_COUNTS || self.lists(terms, here, value) {
            return true;
        }
        match value {
            Value::Object(members) => members.iter().all(|(name, member)| {
                let region = Region::Name(name);
                self.names(terms, language, here, &region)
                    && self.only_declared(terms, language, self.named_member(terms, language, here, &region), member)
            }),
            Value::Array(elements) => elements.iter().enumerate().all(|(index, element)| {
                self.only_declared(terms, language, self.nth_element(terms, here, index), element)
            }),
            _ => true,
        }
    }

    fn lists(&self, terms: &Terms<'_>, here: LocationId, value: &Value) -> bool {
        let sets = self.sets.borrow();
        let mut atoms = sets[here].iter().flat_map(|&schema| terms.atoms_of(schema));
        atoms.any(|(_, atom)| matches!(&atom.test, Test::Among(values) if values.iter().any(|own| equal(own, value))))
    }

    /// How many elements at the beginning have schemas of their own here.
    pub(super) fn prefix(&self, terms: &Terms<'_>, here: LocationId) -> usize {
        let sets = self.sets.borrow();
        let atoms = sets[here].iter().flat_map(|&schema| terms.atoms_of(schema));
        atoms.filter_map(|(_, atom)| span_end(&atom.test)).max().unwrap_or(0)
    }

    fn below(&self, terms: &Terms<'_>, here: LocationId, child: impl Fn(&Test<'_>) -> Option<SchemaId>) -> LocationId {
        let children = {
            let sets = self.sets.borrow();
            let atoms = sets[here].iter().flat_map(|&schema| terms.atoms_of(schema));
            atoms.filter_map(|(_, atom)| child(&atom.test)).collect()
        };
        self.of(terms, children)
    }

    fn of(&self, terms: &Terms<'_>, schemas: Vec<SchemaId>) -> LocationId {
        let closed = in_place_closure(terms, schemas);
        *self.known.borrow_mut().entry(closed).or_insert_with_key(|closed| {
            let mut sets = self.sets.borrow_mut();
            sets.push(closed.clone());
            sets.len() - 1
        })
    }
}

/// The element after the last one that a test speaks about by its index.
pub(super) fn span_end(test: &Test<'_>) -> Option<usize> {
    match test {
        Test::Elements(Span::At(index), _) => Some(index + 1),
        Test::Elements(Span::From(first), _) => Some(*first),
        _ => None,
    }
}

/// The schemas with all that they apply to the same value, sorted.
pub(super) fn in_place_closure(terms: &Terms<'_>, mut schemas: Vec<SchemaId>) -> Vec<SchemaId> {
    schemas.sort_unstable();
    schemas.dedup();
    let mut next = 0;
    while next < schemas.len() {
        for &inner in &terms.schemas[schemas[next]].in_place {
            if !schemas.contains(&inner) {
                schemas.push(inner);
            }
        }
        next += 1;
    }
    schemas.sort_unstable();
    schemas
}

fn declares(terms: &Terms<'_>, language: &Language<'_>, schema: SchemaId, region: &Region<'_>) -> bool {
    let own = &terms.schemas[schema];
    let is_mentioned = matches!(region, Region::Name(name) if own.mentions.contains(name));
    is_mentioned
        || terms.atoms_of(schema).any(|(_, atom)| match &atom.test {
            Test::Members(scope @ Scope::Rest(_), member) => {
                says_something(terms, *member) && covers(terms, language, *scope, region) != Some(false)
            }
            Test::Members(scope, _) => covers(terms, language, *scope, region) != Some(false),
            Test::OtherMembers(member) => says_something(terms, *member),
            _ => false,
        })
}

/// `true` and `{}` say nothing about further members, and `false` says that there are none.
fn says_something(terms: &Terms<'_>, schema: SchemaId) -> bool {
    let is_false = terms.atoms_of(schema).any(|(_, atom)| matches!(atom.test, Test::Never));
    !terms.schemas[schema].is_trivial && !is_false
}
