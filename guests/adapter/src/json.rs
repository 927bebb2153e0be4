//! Writes the JSON of one flat object.
//!
//! A payload goes in verbatim, byte for byte as it was received, which rules out a writer that
//! works on parsed values.

/// A JSON object under construction.
pub struct Object(String);

impl Object {
    /// An empty object with room for about this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// Adds a string.
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(&mut self.0, value);
    }

    /// Adds a boolean.
    pub fn boolean(&mut self, key: &str, value: bool) {
        self.json(key, if value { "true" } else { "false" });
    }

    /// Adds a string or `null`.
    pub fn optional_string(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string(key, value),
            None => self.json(key, "null"),
        }
    }

    /// Adds text that is JSON already, unchanged.
    pub fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    /// The finished text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, key);
        self.0.push(':');
    }
}

/// Writes a JSON string. Runs without special characters, nearly all of them, are copied whole.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    let mut copied = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        text.push_str(&value[copied..at]);
        copied = at + 1;
        escape(text, byte);
    }
    text.push_str(&value[copied..]);
    text.push('"');
}

fn escape(text: &mut String, byte: u8) {
    match byte {
        b'"' => text.push_str("\\\""),
        b'\\' => text.push_str("\\\\"),
        b'\n' => text.push_str("\\n"),
        b'\r' => text.push_str("\\r"),
        b'\t' => text.push_str("\\t"),
        control => {
            text.push_str("\\u00");
            text.push_str(&hex::encode([control]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_as_they_were() {
        let all_below_256: String = (0..=255_u8).map(char::from).collect();
        for value in ["", "plain", "\"\\\"", "a\u{2028}b\u{1F980}", &all_below_256] {
            let mut object = Object::with_capacity(0);
            object.string(value, value);
            let read: serde_json::Value = serde_json::from_str(&object.finish()).expect("valid JSON");
            assert_eq!(read[value], value);
        }
    }

    #[test]
    fn json_goes_in_verbatim() {
        let mut object = Object::with_capacity(0);
        object.json("a", "{ \"x\" : 1.0e0 }");
        object.boolean("b", false);
        object.optional_string("c", None);
        assert_eq!(object.finish(), r#"{"a":{ "x" : 1.0e0 },"b":false,"c":null}"#);
    }
}
