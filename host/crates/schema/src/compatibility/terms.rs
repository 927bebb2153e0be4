//! Both schemas as one list of schemas and their atoms.
//!
//! An atom is one thing that one keyword demands: `properties` with three members is three of
//! them. It can be false for values of some kinds only, its domain. A schema is the conjunction
//! of its atoms, and an atom holds other schemas by number. Keywords that only annotate have no
//! atoms.

use serde_json::{Map, Number, Value};

use super::{
    formats,
    kinds::{Kind, Kinds},
};
use crate::{
    document::{Document, Place},
    error::{Error, Result},
    keywords::Applies,
};

/// A schema of either document.
pub(super) type SchemaId = usize;
/// An atom of a schema.
pub(super) type AtomId = usize;
/// A regular expression: equal texts have equal numbers.
pub(super) type PatternId = usize;

/// A schema: `true`, `false` or an object.
#[derive(Default)]
pub(super) struct Schema<'a> {
    pub(super) place: Place,
    /// The atoms, all of which have to hold.
    pub(super) atoms: Vec<AtomId>,
    /// The schemas that it applies to its own value: branches and references.
    pub(super) in_place: Vec<SchemaId>,
    /// The keys of `properties`.
    pub(super) names: Vec<&'a str>,
    /// The keys of `patternProperties`.
    pub(super) patterns: Vec<PatternId>,
    /// Names that stand in `required` and the `dependent…` keywords.
    pub(super) mentions: Vec<&'a str>,
    /// Whether the schema is `true` or `{}`.
    pub(super) is_trivial: bool,
}

/// One thing that a keyword demands.
pub(super) struct Atom<'a> {
    pub(super) owner: SchemaId,
    pub(super) keyword: &'static str,
    /// The step from the keyword to the part of its value that demands this, if there is one.
    pub(super) step: Option<Step<'a>>,
    pub(super) test: Test<'a>,
}

/// A step of a JSON pointer below a keyword.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Index(usize),
    Name(&'a str),
}

/// The members that an atom speaks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope<'a> {
    /// The member of this name.
    Named(&'a str),
    /// The members whose names match.
    Matching(PatternId),
    /// The members that neither `properties` nor `patternProperties` of this schema speak about.
    Rest(SchemaId),
}

/// The elements that an atom speaks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Span {
    At(usize),
    From(usize),
}

impl Span {
    /// The first index that it covers.
    pub(super) fn first(self) -> usize {
        match self {
            Self::At(index) | Self::From(index) => index,
        }
    }

    pub(super) fn covers(self, index: usize) -> bool {
        match self {
            Self::At(own) => own == index,
            Self::From(first) => first <= index,
        }
    }
}

/// A bound of numbers.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) limit: &'a Number,
    pub(super) exclusive: bool,
}

