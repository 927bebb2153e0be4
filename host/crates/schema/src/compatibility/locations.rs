//! Finds the members that the old schema declares, for the mode in which only those count.
//!
//! A location is a part of a payload, as the old schema sees it: all subschemas of the old
//! document that may apply to it, whichever branches a payload takes. Every member that one of them
//! names is declared there: in `properties`, `patternProperties`, `required` and the `dependent…`
//! keywords, also below `not`, since a schema that forbids a name knows it. Further members are
//! declared where `additionalProperties` or `unevaluatedProperties` is a schema that says
//! something about them.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
};

use serde_json::Value;

use super::{
    equality::equal,
    language::Language,
    members::{Region, covers},
    terms::{AtomId, PatternId, SchemaId, Scope, Span, Terms, Test},
};

/// A location; equal sets of subschemas have equal numbers.
pub(super) type LocationId = usize;

/// A location where all members count, and so below it: in the strict mode it is everywhere.
pub(super) const EVERYTHING_COUNTS: LocationId = 0;

/// A location that would cost too much to work out. For a proof all members count there, which
/// refuses more and accepts nothing that breaks; no counterexample may use any of them.
const UNKNOWN: LocationId = 1;

/// Subschemas that are put into locations.
const APPLICATIONS_MAX: usize = 20_000;

/// The schemas that may apply at a location, and the members that they declare.
#[derive(Default)]
pub(super) struct Location {
    pub(super) schemas: Vec<SchemaId>,
    /// The names, and the schemas that speak about the member by its name.
    names: HashMap<String, Vec<SchemaId>>,
    /// The atoms that speak about members otherwise.
    others: Vec<AtomId>,
    patterns: Vec<PatternId>,
    /// Whether a schema speaks about all further members.
    all_names: bool,
    /// Whether objects or arrays are listed, in an `enum` say. Their members are declared, though no
    /// keyword names them: a proof has to take all members for declared.
    lists_containers: bool,
}

/// The locations that were worked out so far.
pub(super) struct Locations<'t> {
    terms: &'t Terms<'t>,
    sets: RefCell<Vec<Rc<Location>>>,
    known: RefCell<HashMap<Vec<SchemaId>, LocationId>>,
    applications: Cell<usize>,
}

impl<'t> Locations<'t> {
    pub(super) fn new(terms: &'t Terms<'t>) -> Self {
        Self {
            terms,
            sets: RefCell::new(vec![Rc::default(), Rc::default()]),
            known: RefCell::default(),
            applications: Cell::new(0),
        }
    }

    /// The location of the whole payload, in the mode in which only declared members count.
    pub(super) fn root(&self) -> LocationId {
        self.of(vec![0])
    }

    /// The location with this number.
    pub(super) fn at(&self, here: LocationId) -> Rc<Location> {
        Rc::clone(&self.sets.borrow()[here])
    }

    /// Whether all members count here, and so below.
    fn all_count(&self, here: LocationId) -> bool {
        here == EVERYTHING_COUNTS || here == UNKNOWN || self.sets.borrow()[here].lists_containers
    }

    /// Whether members of the region may be declared here.
    pub(super) fn declares(&self, language: &Language<'_>, here: LocationId, region: &Region<'_>) -> bool {
        self.all_count(here) || self.names(language, here, region)
    }

    /// Whether a schema here names members of the region, one by one, by a pattern or as the rest.
    fn names(&self, language: &Language<'_>, here: LocationId, region: &Region<'_>) -> bool {
        let location = self.at(here);
        let matches =
            |pattern: &PatternId| covers(self.terms, language, Scope::Matching(*pattern), region) != Some(false);
        location.all_names
            || matches!(region, Region::Name(name) if location.names.contains_key(*name))
            || location.patterns.iter().any(matches)
    }

    /// The location of a member.
    pub(super) fn member(&self, language: &Language<'_>, here: LocationId, region: &Region<'_>) -> LocationId {
        if self.all_count(here) { EVERYTHING_COUNTS } else { self.named_member(language, here, region) }
    }

