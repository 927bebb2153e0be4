//! The facts about a value while a claim about it is proven.

use super::{
    classes::Classes,
    kinds::{Kind, Kinds},
    locations::LocationId,
    terms::{AtomId, SchemaId, Terms, Test},
};

/// All facts about one value. They hold at once.
#[derive(Clone)]
pub(super) struct Facts<'t> {
    /// Schemas that it is valid under.
    pub(super) held: Vec<SchemaId>,
    /// Schemas that it is not valid under.
    pub(super) denied: Vec<SchemaId>,
    /// Those denied schemas whose denial says more than the facts learned from it.
    pub(super) denied_open: Vec<SchemaId>,
    /// Schemas of which all atoms hold, except perhaps those about unevaluated members and elements.
    pub(super) partly: Vec<SchemaId>,
    /// The atoms that are no combinations.
    pub(super) atoms: Vec<AtomId>,
    /// Combinations that are not taken apart yet.
    pub(super) splits: Vec<Split<'t>>,
    /// Names of members that are present, if the value is an object.
    pub(super) present: Vec<&'t str>,
    /// Names of members that are absent.
    pub(super) absent: Vec<&'t str>,
    /// The kinds that it may be of.
    pub(super) kinds: Kinds,
    /// The atom that lists all possible values, if there is one.
    pub(super) listed: Option<AtomId>,
    pub(super) here: LocationId,
}

/// Cases of which at least one holds.
pub(super) type Split<'t> = Vec<Case<'t>>;

/// One case: all of it holds.
#[derive(Clone, Default)]
pub(super) struct Case<'t> {
    held: Vec<SchemaId>,
    denied: Vec<SchemaId>,
    present: Option<&'t str>,
    absent: Option<&'t str>,
    required: Option<AtomId>,
}

impl<'t> Facts<'t> {
    /// The facts about a value that is valid under all these schemas.
    pub(super) fn new(terms: &'t Terms<'t>, held: &[SchemaId], here: LocationId) -> Self {
        let mut facts = Self {
            held: Vec::new(),
            denied: Vec::new(),
            denied_open: Vec::new(),
            partly: Vec::new(),
            atoms: Vec::new(),
            splits: Vec::new(),
            present: Vec::new(),
            absent: Vec::new(),
            kinds: Kinds::ALL,
            listed: None,
            here,
        };
        for &schema in held {
            facts.hold(terms, schema);
        }
        facts
    }

    /// Learns that the value is valid under a schema.
    pub(super) fn hold(&mut self, terms: &'t Terms<'t>, schema: SchemaId) {
        if !self.held.contains(&schema) {
            self.held.push(schema);
            self.hold_atoms(terms, schema, true);
        }
    }

    /// Learns that the value satisfies all atoms of a schema except those about unevaluated members and
    /// elements.
    pub(super) fn hold_partly(&mut self, terms: &'t Terms<'t>, schema: SchemaId) {
        self.partly.push(schema);
        self.hold_atoms(terms, schema, false);
    }

    fn hold_atoms(&mut self, terms: &'t Terms<'t>, schema: SchemaId, wholly: bool) {
        for (id, atom) in terms.atoms_of(schema) {
            match &atom.test {
                Test::OtherMembers(_) | Test::OtherElements(_) if !wholly => {}
                test => self.hold_test(terms, id, test),
            }
        }
    }

    /// Learns that the value is not valid under a schema. If that has one atom, the atom is false.
    pub(super) fn deny(&mut self, terms: &'t Terms<'t>, schema: SchemaId) {
        if self.denied.contains(&schema) {
            return;
        }
        self.denied.push(schema);
        let [atom] = terms.schemas[schema].atoms[..] else {
            self.denied_open.push(schema);
            return;
        };
        let test = &terms.atoms[atom].test;
        self.kinds = self.kinds.and(test.domain());
        match test {
            Test::Kinds(kinds) => self.kinds = self.kinds.without(*kinds),
            Test::Required(name) => self.absent.push(name),
            Test::Not(denied) => self.hold(terms, *denied),
            Test::Any(denied) => denied.iter().for_each(|&denied| self.deny(terms, denied)),
            Test::All(denied) if denied.len() == 1 => self.deny(terms, denied[0]),
            _ => self.denied_open.push(schema),
        }
    }

    fn hold_test(&mut self, terms: &'t Terms<'t>, id: AtomId, test: &'t Test<'t>) {
        let case = Case::default;
        match test {
            Test::Never => self.kinds = Kinds::NONE,
            Test::Kinds(kinds) => self.kinds = self.kinds.and(*kinds),
            Test::All(schemas) => schemas.iter().for_each(|&schema| self.hold(terms, schema)),
            Test::Not(schema) => self.deny(terms, *schema),
            Test::Any(schemas) => {
                self.splits.push(schemas.iter().map(|&schema| Case { held: vec![schema], ..case() }).collect());
            }
            Test::One(schemas) => self.splits.push(
                (0..schemas.len())
                    .map(|own| {
                        let denied = schemas.iter().enumerate().filter(|(other, _)| *other != own);
                        Case { held: vec![schemas[own]], denied: denied.map(|(_, &schema)| schema).collect(), ..case() }
                    })
                    .collect(),
            ),
            Test::If { condition, then, otherwise } => self.splits.push(vec![
                Case { held: [Some(*condition), *then].into_iter().flatten().collect(), ..case() },
                Case { held: otherwise.iter().copied().collect(), denied: vec![*condition], ..case() },
            ]),
            Test::With { name, required } => self.splits.push(vec![
                Case { absent: Some(name), ..case() },
                Case { present: Some(name), required: Some(*required), ..case() },
            ]),
            Test::WithSchema { name, schema } => self.splits.push(vec![
                Case { absent: Some(name), ..case() },
                Case { present: Some(name), held: vec![*schema], ..case() },
            ]),
            simple => {
                match simple {
                    Test::Among(values) => {
                        self.kinds = self
                            .kinds
                            .and(values.iter().fold(Kinds::NONE, |kinds, value| kinds.or(Kinds::of(Kind::of(value)))));
                        self.listed = Some(id);
                    }
                    Test::Required(name) => self.set_present(name),
                    _ => {}
                }
                self.atoms.push(id);
            }
        }
    }

    /// Learns that the value has a member.
    pub(super) fn set_present(&mut self, name: &'t str) {
        if !self.present.contains(&name) {
            self.present.push(name);
        }
    }

    /// The facts of one case.
    pub(super) fn with_case(&self, terms: &'t Terms<'t>, case: &Case<'t>) -> Self {
        let mut facts = self.clone();
        facts.absent.extend(case.absent);
        if let Some(name) = case.present {
            facts.set_present(name);
        }
        if let Some(required) = case.required {
            facts.hold_test(terms, required, &terms.atoms[required].test);
        }
        case.denied.iter().for_each(|&schema| facts.deny(terms, schema));
        case.held.iter().for_each(|&schema| facts.hold(terms, schema));
        facts
    }

    /// Whether the facts contradict each other at a glance.
    pub(super) fn clash(&self, kind: Kind, classes: &Classes) -> bool {
        let same = |one: &SchemaId, other: &SchemaId| classes.of_schemas[*one] == classes.of_schemas[*other];
        !self.kinds.contains(kind)
            || (kind == Kind::Object && self.present.iter().any(|name| self.absent.contains(name)))
            || self.denied.iter().any(|denied| self.held.iter().any(|held| same(held, denied)))
    }
}
