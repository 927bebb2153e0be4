//! Counts how deep and how wide a schema is.
//!
//! The root is level 1, and every step into `properties`, `items` or `prefixItems` is one level
//! more, so that a flat object has two. Branches and references stay on their level. A schema
//! that refers back to itself is counted once around.

use crate::{
    document::{Document, Place},
    error::{Error, Result},
    keywords::Applies,
    limits::{SCHEMA_DEPTH_MAX, SCHEMA_NESTING_MAX, SCHEMA_PROPERTIES_MAX},
};

/// The counts of a schema that is within the caps.
pub(crate) struct Measured {
    pub(crate) depth: u32,
    pub(crate) property_count: u32,
}

/// Counts levels and properties; [`Error::SchemaTooDeep`], [`Error::SchemaTooWide`].
pub(crate) fn measure(document: &Document<'_>) -> Result<Measured> {
    let mut levels = Levels { document, known: vec![Level::Unknown; document.len()] };
    let depth = levels.below(0, 0)?;
    if depth > SCHEMA_DEPTH_MAX {
        let reason = format!("the schema has {depth} levels, more than {SCHEMA_DEPTH_MAX}");
        return Err(Error::SchemaTooDeep { reason });
    }
    let property_count = property_count(document);
    if property_count > SCHEMA_PROPERTIES_MAX {
        let reason = format!("the schema declares {property_count} properties, more than {SCHEMA_PROPERTIES_MAX}");
        return Err(Error::SchemaTooWide { reason });
    }
    Ok(Measured { depth: narrow(depth), property_count: narrow(property_count) })
}

/// Keys of every `properties` map, wherever it stands: a definition counts once, however many
/// references lead to it.
fn property_count(document: &Document<'_>) -> usize {
    let maps = document.objects().filter_map(|(_, schema)| schema.get("properties")?.as_object());
    maps.map(serde_json::Map::len).sum()
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy)]
enum Level {
    Unknown,
    /// The schema is being counted, so a reference that leads here closes a circle.
    Counting,
    Known(usize),
}

struct Levels<'a> {
    document: &'a Document<'a>,
    known: Vec<Level>,
}

impl Levels<'_> {
    /// Levels of the schema at `place`, itself included. `nesting` counts the calls under way, which
    /// must not use up the stack.
    fn below(&mut self, place: Place, nesting: usize) -> Result<usize> {
        match self.known[place] {
            Level::Known(levels) => return Ok(levels),
            Level::Counting => return Ok(0),
            Level::Unknown => self.known[place] = Level::Counting,
        }
        if nesting == SCHEMA_NESTING_MAX {
            let reason = format!("subschemas and references nest deeper than {SCHEMA_NESTING_MAX}");
            return Err(Error::SchemaTooDeep { reason });
        }
        let mut levels = 1;
        let document = self.document;
        for (child, applies) in document.children(place) {
            levels = levels.max(match applies {
                Applies::OneLevelDown => 1 + self.below(child, nesting + 1)?,
                Applies::InPlace | Applies::Inside => self.below(child, nesting + 1)?,
                Applies::OnReference => 0,
            });
        }
        for target in document.references(place).iter().filter_map(|reference| reference.target) {
            levels = levels.max(self.below(target, nesting + 1)?);
        }
        self.known[place] = Level::Known(levels);
        Ok(levels)
    }
}
