//! The formats that the validator asserts: their lengths, their alphabets, and samples of them.
//!
//! What a format takes is known to the validator alone. The proof works with two expressions beside it:
//! every text of the format matches the outer one, and every text that matches the inner one is of the
//! format. So formats are compared with patterns, lengths and each other as patterns are.

use std::{cell::RefCell, collections::HashMap};

use jsonschema::{Draft, Validator, options};
use serde_json::{Value, json};

use crate::formats::asserted;

/// A format.
struct Known {
    name: &'static str,
    /// The number of characters of its shortest and of its longest text.
    lengths: (u64, u64),
    outer: &'static str,
    inner: &'static str,
    /// Formats that take all its texts, as far as the expressions do not show it.
    within: &'static [&'static str],
    samples: &'static [&'static str],
}

/// No text: the inner expression of a format of which none is given.
const NONE: &str = "[^\\s\\S]";
/// Any text: the outer expression of such a format.
const ANY: &str = "";

macro_rules! date {
    () => {
        concat!(
            "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
            "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
        )
    };
}

/// A second 60 is of the format when it is the last one of a day in UTC, which no expression here says.
macro_rules! time {
    ($seconds:literal) => {
        concat!("([01][0-9]|2[0-3]):[0-5][0-9]:", $seconds, "(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
    };
}

macro_rules! time_of_duration {
    () => {
        "([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)"
    };
}

const DATE: &str = concat!("^", date!(), "$");
const DURATION: &str = concat!(
    "^P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(T",
    time_of_duration!(),
    ")?|T",
    time_of_duration!(),
    ")$"
);
const IPV4: &str = "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3})$";
const JSON_POINTER: &str = "^(/([^/~]|~[01])*)*$";
const RELATIVE_JSON_POINTER: &str = "^(0|[1-9][0-9]*)(#|(/([^/~]|~[01])*)*)$";
const UUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
/// An address of 318 characters.
const LONG_EMAIL: &str = concat!(
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
);

/// Every format that the validator asserts.
const KNOWN: [Known; 17] = [
    Known {
        name: "date",
        lengths: (10, 10),
        outer: DATE,
        inner: DATE,
        within: &[],
        samples: &["2026-01-31", "2024-02-29", "2000-02-29"],
    },
    Known {
        name: "date-time",
        lengths: (20, u64::MAX),
        outer: concat!("^", date!(), "[Tt]", time!("([0-5][0-9]|60)"), "$"),
        inner: concat!("^", date!(), "[Tt]", time!("[0-5][0-9]"), "$"),
        within: &[],
        samples: &["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+01:00", "2016-12-31T23:59:60Z"],
    },
    Known {
        name: "duration",
        lengths: (3, u64::MAX),
        outer: DURATION,
        inner: DURATION,
        within: &[],
        samples: &["P1D", "PT2H30M", "P1Y2M3DT4H5M6S", "P2W"],
    },
    Known {
        name: "email",
        lengths: (3, 318),
        outer: "^[\\t -~]+@[0-9A-Za-z.:\\[\\]-]+$",
        inner: "^[0-9A-Za-z_+]{1,64}@[0-9A-Za-z]{1,63}(\\.[0-9A-Za-z]{1,63}){0,2}$",
        within: &[],
        samples: &["a@example.com", "first.last+tag@mail.example.com", "\"a b\"@[IPv6:::1]", LONG_EMAIL],
    },
    Known {
        name: "hostname",
        lengths: (1, 253),
        outer: "^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$",
        inner: "^[0-9A-Za-z]{1,63}(\\.[0-9A-Za-z]{1,63}){0,2}$",
        within: &[],
        samples: &["example.com", "a", "xn--bcher-kva.example"],
    },
    Known {
        name: "ipv4",
        lengths: (7, 15),
        outer: IPV4,
        inner: IPV4,
        within: &["hostname"],
        samples: &["127.0.0.1", "192.168.100.200"],
    },
    Known {
        name: "ipv6",
        lengths: (2, 45),
        outer: "^[0-9A-Fa-f:.]+$",
        inner: "^([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$",
        within: &[],
        samples: &["::1", "2001:db8:0:0:1:0:0:1", "1111:2222:3333:4444:5555:6666:255.255.255.255"],
    },
    Known {
        name: "iri",
        lengths: (2, u64::MAX),
        outer: "^[A-Za-z][0-9A-Za-z+.-]*:[^\\x00-\\x20\"<>\\\\^`{|}\\x7f]*$",
        inner: "^[A-Za-z][0-9A-Za-z+.-]*:[0-9A-Za-z._~!$&'()*+,;=/-]*$",
        within: &["iri-reference", "uri-template"],
        samples: &["https://example.com/ä", "urn:a:b", "a:"],
    },
    Known {
        name: "iri-reference",
        lengths: (0, u64::MAX),
        outer: "^[^\\x00-\\x20\"<>\\\\^`{|}\\x7f]*$",
        inner: "^[0-9A-Za-z._~!$&'()*+,;=/-]*$",
        within: &["uri-template"],
        samples: &["/ä", "https://example.com/ä", ""],
    },
    Known {
        name: "json-pointer",
        lengths: (0, u64::MAX),
        outer: JSON_POINTER,
        inner: JSON_POINTER,
        within: &[],
        samples: &["", "/a/b", "/~0~1"],
    },
    Known { name: "regex", lengths: (0, u64::MAX), outer: ANY, inner: NONE, within: &[], samples: &["^a+$", ""] },
    Known {
        name: "relative-json-pointer",
        lengths: (1, u64::MAX),
        outer: RELATIVE_JSON_POINTER,
        inner: RELATIVE_JSON_POINTER,
        within: &[],
        samples: &["0", "1/a", "12#"],
    },
    Known {
        name: "time",
        lengths: (9, u64::MAX),
        outer: concat!("^", time!("([0-5][0-9]|60)"), "$"),
        inner: concat!("^", time!("[0-5][0-9]"), "$"),
        within: &[],
        samples: &["12:00:00Z", "12:00:00.5+01:00", "23:59:60Z"],
    },
    Known {
        name: "uri",
        lengths: (2, u64::MAX),
        outer: "^[A-Za-z][0-9A-Za-z+.-]*:[0-9A-Za-z._~!$&'()*+,;=:@/?#%\\[\\]-]*$",
        inner: "^[A-Za-z][0-9A-Za-z+.-]*:[0-9A-Za-z._~!$&'()*+,;=/-]*$",
        within: &["uri-reference", "iri", "iri-reference", "uri-template"],
        samples: &["https://example.com/a?b=c#d", "urn:a:b", "a:", "http://u:p@[::1]:80/%20"],
    },
    Known {
        name: "uri-reference",
        lengths: (0, u64::MAX),
        outer: "^[0-9A-Za-z._~!$&'()*+,;=:@/?#%\\[\\]-]*$",
        inner: "^[0-9A-Za-z._~!$&'()*+,;=/-]*$",
        within: &["iri-reference", "uri-template"],
        samples: &["/a", "https://example.com/a", "", "//[::1]/a?b"],
    },
    Known {
        name: "uri-template",
        lengths: (0, u64::MAX),
        outer: "^[^\\x00-\\x20\"<>\\\\^`\\x7f]*$",
        inner: "^[0-9A-Za-z._~!$&'()*+,;=:@/?#\\[\\]-]*$",
        within: &[],
        samples: &["/a/{b}", "", "{?a*,b:3}"],
    },
    Known {
        name: "uuid",
        lengths: (36, 36),
        outer: UUID,
        inner: UUID,
        within: &[],
        samples: &["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"],
    },
];

fn position(format: &str) -> Option<usize> {
    KNOWN.iter().position(|known| known.name == format)
}

fn find(format: &str) -> Option<&'static Known> {
    position(format).map(|position| &KNOWN[position])
}

