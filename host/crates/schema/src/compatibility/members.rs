//! Tells which members of an object an atom speaks about.
//!
//! There are endlessly many names, but the schemas tell only a few apart: those that they
//! mention, each for itself, and all others by the patterns that they match. These are the
//! regions.

use super::{
    language::Language,
    terms::{PatternId, SchemaId, Scope, Terms},
};

/// Names that the schemas treat alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Region<'a> {
    /// This name.
    Name(&'a str),
    /// All names that no schema mentions, that match all of `yes` and none of `no`. They may or may not
    /// match a pattern that is in neither list.
    Fresh { yes: Vec<PatternId>, no: Vec<PatternId> },
}

/// Whether the scope covers the region; `None` if it may cover a part of it, or a pattern is too
/// costly to tell.
pub(super) fn covers(
    terms: &Terms<'_>,
    language: &Language<'_>,
    scope: Scope<'_>,
    region: &Region<'_>,
) -> Option<bool> {
    match (scope, region) {
        (Scope::Named(name), Region::Name(own)) => Some(name == *own),
        (Scope::Named(_), Region::Fresh { .. }) => Some(false),
        (Scope::Matching(pattern), _) => matches(language, pattern, region),
        (Scope::Rest(owner), _) => {
            let is_named = matches!(region, Region::Name(name) if terms.schemas[owner].names.contains(name));
            if is_named { Some(false) } else { none_matches(terms, language, owner, region) }
        }
    }
}

fn none_matches(terms: &Terms<'_>, language: &Language<'_>, owner: SchemaId, region: &Region<'_>) -> Option<bool> {
    let mut none = Some(true);
    for &pattern in &terms.schemas[owner].patterns {
        match matches(language, pattern, region) {
            Some(true) => return Some(false),
            Some(false) => {}
            None => none = None,
        }
    }
    none
}

fn matches(language: &Language<'_>, pattern: PatternId, region: &Region<'_>) -> Option<bool> {
    match region {
        Region::Name(name) => language.matches(pattern, name),
        Region::Fresh { yes, .. } if yes.contains(&pattern) => Some(true),
        Region::Fresh { no, .. } if no.contains(&pattern) => Some(false),
        Region::Fresh { .. } => None,
    }
}

/// The names and patterns that schemas mention.
#[derive(Default)]
pub(super) struct Vocabulary<'a> {
    /// Every name that one of them mentions.
    pub(super) names: Vec<&'a str>,
    /// Every pattern for names.
    pub(super) patterns: Vec<PatternId>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn add(&mut self, terms: &Terms<'a>, schema: SchemaId) {
        let schema = &terms.schemas[schema];
        self.names.extend(schema.names.iter().chain(&schema.mentions));
        self.patterns.extend(&schema.patterns);
    }

    /// Sorts both lists, and drops repetitions.
    pub(super) fn settle(&mut self) {
        self.names.sort_unstable();
        self.names.dedup();
        self.patterns.sort_unstable();
        self.patterns.dedup();
    }
}
