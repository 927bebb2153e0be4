//! Sets of objects: names, members and their number.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{
    claim::Claim,
    equality::equal,
    facts::Facts,
    kinds::Kind,
    locations::in_place_closure,
    members::{Region, Vocabulary, covers},
    prove::{Effort, Prover},
    terms::{AtomId, PatternId, SchemaId, Scope, Test},
};

/// Names that a pattern matches at most, for them to be looked at one by one.
const LISTED_NAMES_MAX: usize = 50;
/// Patterns whose combinations are looked at one by one.
const COMBINED_PATTERNS_MAX: usize = 4;

impl<'t> Prover<'t> {
    /// Whether no object has these facts and makes all these atoms false. Without atoms: whether
    /// there is no such object. `is_bare` says that nothing is claimed: all atoms are denied facts.
    pub(super) fn closes_objects(&self, facts: &Facts<'t>, atoms: &[AtomId], is_bare: bool) -> bool {
        let mut facts = Cow::Borrowed(facts);
        for &atom in atoms {
            match self.terms.atoms[atom].test {
                Test::Required(name) => facts.to_mut().absent.push(name),
                // A member that is not valid has to be present.
                Test::Members(Scope::Named(name), _) if atoms.len() > 1 => facts.to_mut().set_present(name),
                _ => {}
            }
        }
        if facts.present.iter().any(|name| facts.absent.contains(name)) {
            return true;
        }
        let is_true = |&atom: &AtomId| match &self.terms.atoms[atom].test {
            Test::Members(scope, schema) => self.members_are_valid(&facts, *scope, *schema, atoms),
            Test::OtherMembers(schema) => self.other_members_are_valid(&facts, atom, *schema),
            Test::Names(schema) => self.names_are_valid(&facts, *schema),
            _ => false,
        };
        atoms.iter().any(is_true)
            || self.counts_cross(&facts, atoms)
            || (is_bare && self.members_are_impossible(&facts))
    }

    /// Whether two of the facts about one member contradict each other at a glance.
    pub(super) fn members_clash(&self, facts: &Facts<'t>) -> bool {
        facts.present.iter().any(|name| {
            let schemas = self.member_schemas(facts, &Region::Name(name));
            let member = Facts::new(self.terms, &schemas, facts.here);
            let lists = || {
                member.atoms.iter().filter_map(|&atom| match &self.terms.atoms[atom].test {
                    Test::Among(values) => Some(values),
                    _ => None,
                })
            };
            let is_in_all = |value: &&Value| lists().all(|list| list.iter().any(|other| equal(other, value)));
            member.kinds.is_empty() || lists().next().is_some_and(|list| !list.iter().any(is_in_all))
        })
    }

    fn members_are_impossible(&self, facts: &Facts<'t>) -> bool {
        facts.present.iter().any(|name| {
            let region = Region::Name(name);
            self.is_undeclared_or_misnamed(facts, &region) || self.is_valid_there(facts, &region, &[])
        })
    }

    /// Whether an object would need more members than it may have.
    fn counts_cross(&self, facts: &Facts<'t>, atoms: &[AtomId]) -> bool {
        let (mut least, mut most, mut counts) = (facts.present.len() as u64, u64::MAX, false);
        for &atom in &facts.atoms {
            match self.terms.atoms[atom].test {
                Test::MembersAtLeast(count) => (least, counts) = (least.max(count), true),
                Test::MembersAtMost(count) => most = most.min(count),
                _ => {}
            }
        }
        let mut wrong = Vec::new();
        for &atom in atoms {
            match self.terms.atoms[atom].test {
                Test::MembersAtLeast(0) | Test::MembersAtMost(u64::MAX) => return true,
                Test::MembersAtLeast(count) => most = most.min(count - 1),
                Test::MembersAtMost(count) => (least, counts) = (least.max(count + 1), true),
                // A member that is not valid has to be present.
                Test::Members(Scope::Named(name), _) if !facts.present.contains(&name) => wrong.push(name),
                Test::Members(..) | Test::OtherMembers(_) | Test::Names(_) => least = least.max(1),
                _ => {}
            }
        }
        wrong.sort_unstable();
        wrong.dedup();
        least = least.max((facts.present.len() + wrong.len()) as u64);
        if least > most || (most == 0 && self.only_value_closes(facts, atoms, &json!({}))) {
            return true;
        }
        let lists = |&atom: &AtomId| matches!(self.terms.atoms[atom].test, Test::Among(_));
        if !counts && !atoms.iter().any(lists) {
            return false;
        }
        let size = self.largest_size(facts);
        size.is_some_and(|size| least > size || (size == 0 && self.only_value_closes(facts, atoms, &json!({}))))
    }

