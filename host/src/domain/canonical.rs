//! One text for every spelling of a JSON text, by which two requests are told to be the same.
//!
//! Members are sorted, white space and escapes do not count, and numbers are compared as they were written:
//! a reader that makes floating-point numbers of them takes two ids of twenty digits for one.

use std::{
    borrow::Cow,
    fmt::Write,
    iter::{Peekable, once},
    str::CharIndices,
};

/// The canonical text of a well-formed JSON text. Two texts have the same one exactly if they differ in the order
/// of members, in white space, in escapes or in the spelling of numbers only.
pub fn canonical_text(json: &str) -> String {
    let mut reader = Reader { json, chars: json.char_indices().peekable() };
    let mut text = String::with_capacity(json.len());
    reader.value(&mut text);
    text
}

/// Reads a text that is known to be well-formed.
struct Reader<'a> {
    json: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Reader<'a> {
    /// The next character that is no white space, left where it is.
    fn next(&mut self) -> Option<char> {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        self.chars.peek().map(|(_, c)| *c)
    }

    /// Takes the next character if it is this one.
    fn takes(&mut self, expected: char) -> bool {
        self.next() == Some(expected) && self.chars.next().is_some()
    }

    /// The text from here on for as long as `belongs` says so.
    fn run(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let at = |chars: &mut Peekable<CharIndices<'_>>, end| chars.peek().map_or(end, |(at, _)| *at);
        let begin = at(&mut self.chars, self.json.len());
        while self.chars.next_if(|(_, c)| belongs(*c)).is_some() {}
        &self.json[begin..at(&mut self.chars, self.json.len())]
    }

    fn value(&mut self, text: &mut String) {
        match self.next() {
            Some('{') => self.object(text),
            Some('[') => self.list(text),
            Some('"') => text.push_str(&self.string()),
            Some('t' | 'f' | 'n') => text.push_str(self.run(|c| c.is_ascii_lowercase())),
            _ => write_number(text, self.run(|c| c.is_ascii_digit() || "+-.eE".contains(c))),
        }
    }

    fn object(&mut self, text: &mut String) {
        let mut members = Vec::new();
        self.takes('{');
        while !self.takes('}') {
            self.takes(',');
            self.next();
            let name = self.string();
            self.takes(':');
            let mut value = String::new();
            self.value(&mut value);
            members.push((name, value));
        }
        members.sort_unstable();
        let members = members.iter().flat_map(|(name, value)| [",", name, ":", value]);
        text.extend(once("{").chain(members.skip(1)).chain(once("}")));
    }

    fn list(&mut self, text: &mut String) {
        self.takes('[');
        text.push('[');
        while !self.takes(']') {
            if self.takes(',') {
                text.push(',');
            }
            self.value(text);
        }
        text.push(']');
    }

    /// A string with its quotes, and with no escapes but the necessary ones.
    fn string(&mut self) -> Cow<'a, str> {
        let (mut quotes, mut is_escaped) = (0, false);
        let sent = self.run(|c| {
            let belongs = quotes < 2;
            quotes += u8::from(c == '"' && !is_escaped);
            is_escaped = c == '\\' && !is_escaped;
            belongs
        });
        if !sent.contains('\\') {
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