/// Whether the validator asserts the format.
pub(super) fn is_asserted(format: &str) -> bool {
    position(format).is_some()
}

/// The smallest and the largest number of characters of a text of the format.
pub(super) fn lengths(format: &str) -> (u64, u64) {
    find(format).map_or((0, u64::MAX), |known| known.lengths)
}

/// Some texts of the format.
pub(super) fn samples(format: &str) -> &'static [&'static str] {
    find(format).map_or(&[], |known| known.samples)
}

/// Whether every text of a format is of another.
pub(super) fn is_within(format: &str, other: &str) -> bool {
    format == other || find(format).is_some_and(|known| known.within.contains(&other))
}

/// All expressions of formats, the first patterns of every comparison.
pub(super) fn expressions() -> Vec<&'static str> {
    KNOWN.iter().flat_map(|known| [known.outer, known.inner]).collect()
}

/// The expression that every text of the format matches, by its index among [`expressions`].
pub(super) fn outer(format: &str) -> Option<usize> {
    position(format).filter(|&position| KNOWN[position].outer != ANY).map(|position| 2 * position)
}

/// An expression that only texts of the format match, by its index among [`expressions`].
pub(super) fn inner(format: &str) -> Option<usize> {
    position(format).filter(|&position| KNOWN[position].inner != NONE).map(|position| 2 * position + 1)
}

/// Checks of formats, compiled when they are first needed.
#[derive(Default)]
pub(super) struct Formats {
    compiled: RefCell<HashMap<&'static str, Option<Validator>>>,
}

impl Formats {
    /// Whether the validator lets the text through.
    pub(super) fn accepts(&self, format: &str, text: &str) -> Option<bool> {
        let Some(known) = find(format) else { return Some(true) };
        let mut compiled = self.compiled.borrow_mut();
        let validator = compiled.entry(known.name).or_insert_with(|| compile(known.name));
        validator.as_ref().map(|validator| validator.is_valid(&Value::from(text)))
    }
}

