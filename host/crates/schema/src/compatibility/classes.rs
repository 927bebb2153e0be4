//! Finds schemas that demand the same, by their form.
//!
//! Schemas of one class have the same atoms, and the schemas in their atoms are of one class
//! again: written out with all references followed, they are the same tree, descriptions and
//! order aside. So a part that did not change needs no proof, whatever keywords it contains.
//!
//! Classes are found by refinement, as states of an automaton are: all schemas begin in one
//! class, and those that differ are separated until nothing separates any more. That handles
//! recursive schemas without a special case.

use std::collections::HashMap;

use super::terms::{SchemaId, Scope, Terms, Test};

/// A class: equal numbers, equal demands.
pub(super) type Class = u32;

/// The classes of all schemas and atoms.
pub(super) struct Classes {
    pub(super) of_schemas: Vec<Class>,
    pub(super) of_atoms: Vec<Class>,
}

/// The form of an atom: a label for all about it that is no schema, and the schemas.
struct Form {
    label: Class,
    schemas: Vec<SchemaId>,
    /// Whether the order and number of the schemas do not matter.
    is_set: bool,
}

impl Classes {
    pub(super) fn of(terms: &Terms<'_>) -> Self {
        let forms = forms(terms);
        let mut classes = Self { of_schemas: vec![0; terms.schemas.len()], of_atoms: vec![0; terms.atoms.len()] };
        let mut count = 1;
        loop {
            let refined = classes.refine(terms, &forms);
            if refined == count {
                return classes;
            }
            count = refined;
        }
    }

    /// Separates schemas that differ by the classes so far, and returns the number of classes.
    fn refine(&mut self, terms: &Terms<'_>, forms: &[Form]) -> usize {
        let mut known: HashMap<(Class, Vec<Class>), Class> = HashMap::with_capacity(forms.len());
        for (atom, form) in forms.iter().enumerate() {
            let mut held: Vec<Class> = form.schemas.iter().map(|&schema| self.of_schemas[schema]).collect();
            if form.is_set {
                sort_set(&mut held);
            }
            let next = number(known.len());
            self.of_atoms[atom] = *known.entry((form.label, held)).or_insert(next);
        }
        let mut sets: HashMap<Vec<Class>, Class> = HashMap::with_capacity(terms.schemas.len());
        for (id, schema) in terms.schemas.iter().enumerate() {
            let mut atoms: Vec<Class> = schema.atoms.iter().map(|&atom| self.of_atoms[atom]).collect();
            sort_set(&mut atoms);
            let next = number(sets.len());
            self.of_schemas[id] = *sets.entry(atoms).or_insert(next);
        }
        sets.len()
    }
}

fn sort_set(classes: &mut Vec<Class>) {
    classes.sort_unstable();
    classes.dedup();
}

fn number(count: usize) -> Class {
    Class::try_from(count).unwrap_or(Class::MAX)
}

fn forms(terms: &Terms<'_>) -> Vec<Form> {
    let mut labels: HashMap<String, Class> = HashMap::new();
    let mut forms = Vec::with_capacity(terms.atoms.len());
    for atom in &terms.atoms {
        let mut schemas = atom.test.schemas();
        // Which members are unevaluated depends on all keywords beside the atom.
        if matches!(atom.test, Test::OtherMembers(_) | Test::OtherElements(_)) {
            schemas.push(atom.owner);
        }
        let next = number(labels.len());
        let label = *labels.entry(label(terms, &atom.test)).or_insert(next);
        forms.push(Form { label, schemas, is_set: matches!(atom.test, Test::All(_) | Test::Any(_)) });
    }
    forms
}

/// All about an atom that is no schema, as a text of its own.
fn label(terms: &Terms<'_>, test: &Test<'_>) -> String {
    match test {
        Test::Never => "never".to_owned(),
        Test::Kinds(kinds) => format!("kinds {kinds:?}"),
        Test::Among(values) => {
            let mut texts: Vec<String> = values.iter().map(ToString::to_string).collect();
            texts.sort_unstable();
            texts.dedup();
            format!("among {}", texts.join(","))
        }
        Test::AtLeast(bound) => format!("at least {} {}", bound.limit, bound.exclusive),
        Test::AtMost(bound) => format!("at most {} {}", bound.limit, bound.exclusive),
        Test::MultipleOf(divisor) => format!("multiple {divisor}"),
        Test::LengthAtLeast(count) => format!("length at least {count}"),
        Test::LengthAtMost(count) => format!("length at most {count}"),
        Test::Matches(pattern) => format!("matches {pattern}"),
        Test::Format(format) => format!("format {format}"),
        Test::Required(name) => format!("required {name}"),
        Test::MembersAtLeast(count) => format!("members at least {count}"),
        Test::MembersAtMost(count) => format!("members at most {count}"),
        Test::Names(_) => "names".to_owned(),
        Test::Members(Scope::Named(name), _) => format!("member {name}"),
        Test::Members(Scope::Matching(pattern), _) => format!("members {pattern}"),
        Test::Members(Scope::Rest(owner), _) => rest_label(terms, *owner),
        Test::OtherMembers(_) => "other members".to_owned(),
        Test::ElementsAtLeast(count) => format!("elements at least {count}"),
        Test::ElementsAtMost(count) => format!("elements at most {count}"),
        Test::Unique => "unique".to_owned(),
        Test::Elements(span, _) => format!("elements {span:?}"),
        Test::OtherElements(_) => "other elements".to_owned(),
        Test::ContainsAtLeast(_, count) => format!("contains at least {count}"),
        Test::ContainsAtMost(_, count) => format!("contains at most {count}"),
        Test::All(_) => "all".to_owned(),
        Test::Any(_) => "any".to_owned(),
        Test::One(_) => "one".to_owned(),
        Test::Not(_) => "not".to_owned(),
        Test::If { then, otherwise, .. } => format!("if {} {}", then.is_some(), otherwise.is_some()),
        Test::With { name, required } => format!("with {name:?} {}", label(terms, &terms.atoms[*required].test)),
        Test::WithSchema { name, .. } => format!("with {name:?}"),
    }
}

