//! Counts how deep and how wide a schema is.
//!
//! Depth is that of the payloads that the schema describes: an object with nothing but scalars in it has
//! depth 1, and each object or array inside adds one. A schema counts as one of an object or an array if
//! its `type` says so, or if it speaks about members or elements. Branches and references are about the
//! same value. A schema that refers back to itself is counted once around.

use serde_json::{Map, Value};

use crate::{
    document::{Document, Place},
    error::{Error, Result},
    keywords::Applies,
    limits::{SCHEMA_DEPTH_MAX, SCHEMA_NESTING_MAX, SCHEMA_PROPERTIES_MAX},
};

/// How deep and how wide a schema may be. Whatever the caps, the other bounds of
/// [`limits`](crate::limits) hold, which are the ones that bound what a schema costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Levels of objects and arrays in one another.
    pub depth_max: usize,
    /// Keys of all `properties` maps together.
    pub properties_max: usize,
}

impl Caps {
    /// No caps of its own, for schemas that were let in before.
    pub const NONE: Self = Self { depth_max: usize::MAX, properties_max: usize::MAX };
}

/// [`SCHEMA_DEPTH_MAX`] and [`SCHEMA_PROPERTIES_MAX`].
impl Default for Caps {
    fn default() -> Self {
        Self { depth_max: SCHEMA_DEPTH_MAX, properties_max: SCHEMA_PROPERTIES_MAX }
    }
}

/// The counts of a schema that is within the caps.
pub(crate) struct Measured {
    pub(crate) depth: u32,
    pub(crate) property_count: u32,
}

/// Counts levels and properties; [`Error::SchemaTooDeep`], [`Error::SchemaTooWide`].
pub(crate) fn measure(document: &Document<'_>, caps: Caps) -> Result<Measured> {
    let mut levels = Levels { document, known: vec![Level::Unknown; document.len()] };
    // Payloads are objects, even if the schema does not say so.
    let depth = levels.below(Document::ROOT, 0)?.count.max(1);
    if depth > caps.depth_max {
        let pointer = document.pointer(levels.first_beyond(caps.depth_max));
        let reason = format!("the schema has {depth} levels, more than {}", caps.depth_max);
        return Err(Error::too_deep(&pointer, reason));
    }
    let property_count = property_count(document, caps.properties_max)?;
    Ok(Measured { depth: narrow(depth), property_count: narrow(property_count) })
}

/// Keys of every `properties` map, wherever it stands: a definition counts once, however many
/// references lead to it.
fn property_count(document: &Document<'_>, most: usize) -> Result<usize> {
    let maps =
        || document.objects().filter_map(|(place, schema)| Some((place, schema.get("properties")?.as_object()?)));
    let count: usize = maps().map(|(_, map)| map.len()).sum();
    let mut so_far = 0;
    for (place, map) in maps() {
        so_far += map.len();
        if so_far > most {
            let pointer = document.pointer(place) + "/properties";
            return Err(Error::too_wide(&pointer, format!("the schema declares {count} properties, more than {most}")));
        }
    }
    Ok(count)
}

/// Keywords about members or elements.
const STRUCTURE: [&str; 9] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "required",
    "items",
    "prefixItems",
    "unevaluatedItems",
    "contains",
];

/// Whether a schema is one of an object or an array.
fn is_container(schema: &Map<String, Value>) -> bool {
    let is_of_container = |word: &Value| matches!(word.as_str(), Some("object" | "array"));
    let says_so = match schema.get("type") {
        Some(Value::Array(words)) => words.iter().any(is_of_container),
        Some(word) => is_of_container(word),
        None => false,
    };
    says_so || STRUCTURE.iter().any(|keyword| schema.contains_key(*keyword))
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy)]
enum Level {
    Unknown,
    /// The schema is being counted, so a reference that leads here closes a circle.
    Counting,
    Known(Below),
}

/// What a schema holds.
#[derive(Clone, Copy, Default)]
struct Below {
    /// Levels, its own included.
    count: usize,
    /// Whether the schema itself is a level.
    is_level: bool,
    /// The schema that has the most levels: of the same value, or of a part.
    deepest: Option<Place>,
}

struct Levels<'a> {
    document: &'a Document<'a>,
    known: Vec<Level>,
}

impl Levels<'_> {
    /// Levels of the schema at `place`, itself included. `nesting` counts the calls under way, which
    /// must not use up the stack.
    fn below(&mut self, place: Place, nesting: usize) -> Result<Below> {
        match self.known[place] {
            Level::Known(levels) => return Ok(levels),
            Level::Counting => return Ok(Below::default()),
            Level::Unknown => self.known[place] = Level::Counting,
        }
        let document = self.document;
        if nesting == SCHEMA_NESTING_MAX {
            let reason = format!("subschemas and references nest deeper than {SCHEMA_NESTING_MAX}");
            return Err(Error::too_deep(&document.pointer(place), reason));
        }
        let is_level = document.schema(place).as_object().is_some_and(is_container);
        let own = usize::from(is_level);
        let mut levels = Below { count: own, is_level, deepest: None };
        let children = document.children(place).filter(|(_, applies)| *applies != Applies::OnReference);
        let targets = document.references(place).iter().filter_map(|reference| reference.target);
        for (next, applies) in children.chain(targets.map(|target| (target, Applies::InPlace))) {
            let inside = self.below(next, nesting + 1)?.count;
            let count = match applies {
                Applies::Part => own + inside,
                Applies::InPlace | Applies::Name | Applies::OnReference => inside,
            };
            if count > levels.count {
                levels = Below { count, is_level: is_level && applies == Applies::Part, deepest: Some(next) };
            }
        }
        self.known[place] = Level::Known(levels);
        Ok(levels)
    }

    /// The first schema that is one level too deep, on the way to the deepest one.
    fn first_beyond(&self, most: usize) -> Place {
        let (mut place, mut above) = (Document::ROOT, 0);
        while let Level::Known(Below { is_level, deepest, .. }) = self.known[place] {
            above += usize::from(is_level);
            match deepest {
                Some(next) if above <= most => place = next,
                _ => break,
            }
        }
        place
    }
}
