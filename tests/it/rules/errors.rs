//! The table of error codes: well formed, documented, and each code answered somewhere.

use std::collections::HashSet;

use weir::error::{Code, Retry};

use super::{
    docs::up_to_date,
    sources::{Source, host_sources},
};

/// Codes of the contract that no use case of the host answers yet.
const NOT_USED_YET: &[Code] = &[];

#[test]
fn every_code_is_unique_and_well_formed() {
    let mut seen = HashSet::new();
    for code in Code::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} stands twice in the table");
        // The platform's own codes are in lower case, those of the API at large in upper case.
        let one_case = |is_letter: fn(&u8) -> bool| text.bytes().all(|b| is_letter(&b) || b == b'_');
        assert!(one_case(u8::is_ascii_lowercase) || one_case(u8::is_ascii_uppercase), "{text}");
        assert!((400..600).contains(&code.status()), "{text} has the status {}", code.status());
        assert!(code.meaning().trim().ends_with('.'), "the meaning of {text} is no sentence");
    }
}

/// Clients send a request again after these statuses, so the table has to agree.
#[test]
fn what_may_succeed_later_has_a_status_that_says_so() {
    for code in Code::ALL {
        let is_later = code.status() == 429 || code.status() >= 500;
        assert_eq!(code.retry() == Retry::Later, is_later, "{}", code.as_str());
    }
}

#[test]
fn every_code_is_answered_somewhere() {
    let sources = host_sources();
    let code: String = sources.iter().filter(|source| source.path != "error.rs").map(Source::code).collect();
    let code: String = code.split_whitespace().collect();
    for row in Code::ALL.iter().filter(|row| !NOT_USED_YET.contains(row)) {
        let uses = [format!("fail!({row:?},"), format!("Code::{row:?}")];
        let is_used = uses.iter().any(|used| {
            code.match_indices(used.as_str()).any(|(at, _)| {
                used.ends_with(',') || !code[at + used.len()..].starts_with(|c: char| c.is_alphanumeric())
            })
        });
        assert!(is_used, "{row:?} is never answered");
    }
}

#[test]
fn the_documented_table_is_up_to_date() {
    let head = "# Error codes\n\nWritten by `tests/it/rules/errors.rs` from `host/src/error.rs`. Every error \
                answers `{ \"success\": false, \"error\": { \"code\", \"message\" } }`, and the message begins \
                with the code. *Again* says whether the same request may succeed later.\n\n\
                | Code | Status | Again | Meaning |\n| --- | --- | --- | --- |\n";
    let row = |code: &Code| {
        let again = match code.retry() {
            Retry::Later => "yes",
            Retry::Never => "no",
        };
        let meaning = code.meaning().trim().replace('|', "\\|");
        format!("| `{}` | {} | {again} | {meaning} |\n", code.as_str(), code.status())
    };
    up_to_date("docs/errors.md", &(head.to_owned() + &Code::ALL.iter().map(row).collect::<Vec<_>>().concat()));
}
