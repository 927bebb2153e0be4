//! Bounds how often one value is looked at because of branches and references.
//!
//! `{"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}` looks twice; thirty such steps one
//! after the other fit into a kilobyte and look a billion times. So the number of subschemas that
//! apply to one and the same value is bounded, and so is how deep they nest, which costs stack.
//! The cost of recursion *into* a payload depends on the payload: [`view`](crate::view) bounds that.

use crate::{
    document::{Document, Place},
    error::{Error, Result},
    keywords::Applies,
    limits::{SCHEMA_CHAIN_MAX, SCHEMA_EXPANSION_MAX},
};

/// Refuses schemas that exceed the bounds, or go around in circles without ever descending into
/// the payload, with [`Error::SchemaInvalid`]. Returns the longest chain.
pub(crate) fn check(document: &Document<'_>) -> Result<usize> {
    let mut search = Search { document, known: vec![State::Unknown; document.len()] };
    (0..document.len()).try_fold(1, |longest, place| Ok(longest.max(search.expand(place, 0)?.chain)))
}

#[derive(Clone, Copy)]
enum State {
    Unknown,
    Expanding,
    Known(Expansion),
}

/// The subschemas that apply to a value when a schema does.
#[derive(Clone, Copy)]
struct Expansion {
    /// Their number, the schema itself included.
    count: usize,
    /// The longest chain of them.
    chain: usize,
}

struct Search<'a> {
    document: &'a Document<'a>,
    known: Vec<State>,
}

impl Search<'_> {
    fn expand(&mut self, place: Place, above: usize) -> Result<Expansion> {
        match self.known[place] {
            State::Known(expansion) => return Ok(expansion),
            State::Expanding => {
                return Err(self.refusal(place, "the schema refers to itself without an end"));
            }
            State::Unknown => self.known[place] = State::Expanding,
        }
        // Checked on the way down too, because the loop below recurses.
        if above == SCHEMA_CHAIN_MAX {
            return Err(self.chain_too_long(place));
        }
        let document = self.document;
        let branches = document.children(place).filter(|(_, applies)| *applies == Applies::InPlace);
        let targets = document.references(place).iter().filter_map(|reference| reference.target);
        let mut total = Expansion { count: 1, chain: 1 };
        for next in branches.map(|(child, _)| child).chain(targets) {
            let part = self.expand(next, above + 1)?;
            total.count = total.count.saturating_add(part.count);
            total.chain = total.chain.max(part.chain + 1);
        }
        if total.count > SCHEMA_EXPANSION_MAX {
            let reason =
                format!("branches and references apply more than {SCHEMA_EXPANSION_MAX} subschemas to one value");
            return Err(self.refusal(place, &reason));
        }
        if total.chain > SCHEMA_CHAIN_MAX {
            return Err(self.chain_too_long(place));
        }
        self.known[place] = State::Known(total);
        Ok(total)
    }

    fn chain_too_long(&self, place: Place) -> Error {
        self.refusal(place, &format!("more than {SCHEMA_CHAIN_MAX} branches and references follow one another"))
    }

    fn refusal(&self, place: Place, reason: &str) -> Error {
        Error::schema(&self.document.pointer(place), reason)
    }
}
