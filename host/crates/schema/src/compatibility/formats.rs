//! The formats that the validator asserts: their lengths, and samples of them.

use std::{cell::RefCell, collections::HashMap};

use jsonschema::{Draft, Validator, options};
use serde_json::{Value, json};

/// A format: its name, the lengths of its texts, and some of them.
struct Known {
    name: &'static str,
    least: u64,
    most: u64,
    samples: &'static [&'static str],
}

const fn known(name: &'static str, least: u64, most: u64, samples: &'static [&'static str]) -> Known {
    Known { name, least, most, samples }
}

/// Every format that the validator asserts. The lengths are those of all texts that it accepts.
const KNOWN: [Known; 17] = [
    known("date", 10, 10, &["2026-01-31", "2024-02-29"]),
    known("date-time", 20, u64::MAX, &["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+01:00"]),
    known("duration", 3, u64::MAX, &["P1D", "PT2H30M"]),
    known("email", 0, u64::MAX, &["a@example.com", "first.last+tag@mail.example.com"]),
    known("hostname", 1, 253, &["example.com", "a"]),
    known("ipv4", 7, 15, &["127.0.0.1", "192.168.100.200"]),
    known("ipv6", 2, 45, &["::1", "2001:db8:0:0:1:0:0:1"]),
    known("iri", 0, u64::MAX, &["https://example.com/ä", "urn:a:b"]),
    known("iri-reference", 0, u64::MAX, &["/ä", "https://example.com/ä", ""]),
    known("json-pointer", 0, u64::MAX, &["", "/a/b"]),
    known("regex", 0, u64::MAX, &["^a+$", ""]),
    known("relative-json-pointer", 0, u64::MAX, &["0", "1/a"]),
    known("time", 9, u64::MAX, &["12:00:00Z", "12:00:00.5+01:00"]),
    known("uri", 0, u64::MAX, &["https://example.com/a?b=c#d", "urn:a:b"]),
    known("uri-reference", 0, u64::MAX, &["/a", "https://example.com/a", ""]),
    known("uri-template", 0, u64::MAX, &["/a/{b}", ""]),
    known("uuid", 36, 36, &["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"]),
];

fn find(format: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == format)
}

/// Whether the validator asserts the format.
pub(super) fn is_asserted(format: &str) -> bool {
    find(format).is_some()
}

/// The smallest and the largest number of characters of a text of the format.
pub(super) fn lengths(format: &str) -> (u64, u64) {
    find(format).map_or((0, u64::MAX), |known| (known.least, known.most))
}

/// Some texts of the format.
pub(super) fn samples(format: &str) -> &'static [&'static str] {
    find(format).map_or(&[], |known| known.samples)
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
    options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&json!({ "format": format })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_of_their_format_and_lengths() {
        let formats = Formats::default();
        for known in &KNOWN {
            for sample in known.samples {
                assert_eq!(formats.accepts(known.name, sample), Some(true), "{}: {sample}", known.name);
                assert!((known.least..=known.most).contains(&(sample.chars().count() as u64)), "{sample}");
            }
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