    fn named_member(&self, language: &Language<'_>, here: LocationId, region: &Region<'_>) -> LocationId {
        let location = self.at(here);
        let mut schemas = match region {
            Region::Name(name) => location.names.get(*name).cloned().unwrap_or_default(),
            Region::Fresh { .. } => Vec::new(),
        };
        schemas.extend(location.others.iter().filter_map(|&atom| match self.terms.atoms[atom].test {
            Test::Members(scope, member) => {
                (covers(self.terms, language, scope, region) != Some(false)).then_some(member)
            }
            Test::OtherMembers(member) => Some(member),
            _ => None,
        }));
        self.of(schemas)
    }

    /// The location of an element. The first index behind all that keywords speak about stands for all
    /// that follow.
    pub(super) fn element(&self, here: LocationId, index: usize) -> LocationId {
        if self.all_count(here) { EVERYTHING_COUNTS } else { self.nth_element(here, index) }
    }

    fn nth_element(&self, here: LocationId, index: usize) -> LocationId {
        self.below(here, |test| match test {
            Test::Elements(span, element) if span.covers(index) => Some(*element),
            Test::OtherElements(element) | Test::ContainsAtLeast(element, _) | Test::ContainsAtMost(element, _) => {
                Some(*element)
            }
            _ => None,
        })
    }

    /// Whether the value uses only members that are declared, here and below. A value that the old
    /// schema lists, in an `enum` say, is declared as a whole.
    pub(super) fn only_declared(&self, language: &Language<'_>, here: LocationId, value: &Value) -> bool {
        if here == EVERYTHING_COUNTS || self.lists(here, value) {
            return true;
        }
        match value {
            Value::Object(members) => members.iter().all(|(name, member)| {
                let region = Region::Name(name);
                self.names(language, here, &region)
                    && self.only_declared(language, self.named_member(language, here, &region), member)
            }),
            Value::Array(elements) => elements
                .iter()
                .enumerate()
                .all(|(index, element)| self.only_declared(language, self.nth_element(here, index), element)),
            _ => true,
        }
    }

    fn lists(&self, here: LocationId, value: &Value) -> bool {
        let location = self.at(here);
        let mut atoms = location.schemas.iter().flat_map(|&schema| self.terms.atoms_of(schema));
        atoms.any(|(_, atom)| matches!(&atom.test, Test::Among(values) if values.iter().any(|own| equal(own, value))))
    }

    /// How many elements at the beginning have schemas of their own here.
    pub(super) fn prefix(&self, here: LocationId) -> usize {
        let location = self.at(here);
        let atoms = location.schemas.iter().flat_map(|&schema| self.terms.atoms_of(schema));
        atoms.filter_map(|(_, atom)| span_end(&atom.test)).max().unwrap_or(0)
    }

    fn below(&self, here: LocationId, child: impl Fn(&Test<'_>) -> Option<SchemaId>) -> LocationId {
        let location = self.at(here);
        let atoms = location.schemas.iter().flat_map(|&schema| self.terms.atoms_of(schema));
        self.of(atoms.filter_map(|(_, atom)| child(&atom.test)).collect())
    }

    fn of(&self, schemas: Vec<SchemaId>) -> LocationId {
        let closed = in_place_closure(self.terms, schemas);
        if let Some(&known) = self.known.borrow().get(&closed) {
            return known;
        }
        self.applications.set(self.applications.get() + 1 + closed.len());
        if self.applications.get() > APPLICATIONS_MAX {
            return UNKNOWN;
        }
        let mut sets = self.sets.borrow_mut();
        sets.push(Rc::new(Location::of(self.terms, closed.clone())));
        self.known.borrow_mut().insert(closed, sets.len() - 1);
        sets.len() - 1
    }
}

impl Location {
    fn of(terms: &Terms<'_>, schemas: Vec<SchemaId>) -> Self {
        let mut location = Self::default();
        for &schema in &schemas {
            let own = &terms.schemas[schema];
            location.patterns.extend(&own.patterns);
            for name in &own.mentions {
                location.names.entry((*name).to_owned()).or_default();
            }
            for (id, atom) in terms.atoms_of(schema) {
                match atom.test {
                    Test::Members(Scope::Named(name), member) => {
                        location.names.entry(name.to_owned()).or_default().push(member);
                    }
                    Test::Members(Scope::Matching(_), _) => location.others.push(id),
                    Test::Members(Scope::Rest(_), member) | Test::OtherMembers(member) => {
                        location.others.push(id);
                        location.all_names |= says_something(terms, member);
                    }
                    Test::Among(ref values) => {
                        location.lists_containers |= values.iter().any(|value| value.is_object() || value.is_array());
                    }
                    _ => {}
                }
            }
        }
        location.schemas = schemas;
        location
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
    let mut seen: HashSet<SchemaId> = schemas.iter().copied().collect();
    let mut next = 0;
    while next < schemas.len() {
        schemas.extend(terms.schemas[schemas[next]].in_place.iter().filter(|&&inner| seen.insert(inner)));
        next += 1;
    }
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}

/// `true` and `{}` say nothing about further members, and `false` says that there are none.
fn says_something(terms: &Terms<'_>, schema: SchemaId) -> bool {
    let is_false = terms.atoms_of(schema).any(|(_, atom)| matches!(atom.test, Test::Never));
    !terms.schemas[schema].is_trivial && !is_false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::budget::Budget, *};
    use crate::document::Document;