    /// The most members that an object with these facts can have; `None` if there is no bound.
    fn largest_size(&self, facts: &Facts<'t>) -> Option<u64> {
        let vocabulary = self.vocabulary(facts, &[]);
        let is_possible = |region: &Region<'t>| {
            !self.is_absent(facts, region, &vocabulary) && !self.is_valid_there(facts, region, &[])
        };
        if !self.every_fresh(&vocabulary, &[], &[], |region| !is_possible(region)) {
            return None;
        }
        Some(vocabulary.names.iter().filter(|name| is_possible(&Region::Name(name))).count() as u64)
    }

    /// Whether all members in the scope are valid under the schema. For a member that other atoms name,
    /// being valid under one of their schemas suffices.
    fn members_are_valid(&self, facts: &Facts<'t>, scope: Scope<'t>, schema: SchemaId, atoms: &[AtomId]) -> bool {
        if self.terms.schemas[schema].atoms.is_empty() {
            return true;
        }
        let claims_at = |name: &str| -> Vec<SchemaId> {
            let others = atoms.iter().filter_map(|&atom| match self.terms.atoms[atom].test {
                Test::Members(Scope::Named(own), other) if own == name => Some(other),
                _ => None,
            });
            std::iter::once(schema).chain(others).collect()
        };
        if let Scope::Named(name) = scope {
            let region = Region::Name(name);
            return self.is_undeclared_or_misnamed(facts, &region)
                || facts.absent.contains(&name)
                || self.is_valid_there(facts, &region, &claims_at(name));
        }
        let vocabulary = self.vocabulary(facts, atoms);
        let named = vocabulary.names.iter().all(|name| {
            let region = Region::Name(name);
            covers(self.terms, self.language, scope, &region) == Some(false)
                || self.is_absent(facts, &region, &vocabulary)
                || self.is_valid_there(facts, &region, &claims_at(name))
        });
        let (yes, no) = match scope {
            Scope::Matching(pattern) => (vec![pattern], Vec::new()),
            Scope::Rest(owner) => (Vec::new(), self.terms.schemas[owner].patterns.clone()),
            Scope::Named(_) => (Vec::new(), Vec::new()),
        };
        named
            && self.every_fresh(&vocabulary, &yes, &no, |region| {
                self.is_absent(facts, region, &vocabulary) || self.is_valid_there(facts, region, &[schema])
            })
    }

    /// Whether all members that no other keyword evaluates are valid under the atom's schema.
    fn other_members_are_valid(&self, facts: &Facts<'t>, atom: AtomId, schema: SchemaId) -> bool {
        let owner = self.terms.atoms[atom].owner;
        let evaluating = self.evaluating(facts, owner);
        let vocabulary = self.vocabulary(facts, &[atom]);
        let is_evaluated = |region: &Region<'t>| {
            evaluating.iter().any(|&other| {
                self.terms.atoms_of(other).any(|(id, own)| match own.test {
                    Test::Members(scope, _) => covers(self.terms, self.language, scope, region) == Some(true),
                    Test::OtherMembers(_) => id != atom,
                    _ => false,
                })
            })
        };
        let is_fine = |region: &Region<'t>| {
            is_evaluated(region)
                || self.is_absent(facts, region, &vocabulary)
                || self.is_valid_there(facts, region, &[schema])
        };
        vocabulary.names.iter().all(|name| is_fine(&Region::Name(name)))
            && self.every_fresh(&vocabulary, &[], &[], is_fine)
    }

    /// Whether all names are valid under the schema.
    fn names_are_valid(&self, facts: &Facts<'t>, schema: SchemaId) -> bool {
        let vocabulary = self.vocabulary(facts, &[]);
        let evaluator = self.evaluator();
        let is_possible = |region: &Region<'t>| {
            !self.is_absent(facts, region, &vocabulary) && !self.is_valid_there(facts, region, &[])
        };
        let mut named = vocabulary.names.iter();
        named.all(|name| {
            evaluator.schema(schema, &Value::from(*name)) == Some(true) || !is_possible(&Region::Name(name))
        }) && self.every_fresh(&vocabulary, &[], &[], |region| {
            self.fresh_names_are_valid(facts, region, schema) || !is_possible(region)
        })
    }

    fn fresh_names_are_valid(&self, facts: &Facts<'t>, region: &Region<'t>, schema: SchemaId) -> bool {
        let Region::Fresh { yes, no } = region else { return false };
        let names = self.name_facts(facts);
        let claim = [Claim::Valid(schema)];
        let by_region = || {
            let is_true = |atom: &AtomId| self.has_no_text(&names.atoms, &[*atom], yes, no);
            let atoms = self.flattened(schema);
            atoms.iter().all(|atom| {
                matches!(self.terms.atoms[*atom].test, Test::Kinds(kinds) if kinds.contains(Kind::String))
                    || is_true(atom)
            })
        };
        self.shows(Kind::String, &names, &claim, Effort::Full) || by_region()
    }

    /// The facts about every name.
    fn name_facts(&self, facts: &Facts<'t>) -> Facts<'t> {
        let schemas: Vec<SchemaId> = facts
            .atoms
            .iter()
            .filter_map(|&atom| match self.terms.atoms[atom].test {
                Test::Names(schema) => Some(schema),
                _ => None,
            })
            .collect();
        Facts::new(self.terms, &schemas, facts.here)
    }

    /// Whether the facts about a member of the region show one of the claims.
    fn is_valid_there(&self, facts: &Facts<'t>, region: &Region<'t>, claims: &[SchemaId]) -> bool {
        let here = self.locations.member(self.language, facts.here, region);
        self.proves(&self.member_schemas(facts, region), claims, here)
    }

    /// The schemas under which every member of the region is valid.
    pub(super) fn member_schemas(&self, facts: &Facts<'t>, region: &Region<'t>) -> Vec<SchemaId> {
        let holds_there = |&id: &AtomId| match self.terms.atoms[id].test {
            Test::Members(scope, schema) => {
                (covers(self.terms, self.language, scope, region) == Some(true)).then_some(schema)
            }
            Test::OtherMembers(schema) => self.is_surely_unevaluated(facts, id, region).then_some(schema),
            _ => None,
        };
        facts.atoms.iter().filter_map(holds_there).collect()
    }

    /// Whether no other atom can evaluate members of the region.
    fn is_surely_unevaluated(&self, facts: &Facts<'t>, atom: AtomId, region: &Region<'t>) -> bool {
        let owner = self.terms.atoms[atom].owner;
        in_place_closure(self.terms, vec![owner]).iter().all(|&other| {
            facts.denied.contains(&other)
                || self.terms.atoms_of(other).all(|(id, own)| match own.test {
                    Test::Members(scope, _) => covers(self.terms, self.language, scope, region) == Some(false),
                    Test::OtherMembers(_) => id == atom,
                    _ => true,
                })
        })
    }

    /// The schemas that evaluate members or elements for the owner, and that the value satisfies.
    pub(super) fn evaluating(&self, facts: &Facts<'t>, owner: SchemaId) -> Vec<SchemaId> {
        let holds = |schema: &SchemaId| facts.held.contains(schema) || facts.partly.contains(schema);
        let mut evaluating = vec![owner];
        let mut next = 0;
        while next < evaluating.len() {
            for (_, atom) in self.terms.atoms_of(evaluating[next]) {
                let further: Vec<SchemaId> = match &atom.test {
                    Test::All(schemas) => schemas.clone(),
                    Test::Any(schemas) | Test::One(schemas) => schemas.iter().copied().filter(holds).collect(),
                    Test::If { condition, then, .. } if holds(condition) => {
                        std::iter::once(*condition).chain(*then).collect()
                    }
                    Test::If { condition, otherwise, .. } if facts.denied.contains(condition) => {
                        otherwise.iter().copied().collect()
                    }
                    Test::WithSchema { name, schema } if facts.present.contains(name) => vec![*schema],
                    _ => Vec::new(),
                };
                let news: Vec<SchemaId> = further.into_iter().filter(|schema| !evaluating.contains(schema)).collect();
                evaluating.extend(news);
            }
            next += 1;
        }
        evaluating
    }

    /// Whether no member of the region can be present, whatever its value.
    fn is_absent(&self, facts: &Facts<'t>, region: &Region<'t>, vocabulary: &Vocabulary<'t>) -> bool {
        if self.is_undeclared_or_misnamed(facts, region) {
            return true;
        }
        match region {
            Region::Name(name) => facts.absent.contains(name),
            Region::Fresh { yes, no } => {
                let names = self.name_facts(facts);
                let are_mentioned = names.listed.is_some_and(|listed| match &self.terms.atoms[listed].test {
                    Test::Among(values) => {
                        values.iter().filter_map(|value| value.as_str()).all(|name| vocabulary.names.contains(&name))
                    }
                    _ => false,
                });
                are_mentioned
                    || !names.kinds.contains(Kind::String)
                    || self.has_no_text(&names.atoms, &[], yes, no)
                    || (!yes.is_empty() && self.only_names(yes, no, &vocabulary.names))
            }
        }
    }

    /// Whether only these names match all of `yes` and none of `no`.
    fn only_names(&self, yes: &[PatternId], no: &[PatternId], names: &[&str]) -> bool {
        let (words, complete) = self.language.words(yes, no, 0, u64::MAX, LISTED_NAMES_MAX);
        complete && words.iter().all(|word| names.contains(&word.as_str()))
    }

    /// Whether a member is undeclared, so that it does not count, or has a forbidden name.
    fn is_undeclared_or_misnamed(&self, facts: &Facts<'t>, region: &Region<'t>) -> bool {
        if !self.locations.declares(self.language, facts.here, region) {
            return true;
        }
        let Region::Name(name) = region else { return false };
        let mut atoms = facts.atoms.iter();
        atoms.any(|&atom| match self.terms.atoms[atom].test {
            Test::Names(schema) => self.evaluator().schema(schema, &Value::from(*name)) == Some(false),
            _ => false,
        })
    }

    /// All names and patterns that matter for the facts and for these atoms.
    fn vocabulary(&self, facts: &Facts<'t>, atoms: &[AtomId]) -> Vocabulary<'t> {
        let mut vocabulary = Vocabulary::default();
        let mut schemas = self.locations.at(facts.here).schemas.clone();
        for &atom in facts.atoms.iter().chain(atoms) {
            let Some(owner) = self.member_owner(atom) else { continue };
            if matches!(self.terms.atoms[atom].test, Test::OtherMembers(_)) {
                schemas.extend(in_place_closure(self.terms, vec![owner]));
            } else {
                schemas.push(owner);
            }
        }
        schemas.sort_unstable();
        schemas.dedup();
        self.budget.take(schemas.len() / 4);
        for schema in schemas {
            vocabulary.add(self.terms, schema);
        }
        if let Some(listed) = self.name_facts(facts).listed
            && let Test::Among(values) = &self.terms.atoms[listed].test
        {
            vocabulary.names.extend(values.iter().filter_map(|value| value.as_str()));
        }
        vocabulary.names.extend(&facts.present);
        vocabulary.settle();
        vocabulary
    }

    /// The owner of an atom that speaks about members.
    fn member_owner(&self, atom: AtomId) -> Option<SchemaId> {
        let atom = &self.terms.atoms[atom];
        matches!(atom.test, Test::Members(..) | Test::OtherMembers(_)).then_some(atom.owner)
    }

    /// Whether `is_true` holds for all names that no schema mentions, that match `yes` and not `no`: for
    /// all at once, or for every combination of patterns that they may match.
    fn every_fresh(
        &self,
        vocabulary: &Vocabulary<'t>,
        yes: &[PatternId],
        no: &[PatternId],
        is_true: impl Fn(&Region<'t>) -> bool,
    ) -> bool {
        if is_true(&Region::Fresh { yes: yes.to_vec(), no: no.to_vec() }) {
            return true;
        }
        let open: Vec<PatternId> = vocabulary
            .patterns
            .iter()
            .copied()
            .filter(|pattern| !yes.contains(pattern) && !no.contains(pattern))
            .collect();
        if open.is_empty() || open.len() > COMBINED_PATTERNS_MAX {
            return false;
        }
        (0..1_usize << open.len()).all(|choice| {
            let (mut yes, mut no) = (yes.to_vec(), no.to_vec());
            for (bit, &pattern) in open.iter().enumerate() {
                if choice >> bit & 1 == 1 { yes.push(pattern) } else { no.push(pattern) }
            }
            self.has_no_text(&[], &[], &yes, &no) || is_true(&Region::Fresh { yes, no })
        })
    }
}
