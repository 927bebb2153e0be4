//! Finds where a proof failed: the keywords of the new schema that were not shown to hold.

use super::{
    claim::Claim,
    facts::Facts,
    kinds::Kind,
    locations::LocationId,
    members::Region,
    prove::{Effort, Prover},
    terms::{AtomId, SchemaId, Scope, Test},
};
use crate::limits::SCHEMA_VIOLATIONS_SHOWN_MAX;

/// Levels down to which a keyword is looked for; below that, the keyword that holds it is named.
const LEVELS_MAX: usize = 16;

/// A keyword that may accept less than before, and the facts about the values that it applies to.
pub(super) struct Finding {
    pub(super) held: Vec<SchemaId>,
    pub(super) here: LocationId,
    pub(super) atom: AtomId,
}

/// Finds the keywords that fail, at most [`SCHEMA_VIOLATIONS_SHOWN_MAX`].
pub(super) fn findings(prover: &Prover<'_>, held: &[SchemaId], claimed: SchemaId, here: LocationId) -> Vec<Finding> {
    let mut search = Search { prover, findings: Vec::new() };
    search.explain(held, claimed, here, 0);
    search.findings
}

struct Search<'p, 't> {
    prover: &'p Prover<'t>,
    findings: Vec<Finding>,
}

impl<'t> Search<'_, 't> {
    fn explain(&mut self, held: &[SchemaId], claimed: SchemaId, here: LocationId, level: usize) {
        let prover = self.prover;
        let facts = Facts::new(prover.terms, held, here);
        for atom in prover.flattened(claimed) {
            let fails = |kind: &Kind| !prover.shows(*kind, &facts, &[Claim::Satisfies(atom)], Effort::Full);
            // Without steps everything seems to fail, all the way down.
            let is_over = self.findings.len() == SCHEMA_VIOLATIONS_SHOWN_MAX || prover.budget.is_spent();
            if is_over || !facts.kinds.iter().any(|kind| fails(&kind)) {
                continue;
            }
            let before = self.findings.len();
            if level < LEVELS_MAX {
                self.descend(&facts, atom, level + 1);
            }
            let is_new = || !self.findings.iter().any(|finding| finding.atom == atom);
            if self.findings.len() == before && is_new() {
                self.findings.push(Finding { held: held.to_vec(), here, atom });
            }
        }
    }

    /// Looks for the keywords that fail inside of a member or an element.
    fn descend(&mut self, facts: &Facts<'t>, atom: AtomId, level: usize) {
        let prover = self.prover;
        match prover.terms.atoms[atom].test {
            Test::Members(scope, schema) => {
                let region = match scope {
                    Scope::Named(name) => Region::Name(name),
                    Scope::Matching(pattern) => Region::Fresh { yes: vec![pattern], no: Vec::new() },
                    Scope::Rest(owner) => {
                        Region::Fresh { yes: Vec::new(), no: prover.terms.schemas[owner].patterns.clone() }
                    }
                };
                let here = prover.locations.member(prover.language, facts.here, &region);
                self.explain_inside(&prover.member_schemas(facts, &region), schema, here, level);
            }
            Test::Elements(span, schema) => {
                let index = span.first();
                let here = prover.locations.element(facts.here, index);
                self.explain_inside(&prover.element_schemas(facts, index), schema, here, level);
            }
            _ => {}
        }
    }

    /// Goes inside if a keyword there says more than the keyword itself.
    fn explain_inside(&mut self, held: &[SchemaId], claimed: SchemaId, here: LocationId, level: usize) {
        let is_never = self.prover.terms.atoms_of(claimed).any(|(_, atom)| matches!(atom.test, Test::Never));
        if !is_never && !self.prover.proves(held, &[claimed], here) {
            self.explain(held, claimed, here, level);
        }
    }
}