    /// Whether the value uses only what the schema declares.
    fn is_declared(schema: &Value, value: &Value) -> bool {
        let trivial = json!({});
        let (old, new) = (Document::read(schema).expect("legal"), Document::read(&trivial).expect("legal"));
        let terms = Terms::read(&old, &new).expect("well formed");
        let budget = Budget::new(10_000);
        let language = Language::new(&terms.patterns, &budget);
        let locations = Locations::new(&terms);
        locations.only_declared(&language, locations.root(), value)
    }

    #[test]
    fn what_is_named_is_declared() {
        for schema in [
            json!({ "properties": { "a": {} } }),
            json!({ "required": ["a"] }),
            json!({ "patternProperties": { "^a": true } }),
            json!({ "additionalProperties": { "type": "integer" } }),
            json!({ "unevaluatedProperties": { "type": "integer" } }),
            json!({ "dependentRequired": { "b": ["a"] } }),
            json!({ "oneOf": [{}, { "properties": { "a": {} } }] }),
            json!({ "not": { "required": ["a"] } }),
            json!({ "if": { "properties": { "a": {} } } }),
            json!({ "dependentSchemas": { "b": { "properties": { "a": {} } } } }),
            json!({ "$ref": "#/$defs/d", "$defs": { "d": { "properties": { "a": {} } } } }),
            json!({ "enum": [{ "a": 1 }] }),
        ] {
            assert!(is_declared(&schema, &json!({ "a": 1 })), "{schema}");
        }
    }

    #[test]
    fn what_is_only_let_through_is_not() {
        for schema in [
            json!({}),
            json!({ "properties": { "b": {} } }),
            json!({ "additionalProperties": true }),
            json!({ "additionalProperties": {} }),
            json!({ "additionalProperties": false }),
            json!({ "properties": { "b": { "properties": { "a": {} } } } }),
            json!({ "propertyNames": { "enum": ["a"] } }),
            json!({ "$defs": { "d": { "properties": { "a": {} } } } }),
        ] {
            assert!(!is_declared(&schema, &json!({ "a": 1 })), "{schema}");
        }
    }

    #[test]
    fn members_of_members_are_judged_where_they_are() {
        let schema = json!({
            "properties": { "a": { "items": { "properties": { "b": {} } } }, "free": { "type": "object" } },
            "additionalProperties": { "properties": { "c": {} } },
        });
        assert!(is_declared(&schema, &json!({ "a": [{ "b": 1 }], "other": { "c": 1 }, "free": {} })));
        for undeclared in [json!({ "a": [{ "c": 1 }] }), json!({ "free": { "d": 1 } }), json!({ "other": { "b": 1 } })]
        {
            assert!(!is_declared(&schema, &undeclared), "{undeclared}");
        }
    }
}
