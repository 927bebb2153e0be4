//! One text for every spelling of a JSON text, by which two requests are told to be the same.
//!
//! Members are sorted, white space and escapes do not count, and numbers are compared as they were written:
//! a reader that makes floating-point numbers of them takes two ids of twenty digits for one.

use std::{borrow::Cow, fmt::Write, ops::Range};

/// The canonical text of a well-formed JSON text. Two texts have the same one exactly if they differ in the order
/// of members, in white space, in escapes or in the spelling of numbers only.
pub fn canonical_text(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    Reader { json, at: 0 }.value(&mut text);
    text
}

/// Reads a text that is known to be well-formed.
struct Reader<'a> {
    json: &'a str,
    /// The byte to be read next.
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space, left where it is.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.json.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.json.as_bytes().get(self.at).copied()
    }

    /// Takes the next byte if it is this one.
    fn takes(&mut self, expected: u8) -> bool {
        let is_there = self.next() == Some(expected);
        self.at += usize::from(is_there);
        is_there
    }

    /// The text from here on for as long as its bytes, which are ASCII, belong to it.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.json[self.at..];
        let length = rest.bytes().take_while(|byte| belongs(*byte)).count();
        self.at += length;
        &rest[..length]
    }

    fn value(&mut self, text: &mut String) {
        match self.next() {
            Some(b'{') => self.object(text),
            Some(b'[') => self.list(text),
            Some(b'"') => text.push_str(&self.string()),
            Some(b't' | b'f' | b'n') => text.push_str(self.run(|byte| byte.is_ascii_lowercase())),
            _ => write_number(text, self.run(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))),
        }
    }

    fn object(&mut self, text: &mut String) {
        let begin = text.len();
        // Where name and value of each member are in the text.
        let mut members: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        self.takes(b'{');
        while !self.takes(b'}') {
            self.takes(b',');
            self.next();
            let name = text.len();
            text.push_str(&self.string());
            let value = text.len();
            self.takes(b':');
            self.value(text);
            members.push((name..value, value..text.len()));
        }
        members.sort_unstable_by_key(|(name, _)| &text[name.clone()]);
        let mut sorted = String::with_capacity(text.len() - begin + 2 * members.len() + 2);
        for (name, value) in members {
            sorted.push(if sorted.is_empty() { '{' } else { ',' });
            sorted.push_str(&text[name]);
            sorted.push(':');
            sorted.push_str(&text[value]);
        }
        text.truncate(begin);
        text.push_str(if sorted.is_empty() { "{" } else { &sorted });
        text.push('}');
    }

    fn list(&mut self, text: &mut String) {
        self.takes(b'[');
        text.push('[');
        while !self.takes(b']') {
            if self.takes(b',') {
                text.push(',');
            }
            self.value(text);
        }
        text.push(']');
    }

    /// A string with its quotes, and with no escapes but the necessary ones.
    fn string(&mut self) -> Cow<'a, str> {
        let rest = &self.json[self.at..];
        let (mut length, mut has_escapes) = (1, false);
        while let Some(byte) = rest.as_bytes().get(length).filter(|byte| **byte != b'"') {
            has_escapes |= *byte == b'\\';
            length += 1 + usize::from(*byte == b'\\');
        }
        let sent = rest.get(..=length).unwrap_or(rest);
        self.at += sent.len();
        if !has_escapes {
            return Cow::Borrowed(sent);
        }
        // What stands for no character stays as it was sent.
        let read: Result<String, _> = serde_json::from_str(sent);
        read.map_or(Cow::Borrowed(sent), |read| Cow::Owned(serde_json::Value::from(read).to_string()))
    }
}

/// Writes a number as its digits, without zeros at either end, and the power of ten that they are counted in.
fn write_number(text: &mut String, number: &str) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return text.push('0');
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let shift = i64::try_from(zeros).unwrap_or(0) - i64::try_from(fraction.len()).unwrap_or(0);
    let exponent: Option<i64> = exponent.parse().ok();
    let _ = match exponent.and_then(|exponent| exponent.checked_add(shift)) {
        Some(power) => write!(text, "{sign}{significant}e{power}"),
        // An exponent of twenty digits: no two spellings of such a number are taken for one.
        None => write!(text, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: &str, other: &str) -> bool {
        canonical_text(one) == canonical_text(other)
    }

    #[test]
    fn spellings_of_one_value_have_one_text() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [ true , null ],\n\t\"a\" : 1.0 }"),
            (r#"{"a":{"c":1,"b":2}}"#, r#"{"a":{"b":2,"c":1}}"#),
            (r#""k\u00e9\/\"\\""#, r#""ké/\"\\""#),
            (r#""\ud83d\ude00\n""#, r#""😀\u000a""#),
            (r#"{"\u0061":1}"#, r#"{"a":1}"#),
            ("[]", " [ ] "),
            ("{}", "{ }"),
            ("100", "1E+2"),
            ("0.010", "1e-2"),
            ("-0", "0.0e5"),
            ("12345678901234567890.50", "123456789012345678905e-1"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn other_values_have_other_texts() {
        for (one, other) in [
            ("1524831183200260097", "1524831183200260098"),
            ("100000000000000000001", "100000000000000000002"),
            ("0.10000000000000000001", "0.1"),
            ("1e99999999999999999999", "1e99999999999999999998"),
            ("1", "-1"),
            ("1", "10"),
            ("1", r#""1""#),
            ("[1,2]", "[2,1]"),
            ("[[1],2]", "[[1,2]]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":"b"}"#, r#"{"b":"a"}"#),
            (r#""\\u0061""#, r#""a""#),
            ("null", "[]"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
