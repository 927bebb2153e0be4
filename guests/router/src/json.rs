//! A reader of JSON text that goes forward only and copies nothing but strings with escapes.
//!
//! It trusts that the text is JSON, as the host looked at it before. What is none is noticed where
//! it matters for finding the way, and never leads astray.

use std::borrow::Cow;

use crate::number::Number;

/// How deep objects and lists may nest: the host reads no deeper either, and each level is stack.
const DEPTH_MAX: usize = 128;

/// A string of the text, without its escapes.
pub type Text<'a> = Cow<'a, str>;

/// The result of reading on.
pub type Read<T> = Result<T, Malformed>;

/// The text is no JSON, or not the JSON that was expected. Where does not matter: the host has
/// looked at it before and can say so.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// In place of a byte: the text is at its end. No JSON has such a byte outside of strings.
pub const END: u8 = 0;

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

    /// The first byte of what comes next, white space aside; [`END`] when nothing does.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Makes sure that nothing follows.
    pub fn end(mut self) -> Read<()> {
        if self.peek() == END && self.at == self.text.len() { Ok(()) } else { Err(Malformed) }
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(END)
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
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(is_special).ok_or(Malformed)?;
        if rest.as_bytes()[length] == b'\\' {
            return self.escaped().map(Cow::Owned);
        }
        self.at += length + 1;
        Ok(Cow::Borrowed(&rest[..length]))
    }

    /// Reads a number.
    pub fn number(&mut self) -> Read<Number> {
        self.peek();
        let rest = &self.text[self.at..];
        let is_outside = |byte: u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let text = &rest[..rest.bytes().position(is_outside).unwrap_or(rest.len())];
        self.at += text.len();
        Number::read(text).ok_or(Malformed)
    }

    /// Reads one of the words `true`, `false` and `null`.
    pub fn word(&mut self, word: &str) -> Read<()> {
        self.peek();
        if !self.text[self.at..].starts_with(word) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self) -> Read<bool> {
        let value = self.peek() == b't';
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(open)?;
        if self.depth == DEPTH_MAX {
            return Err(Malformed);
        }
        self.depth += 1;
        if self.peek() != close {
            item(self)?;
            while self.peek() == b',' {
                self.at += 1;
                item(self)?;
            }
        }
        self.depth -= 1;
        self.expect(close)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.peek() != byte {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// The rest of a string that has escapes.
    fn escaped(&mut self) -> Read<String> {
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let length = rest.bytes().position(is_special).ok_or(Malformed)?;
            string.push_str(&rest[..length]);
            self.at += length + 1;
            if rest.as_bytes()[length] == b'"' {
                return Ok(string);
            }
            string.push(self.escape()?);
        }
    }

    /// The character that is meant by what follows a backslash.
    fn escape(&mut self) -> Read<char> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(Malformed),
        })
    }

    /// The character of an escape of four hexadecimal digits, or of two such escapes where UTF-16 takes two units.
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
            _ => Err(Malformed),
        }
    }

    fn unit(&mut self) -> Read<u16> {
        let digits = self.text.get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or(Malformed)?;
        self.at += 4;
        Ok(unit)
    }
}

/// Whether a byte ends what can be taken from a string as it stands.
fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\'
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