/// The demand of an atom. The first group is about the value itself, the second combines schemas
/// that apply to the same value.
pub(super) enum Test<'a> {
    Never,
    Kinds(Kinds),
    Among(Vec<&'a Value>),
    AtLeast(Bound<'a>),
    AtMost(Bound<'a>),
    MultipleOf(&'a Number),
    LengthAtLeast(u64),
    LengthAtMost(u64),
    Matches(PatternId),
    Format(&'a str),
    Required(&'a str),
    MembersAtLeast(u64),
    MembersAtMost(u64),
    Names(SchemaId),
    Members(Scope<'a>, SchemaId),
    OtherMembers(SchemaId),
    ElementsAtLeast(u64),
    ElementsAtMost(u64),
    Unique,
    Elements(Span, SchemaId),
    OtherElements(SchemaId),
    ContainsAtLeast(SchemaId, u64),
    ContainsAtMost(SchemaId, u64),

    All(Vec<SchemaId>),
    Any(Vec<SchemaId>),
    One(Vec<SchemaId>),
    Not(SchemaId),
    If {
        condition: SchemaId,
        then: Option<SchemaId>,
        otherwise: Option<SchemaId>,
    },
    /// `required` is an atom that belongs to no schema, for the name that has to be present too.
    With {
        name: &'a str,
        required: AtomId,
    },
    WithSchema {
        name: &'a str,
        schema: SchemaId,
    },
}

impl Test<'_> {
    /// The kinds of values for which the test may be false.
    pub(super) fn domain(&self) -> Kinds {
        match self {
            Self::AtLeast(_) | Self::AtMost(_) | Self::MultipleOf(_) => Kinds::NUMBERS,
            Self::LengthAtLeast(_) | Self::LengthAtMost(_) | Self::Matches(_) | Self::Format(_) => Kinds::STRING,
            Self::Required(_)
            | Self::MembersAtLeast(_)
            | Self::MembersAtMost(_)
            | Self::Names(_)
            | Self::Members(..)
            | Self::OtherMembers(_)
            | Self::With { .. }
            | Self::WithSchema { .. } => Kinds::OBJECT,
            Self::ElementsAtLeast(_)
            | Self::ElementsAtMost(_)
            | Self::Unique
            | Self::Elements(..)
            | Self::OtherElements(_)
            | Self::ContainsAtLeast(..)
            | Self::ContainsAtMost(..) => Kinds::ARRAY,
            Self::Never
            | Self::Kinds(_)
            | Self::Among(_)
            | Self::All(_)
            | Self::Any(_)
            | Self::One(_)
            | Self::Not(_)
            | Self::If { .. } => Kinds::ALL,
        }
    }

    /// The schemas that the test applies to its own value.
    pub(super) fn in_place(&self) -> Vec<SchemaId> {
        match self {
            Self::All(_) | Self::Any(_) | Self::One(_) | Self::Not(_) | Self::If { .. } | Self::WithSchema { .. } => {
                self.schemas()
            }
            _ => Vec::new(),
        }
    }

    /// All schemas in the test.
    pub(super) fn schemas(&self) -> Vec<SchemaId> {
        match self {
            Self::Names(schema)
            | Self::Members(_, schema)
            | Self::OtherMembers(schema)
            | Self::Elements(_, schema)
            | Self::OtherElements(schema)
            | Self::ContainsAtLeast(schema, _)
            | Self::ContainsAtMost(schema, _)
            | Self::Not(schema)
            | Self::WithSchema { schema, .. } => vec![*schema],
            Self::All(schemas) | Self::Any(schemas) | Self::One(schemas) => schemas.clone(),
            Self::If { condition, then, otherwise } => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The schemas and atoms of both documents.
pub(super) struct Terms<'a> {
    pub(super) schemas: Vec<Schema<'a>>,
    pub(super) atoms: Vec<Atom<'a>>,
    /// The expressions of formats first, and then those of the schemas.
    pub(super) patterns: Vec<&'a str>,
    /// The root of the new document; that of the old one is 0.
    pub(super) new_root: SchemaId,
}

impl<'a> Terms<'a> {
    /// Reads both documents; [`Error::SchemaInvalid`] where a keyword does not take its value.
    pub(super) fn read(old: &Document<'a>, new: &Document<'a>) -> Result<Self> {
        let (schemas, atoms) = (Vec::new(), Vec::new());
        let mut terms = Self { schemas, atoms, patterns: formats::expressions(), new_root: old.len() };
        terms.add_document(old, 0)?;
        terms.add_document(new, old.len())?;
        Ok(terms)
    }

    /// The atoms of a schema.
    pub(super) fn atoms_of(&self, schema: SchemaId) -> impl Iterator<Item = (AtomId, &Atom<'a>)> {
        self.schemas[schema].atoms.iter().map(|&atom| (atom, &self.atoms[atom]))
    }

    fn add_document(&mut self, document: &Document<'a>, first: SchemaId) -> Result<()> {
        for place in 0..document.len() {
            let mut reader = Reader { terms: self, document, first, owner: first + place, schema: Schema::default() };
            reader.schema.place = place;
            match document.schema(place) {
                Value::Object(keywords) => {
                    reader.schema.is_trivial = keywords.is_empty();
                    reader.read(keywords).map_err(|keyword| malformed(document, place, keyword))?;
                }
                Value::Bool(true) => reader.schema.is_trivial = true,
                _ => reader.add("false", Test::Never),
            }
            let schema = reader.schema;
            self.schemas.push(schema);
        }
        Ok(())
    }

    fn pattern(&mut self, text: &'a str) -> PatternId {
        let known = self.patterns.iter().position(|pattern| *pattern == text);
        known.unwrap_or_else(|| {
            self.patterns.push(text);
            self.patterns.len() - 1
        })
    }
}

fn malformed(document: &Document<'_>, place: Place, keyword: &str) -> Error {
    Error::schema(&format!("{}/{keyword}", document.pointer(place)), "the keyword does not take such a value")
}

/// Reads one schema.
struct Reader<'t, 'd, 'a> {
    terms: &'t mut Terms<'a>,
    document: &'d Document<'a>,
    first: SchemaId,
    owner: SchemaId,
    schema: Schema<'a>,
}

/// The result of reading a keyword: the error is the name of the keyword.
type Read<T> = Result<T, &'static str>;

impl<'a> Reader<'_, '_, 'a> {
    fn read(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        let place = self.schema.place;
        let children = self.document.children(place).filter(|(_, applies)| *applies == Applies::InPlace);
        let targets = self.document.references(place).iter().filter_map(|reference| reference.target);
        self.schema.in_place =
            children.map(|(child, _)| child).chain(targets).map(|place| self.first + place).collect();
        for target in self.document.references(place).iter().filter_map(|reference| reference.target) {
            self.add("$ref", Test::All(vec![self.first + target]));
        }
        self.read_any_kind(keywords)?;
        self.read_scalars(keywords)?;
        self.read_objects(keywords)?;
        self.read_dependencies(keywords)?;
        self.read_arrays(keywords)?;
        self.read_combinations(keywords)
    }

    fn add(&mut self, keyword: &'static str, test: Test<'a>) {
        self.add_at(keyword, None, test);
    }

    fn add_at(&mut self, keyword: &'static str, step: Option<Step<'a>>, test: Test<'a>) {
        let atom = self.push(keyword, step, test);
        self.schema.atoms.push(atom);
    }

    fn push(&mut self, keyword: &'static str, step: Option<Step<'a>>, test: Test<'a>) -> AtomId {
        self.terms.atoms.push(Atom { owner: self.owner, keyword, step, test });
        self.terms.atoms.len() - 1
    }

    fn read_any_kind(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        if let Some(value) = keywords.get("type") {
            let words: Vec<&Value> = match value {
                Value::Array(several) => several.iter().collect(),
                single => vec![single],
            };
            let mut kinds = Kinds::NONE;
            for word in words {
                kinds = kinds.or(word.as_str().and_then(Kinds::named).ok_or("type")?);
            }
            if keywords.get("nullable") == Some(&Value::Bool(true)) {
                kinds = kinds.or(Kinds::of(Kind::Null));
            }
            self.add("type", Test::Kinds(kinds));
        }
        if let Some(value) = keywords.get("enum") {
            self.add("enum", Test::Among(value.as_array().ok_or("enum")?.iter().collect()));
        }
        if let Some(value) = keywords.get("const") {
            self.add("const", Test::Among(vec![value]));
        }
        Ok(())
    }

    fn read_scalars(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        for (keyword, is_lower, exclusive) in [
            ("minimum", true, false),
            ("exclusiveMinimum", true, true),
            ("maximum", false, false),
            ("exclusiveMaximum", false, true),
        ] {
            if let Some(value) = keywords.get(keyword) {
                let bound = Bound { limit: value.as_number().ok_or(keyword)?, exclusive };
                self.add(keyword, if is_lower { Test::AtLeast(bound) } else { Test::AtMost(bound) });
            }
        }
        if let Some(value) = keywords.get("multipleOf") {
            self.add("multipleOf", Test::MultipleOf(value.as_number().ok_or("multipleOf")?));
        }
        if let Some(least) = count(keywords, "minLength")? {
            self.add("minLength", Test::LengthAtLeast(least));
        }
        if let Some(most) = count(keywords, "maxLength")? {
            self.add("maxLength", Test::LengthAtMost(most));
        }
        if let Some(value) = keywords.get("pattern") {
            let pattern = self.terms.pattern(value.as_str().ok_or("pattern")?);
            self.add("pattern", Test::Matches(pattern));
        }
        if let Some(value) = keywords.get("format") {
            self.add("format", Test::Format(value.as_str().ok_or("format")?));
        }
        Ok(())
    }

    fn read_objects(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        for (index, name) in strings(keywords.get("required"), "required")?.into_iter().enumerate() {
            self.schema.mentions.push(name);
            self.add_at("required", Some(Step::Index(index)), Test::Required(name));
        }
        if let Some(least) = count(keywords, "minProperties")? {
            self.add("minProperties", Test::MembersAtLeast(least));
        }
        if let Some(most) = count(keywords, "maxProperties")? {
            self.add("maxProperties", Test::MembersAtMost(most));
        }
        if let Some(names) = self.one(keywords, "propertyNames")? {
            self.add("propertyNames", Test::Names(names));
        }
        for (name, member) in self.map(keywords, "properties")? {
            self.schema.names.push(name);
            self.add_at("properties", Some(Step::Name(name)), Test::Members(Scope::Named(name), member));
        }
        for (text, member) in self.map(keywords, "patternProperties")? {
            let pattern = self.terms.pattern(text);
            self.schema.patterns.push(pattern);
            self.add_at("patternProperties", Some(Step::Name(text)), Test::Members(Scope::Matching(pattern), member));
        }
        if let Some(member) = self.one(keywords, "additionalProperties")? {
            self.add("additionalProperties", Test::Members(Scope::Rest(self.owner), member));
        }
        if let Some(member) = self.one(keywords, "unevaluatedProperties")? {
            self.add("unevaluatedProperties", Test::OtherMembers(member));
        }
        Ok(())
    }

    /// `dependencies` is an older keyword that validators still obey: it takes both lists and schemas.
    fn read_dependencies(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            let Some(value) = keywords.get(keyword) else { continue };
            for (name, demanded) in value.as_object().ok_or(keyword)? {
                self.schema.mentions.push(name);
                if demanded.is_array() {
                    for required in strings(Some(demanded), keyword)? {
                        self.schema.mentions.push(required);
                        let step = Some(Step::Name(name.as_str()));
                        let required = self.push(keyword, step, Test::Required(required));
                        self.add_at(keyword, step, Test::With { name, required });
                    }
                } else {
                    let schema = self.id(demanded).ok_or(keyword)?;
                    self.add_at(keyword, Some(Step::Name(name)), Test::WithSchema { name, schema });
                }
            }
        }
        Ok(())
    }

    fn read_arrays(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        if let Some(least) = count(keywords, "minItems")? {
            self.add("minItems", Test::ElementsAtLeast(least));
        }
        if let Some(most) = count(keywords, "maxItems")? {
            self.add("maxItems", Test::ElementsAtMost(most));
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.add("uniqueItems", Test::Unique);
        }
        let prefix = self.list(keywords, "prefixItems")?;
        for (index, &element) in prefix.iter().enumerate() {
            self.add_at("prefixItems", Some(Step::Index(index)), Test::Elements(Span::At(index), element));
        }
        if let Some(element) = self.one(keywords, "items")? {
            self.add("items", Test::Elements(Span::From(prefix.len()), element));
        }
        if let Some(element) = self.one(keywords, "contains")? {
            let least = count(keywords, "minContains")?;
            let keyword = if least.is_some() { "minContains" } else { "contains" };
            self.add(keyword, Test::ContainsAtLeast(element, least.unwrap_or(1)));
            if let Some(most) = count(keywords, "maxContains")? {
                self.add("maxContains", Test::ContainsAtMost(element, most));
            }
        }
        if let Some(element) = self.one(keywords, "unevaluatedItems")? {
            self.add("unevaluatedItems", Test::OtherElements(element));
        }
        Ok(())
    }

    fn read_combinations(&mut self, keywords: &'a Map<String, Value>) -> Read<()> {
        if keywords.contains_key("allOf") {
            let all = self.list(keywords, "allOf")?;
            self.add("allOf", Test::All(all));
        }
        if keywords.contains_key("anyOf") {
            let any = self.list(keywords, "anyOf")?;
            self.add("anyOf", Test::Any(any));
        }
        if keywords.contains_key("oneOf") {
            let one = self.list(keywords, "oneOf")?;
            self.add("oneOf", Test::One(one));
        }
        if let Some(denied) = self.one(keywords, "not")? {
            self.add("not", Test::Not(denied));
        }
        if let Some(condition) = self.one(keywords, "if")? {
            let (then, otherwise) = (self.one(keywords, "then")?, self.one(keywords, "else")?);
            // An `if` alone demands nothing, but the members that it looks at count as evaluated.
            self.add("if", Test::If { condition, then, otherwise });
        }
        Ok(())
    }

    fn id(&self, schema: &'a Value) -> Option<SchemaId> {
        Some(self.first + self.document.place(schema)?)
    }

    fn one(&self, keywords: &'a Map<String, Value>, keyword: &'static str) -> Read<Option<SchemaId>> {
        keywords.get(keyword).map(|schema| self.id(schema).ok_or(keyword)).transpose()
    }

    fn list(&self, keywords: &'a Map<String, Value>, keyword: &'static str) -> Read<Vec<SchemaId>> {
        let Some(value) = keywords.get(keyword) else { return Ok(Vec::new()) };
        value.as_array().ok_or(keyword)?.iter().map(|schema| self.id(schema).ok_or(keyword)).collect()
    }

    fn map(&self, keywords: &'a Map<String, Value>, keyword: &'static str) -> Read<Vec<(&'a str, SchemaId)>> {
        let Some(value) = keywords.get(keyword) else { return Ok(Vec::new()) };
        let members = value.as_object().ok_or(keyword)?;
        members.iter().map(|(name, schema)| Ok((name.as_str(), self.id(schema).ok_or(keyword)?))).collect()
    }
}

fn strings<'a>(value: Option<&'a Value>, keyword: &'static str) -> Read<Vec<&'a str>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    value.as_array().ok_or(keyword)?.iter().map(|name| name.as_str().ok_or(keyword)).collect()
}

/// Reads a count, which may also be written as `2.0`.
fn count(keywords: &Map<String, Value>, keyword: &'static str) -> Read<Option<u64>> {
    let Some(value) = keywords.get(keyword) else { return Ok(None) };
    if let Some(count) = value.as_u64() {
        return Ok(Some(count));
    }
    let float = value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0).ok_or(keyword)?;
    format!("{float:.0}").parse().map(Some).or(Ok(Some(u64::MAX)))
}
