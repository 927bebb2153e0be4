//! Puts violations into words.

use super::{
    terms::{AtomId, Step, Terms, Test},
    verdict::{CANNOT_PROVE, Violation},
};
use crate::{document::Document, limits::CHAIN_VERSIONS_MAX, pointer::escaped};

/// The violation of an atom of the new schema. `is_shown` says that a value is known that was valid
/// and does not satisfy the atom.
pub(super) fn violation(terms: &Terms<'_>, new: &Document<'_>, atom: AtomId, is_shown: bool) -> Violation {
    let atom = &terms.atoms[atom];
    let step = match atom.step {
        Some(Step::Index(index)) => format!("/{index}"),
        Some(Step::Name(name)) => format!("/{}", escaped(name)),
        None => String::new(),
    };
    let place = terms.schemas[atom.owner].place;
    let (path, rule) = match atom.keyword {
        // The schema `false` has no keyword; its pointer ends with the keyword that holds it.
        "false" => (new.pointer(place), "false"),
        keyword => (format!("{}/{keyword}{step}", new.pointer(place)), keyword),
    };
    let reason = if is_shown {
        sentence(&atom.test).to_owned()
    } else {
        format!(
            "{CANNOT_PROVE}: no proof that {rule} takes everything that was valid, and no payload that shows the opposite"
        )
    };
    Violation { path, rule: rule.to_owned(), reason }
}

/// The violation if no keyword can be named.
pub(super) fn of_the_whole(was_spent: bool, has_counterexample: bool) -> Violation {
    let reason = match (was_spent, has_counterexample) {
        (_, true) => "payloads that were valid are refused".to_owned(),
        (true, false) => {
            format!("{CANNOT_PROVE}: the schemas are too intricate to be compared within the budget of steps")
        }
        (false, false) => format!("{CANNOT_PROVE}: no proof that the schema takes everything that was valid"),
    };
    Violation { path: String::new(), rule: "schema".to_owned(), reason }
}

/// The violation of a version that follows more versions than are compared.
pub(super) fn of_a_long_chain() -> Violation {
    let reason = format!(
        "{CANNOT_PROVE}: a new version is compared with {CHAIN_VERSIONS_MAX} earlier ones of its major version; \
         register it as a new major version"
    );
    Violation { path: String::new(), rule: "schema".to_owned(), reason }
}

/// The sentence for a test that a value which was valid does not satisfy.
fn sentence(test: &Test<'_>) -> &'static str {
    match test {
        Test::Never => "nothing is allowed here any more",
        Test::Kinds(_) => "a type that was valid is missing",
        Test::Among(_) => "a value that was valid is not listed",
        Test::AtLeast(_) => "smaller numbers were valid",
        Test::AtMost(_) => "larger numbers were valid",
        Test::MultipleOf(_) => "numbers that are no multiples were valid",
        Test::LengthAtLeast(_) => "shorter texts were valid",
        Test::LengthAtMost(_) => "longer texts were valid",
        Test::Matches(_) => "texts that do not match were valid",
        Test::Format(_) => "texts of another form were valid",
        Test::Required(_) => "payloads without this member were valid",
        Test::MembersAtLeast(_) => "objects with fewer members were valid",
        Test::MembersAtMost(_) => "objects with more members were valid",
        Test::Names(_) => "members with other names were valid",
        Test::Members(..) | Test::OtherMembers(_) => "members were valid that are not valid here",
        Test::ElementsAtLeast(_) => "shorter arrays were valid",
        Test::ElementsAtMost(_) => "longer arrays were valid",
        Test::Unique => "arrays with equal elements were valid",
        Test::Elements(..) | Test::OtherElements(_) => "elements were valid that are not valid here",
        Test::ContainsAtLeast(..) => "arrays with fewer such elements were valid",
        Test::ContainsAtMost(..) => "arrays with more such elements were valid",
        Test::All(_) => "values were valid that do not satisfy all of these",
        Test::Any(_) => "values were valid that satisfy none of these",
        Test::One(_) => "values were valid that satisfy none or several of these",
        Test::Not(_) => "values were valid that are excluded here",
        Test::If { .. } => "values were valid that break the branch which applies to them",
        Test::With { .. } | Test::WithSchema { .. } => {
            "objects with this member were valid without what is demanded beside it"
        }
    }
}