/// The label of the rest, which depends on the names and patterns of its schema.
fn rest_label(terms: &Terms<'_>, owner: SchemaId) -> String {
    let mut names = terms.schemas[owner].names.clone();
    names.sort_unstable();
    let mut patterns = terms.schemas[owner].patterns.clone();
    patterns.sort_unstable();
    format!("rest {names:?} {patterns:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::document::Document;

    /// Whether the roots of the two are of one class.
    fn same(old: &Value, new: &Value) -> bool {
        let (old, new) = (Document::read(old).expect("legal"), Document::read(new).expect("legal"));
        let terms = Terms::read(&old, &new).expect("well formed");
        let classes = Classes::of(&terms);
        classes.of_schemas[0] == classes.of_schemas[terms.new_root]
    }

    #[test]
    fn order_and_annotations_do_not_separate() {
        let old = json!({ "type": ["string", "null"], "enum": ["a", 1], "title": "old", "required": ["b", "a"],
                          "anyOf": [{ "minLength": 1 }, { "maximum": 2 }] });
        let new = json!({ "enum": [1, "a"], "required": ["a", "b"], "type": ["null", "string"], "default": 1,
                          "anyOf": [{ "maximum": 2 }, { "minLength": 1, "description": "d" }] });
        assert!(same(&old, &new));
    }

    #[test]
    fn everything_that_is_demanded_separates() {
        let schemas = [
            json!({}),
            json!({ "not": {} }),
            json!({ "type": "string" }),
            json!({ "enum": [1] }),
            json!({ "minimum": 1 }),
            json!({ "exclusiveMinimum": 1 }),
            json!({ "maximum": 1 }),
            json!({ "multipleOf": 1 }),
            json!({ "minLength": 1 }),
            json!({ "maxLength": 1 }),
            json!({ "pattern": "a" }),
            json!({ "pattern": "b" }),
            json!({ "format": "date" }),
            json!({ "required": ["a"] }),
            json!({ "minProperties": 1 }),
            json!({ "maxProperties": 1 }),
            json!({ "propertyNames": { "minLength": 1 } }),
            json!({ "properties": { "a": { "minLength": 1 } } }),
            json!({ "patternProperties": { "a": { "minLength": 1 } } }),
            json!({ "additionalProperties": { "minLength": 1 } }),
            json!({ "additionalProperties": { "minLength": 1 }, "properties": { "a": {} } }),
            json!({ "unevaluatedProperties": { "minLength": 1 } }),
            json!({ "items": { "minLength": 1 } }),
            json!({ "prefixItems": [{ "minLength": 1 }] }),
            json!({ "contains": { "minLength": 1 } }),
            json!({ "contains": { "minLength": 1 }, "maxContains": 2 }),
            json!({ "uniqueItems": true }),
            json!({ "minItems": 1 }),
            json!({ "maxItems": 1 }),
            json!({ "unevaluatedItems": false }),
            json!({ "oneOf": [{ "minLength": 1 }] }),
            json!({ "anyOf": [{ "minLength": 1 }] }),
            json!({ "if": { "minLength": 1 }, "then": { "maxLength": 1 } }),
            json!({ "if": { "minLength": 1 }, "else": { "maxLength": 1 } }),
            json!({ "dependentRequired": { "a": ["b"] } }),
            json!({ "dependentSchemas": { "a": { "minLength": 1 } } }),
        ];
        for (i, old) in schemas.iter().enumerate() {
            for (j, new) in schemas.iter().enumerate() {
                assert_eq!(same(old, new), i == j, "{old} {new}");
            }
        }
    }

    #[test]
    fn recursive_schemas_are_compared_all_the_way() {
        let list = |tail: Value| json!({ "$ref": "#/$defs/list", "$defs": { "list": { "properties": { "next": { "$ref": "#/$defs/list" } }, "allOf": [tail] } } });
        assert!(same(&list(json!({ "minimum": 1 })), &list(json!({ "minimum": 1 }))));
        assert!(!same(&list(json!({ "minimum": 1 })), &list(json!({ "minimum": 2 }))));
    }

    #[test]
    fn what_is_unevaluated_depends_on_its_neighbours() {
        let schema = |name: &str| json!({ "properties": { name: {} }, "unevaluatedProperties": false });
        assert!(same(&schema("a"), &schema("a")));
        let (old, new) = (schema("a"), schema("b"));
        let (old, new) = (Document::read(&old).expect("legal"), Document::read(&new).expect("legal"));
        let terms = Terms::read(&old, &new).expect("well formed");
        let classes = Classes::of(&terms);
        let unevaluated: Vec<Class> = terms
            .atoms
            .iter()
            .zip(&classes.of_atoms)
            .filter(|(atom, _)| matches!(atom.test, Test::OtherMembers(_)))
            .map(|(_, &class)| class)
            .collect();
        assert_ne!(unevaluated[0], unevaluated[1]);
    }
}