fn compile(format: &str) -> Option<Validator> {
    asserted(options()).with_draft(Draft::Draft202012).build(&json!({ "format": format })).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{budget::Budget, language::Language},
        *,
    };

    /// Characters that mean something in one of the formats, and some that do not in most.
    const LETTERS: &str = "019aAfFgzZPYMWDTHS+-.:@/?#[]%&='!$*,;~_ \t\"\\<>{}^|`éÄ\u{7f}\n26";

    /// A text like those of formats: one or two samples of any, with some characters changed.
    fn text() -> impl Strategy<Value = String> {
        let samples: Vec<&str> = KNOWN.iter().flat_map(|known| known.samples).copied().collect();
        let letters: Vec<char> = LETTERS.chars().collect();
        let base = prop_oneof![
            4 => prop::sample::select(samples.clone()).prop_map(str::to_owned),
            1 => (prop::sample::select(samples.clone()), prop::sample::select(samples)).prop_map(|(one, other)| [one, other].concat()),
        ];
        let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..4, prop::sample::select(letters)), 0..5);
        (base, changes).prop_map(|(base, changes)| {
            let mut chars: Vec<char> = base.chars().collect();
            for (place, change, letter) in changes {
                let at = place.index(chars.len() + 1);
                match change {
                    0 => chars.insert(at, letter),
                    1 => chars.truncate(at),
                    2 if at < chars.len() => drop(chars.remove(at)),
                    _ if at < chars.len() => chars[at] = letter,
                    _ => {}
                }
            }
            chars.into_iter().collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// What the table says of a format is what its validator does.
        #[test]
        fn expressions_and_inclusions_are_those_of_the_validators(text in text()) {
            thread_local!(static FORMATS: Formats = Formats::default());
            thread_local!(static LANGUAGE: Language<'static> =
                Language::new(&expressions(), Box::leak(Box::new(Budget::new(u32::MAX)))));
            let accepts = |format: &str| FORMATS.with(|formats| formats.accepts(format, &text)) == Some(true);
            for known in &KNOWN {
                let matches = |pattern: Option<usize>|
                    pattern.and_then(|pattern| LANGUAGE.with(|language| language.matches(pattern, &text)));
                if accepts(known.name) {
                    let (least, most) = known.lengths;
                    prop_assert!((least..=most).contains(&(text.chars().count() as u64)), "{} has {text:?}", known.name);
                    prop_assert!(matches(outer(known.name)) != Some(false), "{} has {text:?}", known.name);
                    let missing = known.within.iter().find(|other| !accepts(other));
                    prop_assert_eq!(missing, None, "{} has {:?}", known.name, text);
                } else {
                    prop_assert!(matches(inner(known.name)) != Some(true), "{} does not have {text:?}", known.name);
                }
            }
        }
    }

    #[test]
    fn every_expression_is_small_enough_for_an_automaton() {
        let (expressions, budget) = (expressions(), Budget::new(u32::MAX));
        let language = Language::new(&expressions, &budget);
        for (pattern, expression) in expressions.iter().enumerate() {
            assert!(language.matches(pattern, "a").is_some(), "{expression}");
        }
    }

    #[test]
    fn samples_are_of_their_format_and_lengths() {
        let formats = Formats::default();
        for known in &KNOWN {
            for sample in known.samples {
                assert_eq!(formats.accepts(known.name, sample), Some(true), "{}: {sample}", known.name);
                let (least, most) = known.lengths;
                assert!((least..=most).contains(&(sample.chars().count() as u64)), "{sample}");
            }
        }
    }

    /// Both ends are reached, by a sample or a shorter text of it.
    #[test]
    fn lengths_are_those_of_real_texts() {
        let formats = Formats::default();
        for known in &KNOWN {
            let (least, most) = known.lengths;
            let shortest = ["", "a", "0", "::", "a:", "a@b", "1.1.1.1", "12:00:00Z", "2026-01-31T12:00:00Z"];
            let longest = ["255.255.255.255", "a".repeat(63).as_str()].map(str::to_owned);
            let hostname = [longest[1].as_str(); 3].join(".") + "." + &longest[1][..61];
            let texts = || {
                let found = known.samples.iter().chain(&shortest).copied().chain(longest.iter().map(String::as_str));
                found.chain([hostname.as_str()]).filter(|text| formats.accepts(known.name, text) == Some(true))
            };
            let lengths = || texts().map(|text| text.chars().count() as u64);
            assert_eq!(lengths().min(), Some(least), "{}", known.name);
            assert!(most == u64::MAX || lengths().max() == Some(most), "{}", known.name);
        }
    }

    /// A text that no asserted format accepts.
    const WRONG: &str = "\u{7f} %zz{[(~";

    #[test]
    fn every_format_that_is_asserted_is_known() {
        for name in [
            "date",
            "date-time",
            "duration",
            "email",
            "hostname",
            "idn-email",
            "idn-hostname",
            "ipv4",
            "ipv6",
            "iri",
            "iri-reference",
            "json-pointer",
            "regex",
            "relative-json-pointer",
            "time",
            "uri",
            "uri-reference",
            "uri-template",
            "uuid",
            "color",
            "int32",
            "int64",
            "float",
            "double",
            "password",
            "byte",
            "binary",
            "decimal",
        ] {
            let is_asserted_there = compile(name).is_some_and(|validator| !validator.is_valid(&json!(WRONG)));
            assert_eq!(is_asserted(name), is_asserted_there, "{name}");
        }
    }
}
