//! A reader of JSON text that goes forward only and copies nothing but strings with escapes.
//!
//! It trusts that the text is JSON, as the host looked at it before. What is none is noticed where
//! it matters for finding the way, and never leads astray.

use std::{borrow::Cow, fmt};

use crate::number::Number;

/// How deep objects and lists may nest: the host reads no deeper either, and each level is stack.
const DEPTH_MAX: usize = 128;

/// A string of the text, without its escapes.
pub type Text<'a> = Cow<'a, str>;

/// The result of reading on.
pub type Read<T> = Result<T, Malformed>;

/// The text is no JSON, or not the JSON that was expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Bytes before the place where this was noticed.
    at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unexpected text at byte {}", self.at)
    }
}

/// A place in a text.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// That something else was expected here.
    pub fn malformed<T>(&self) -> Read<T> {
        Err(Malformed { at: self.at })
    }

    /// The first byte of what comes next, white space aside.
    pub fn peek(&mut self) -> Read<u8> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(byte);
            }
            self.at += 1;
        }
        self.malformed()
    }

    /// Makes sure that nothing follows.
    pub fn end(mut self) -> Read<()> {
        match self.peek() {
            Ok(_) => self.malformed(),
            Err(_) => Ok(()),
        }
    }

    /// Reads an object. `member` reads the value that follows each name.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Text<'a>) -> Read<()>) -> Read<()> {
        self.items(b'{', b'}', |reader| {
            let name = reader.string()?;
            reader.expect(b':')?;
            member(reader, name)
        })
    }

    /// Reads a list. `item` reads each of its items.
    pub fn list(&mut self, item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.items(b'[', b']', item)
    }

    /// Reads a string.
    pub fn string(&mut self) -> Read<Text<'a>> {
        self.expect(b'"')?;
        let begin = self.at;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => return self.escaped(begin).map(Cow::Owned),
                Some(_) => self.at += 1,
                None => return self.malformed(),
            }
        }
        self.at += 1;
        Ok(Cow::Borrowed(&self.text[begin..self.at - 1]))
    }

    /// Reads a number.
    pub fn number(&mut self) -> Read<Number> {
        self.peek()?;
        let rest = &self.text[self.at..];
        let is_outside = |byte: u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let text = &rest[..rest.bytes().position(is_outside).unwrap_or(rest.len())];
        let Some(number) = Number::read(text) else { return self.malformed() };
        self.at += text.len();
        Ok(number)
    }

    /// Reads one of the words `true`, `false` and `null`.
    pub fn word(&mut self, word: &str) -> Read<()> {
        self.peek()?;
        if !self.text[self.at..].starts_with(word) {
            return self.malformed();
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self) -> Read<bool> {
        let value = self.peek()? == b't';
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(open)?;
        if self.depth == DEPTH_MAX {
            return self.malformed();
        }
        self.depth += 1;
        if self.peek()? != close {
            item(self)?;
            while self.peek()? == b',' {
                self.at += 1;
                item(self)?;
            }
        }
        self.depth -= 1;
        self.expect(close)
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.peek()? != byte {
            return self.malformed();
        }
        self.at += 1;
        Ok(())
    }

    /// The rest of a string that began at `begin` and has an escape here.
    fn escaped(&mut self, begin: usize) -> Read<String> {
        let mut copied = begin;
        let mut string = String::new();
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    string.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    string.push(self.escape()?);
                    copied = self.at;
                }
                Some(_) => self.at += 1,
                None => return self.malformed(),
            }
        }
        string.push_str(&self.text[copied..self.at]);
        self.at += 1;
        Ok(string)
    }

    /// The character that is meant by what follows a backslash.
    fn escape(&mut self) -> Read<char> {
        let Some(&byte) = self.text.as_bytes().get(self.at) else { return self.malformed() };
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return self.malformed(),
        })
    }

    /// The character of `\uXXXX`, or of two of them where UTF-16 takes two.
    fn code_point(&mut self) -> Read<char> {
        let first = self.unit()?;
        let units = if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            [first, self.unit()?]
        } else {
            [first, 0]
        };
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => self.malformed(),
        }
    }

    fn unit(&mut self) -> Read<u16> {
        let digits = self.text.get(self.at..self.at + 4);
        let Some(unit) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            return self.malformed();
        };
        self.at += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Read<Text<'_>> {
        Reader::new(text).string()
    }

    #[test]
    fn strings_lose_their_escapes_and_nothing_else() {
        for text in
            [r#""""#, r#""plain é 🦀""#, r#""\"\\\/\b\f\n\r\t""#, r#""a\u0041\u00e9\ud83e\udd80z""#, r#""\\u0041""#]
        {
            let expected: String = serde_json::from_str(text).expect("JSON");
            assert_eq!(string(text).as_deref(), Ok(expected.as_str()), "{text}");
        }
    }

    #[test]
    fn only_escapes_are_copied() {
        assert!(matches!(string(r#"  "as it stands" "#), Ok(Cow::Borrowed("as it stands"))));
    }

    #[test]
    fn what_is_no_string_is_noticed() {
        for text in ["", "x", "\"", r#""\"#, r#""\x""#, r#""\u12"#, r#""\u12é3""#, r#""\ud83e""#, r#""\ud83e\u0041""#]
        {
            assert!(string(text).is_err(), "{text}");
        }
    }

    #[test]
    fn objects_and_lists_end_where_they_should() {
        let read = |text| {
            let (mut reader, mut seen) = (Reader::new(text), Vec::new());
            reader.object(|reader, name| {
                seen.push(name.into_owned());
                reader.list(|reader| reader.boolean().map(drop))
            })?;
            reader.end().map(|()| seen.concat())
        };
        assert_eq!(read(" { \"a\" : [ ] , \"b\":[true,\n false] } ").as_deref(), Ok("ab"));
        assert_eq!(read("{}").as_deref(), Ok(""));
        for text in [
            "",
            "{",
            "{\"a\"",
            "{\"a\":[",
            "{\"a\":[true",
            "{\"a\":[true,",
            "{\"a\":[],}",
            "{\"a\":[truth]}",
            "{} x",
            "[]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        fn nested(reader: &mut Reader<'_>) -> Read<()> {
            reader.list(nested)
        }
        let text = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(nested(&mut Reader::new(&text(DEPTH_MAX))), Ok(()));
        assert!(nested(&mut Reader::new(&text(DEPTH_MAX + 1))).is_err());
    }
}
