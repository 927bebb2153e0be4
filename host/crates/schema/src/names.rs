//! Finds a name that stands twice in one object of a JSON text.
//!
//! RFC 8259 leaves open what such an object means: most readers take the last member, some the first,
//! and a text that is passed on carries both. So what was checked and what is delivered may differ.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::pointer::push_step;

/// Names of an object that are compared one by one; hashing pays for larger ones only.
const SCANNED_NAMES_MAX: usize = 12;

/// The JSON pointer of the first member whose object already has one of that name; `None` if each
/// name stands once. Names are compared as they are read, so `"a"` and `"\u0061"` are one.
///
/// Reads the text once, and keeps only the names of the objects that are open.
///
/// # Errors
///
/// That of `serde_json` for a text that is no JSON, nests deeper than 128 levels, or goes on after
/// the value. It may go unnoticed behind the member that was found.
pub fn repeated_name(json: &[u8]) -> serde_json::Result<Option<String>> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut search = Search { open: Vec::new(), found: None };
    let read = Part(&mut search).deserialize(&mut reader).and_then(|()| reader.end());
    match search.found {
        Some(steps) => Ok(Some(pointer(&steps))),
        None => read.map(|()| None),
    }
}

fn pointer(steps: &[String]) -> String {
    let mut pointer = String::new();
    for step in steps.iter().rev() {
        push_step(&mut pointer, step);
    }
    pointer
}

/// What is kept while a text is read.
struct Search<'de> {
    /// The names of all objects that are open and have few, the innermost last.
    open: Vec<Cow<'de, str>>,
    /// The steps to the member that was found, the last one first: each level adds its own on the way out.
    found: Option<Vec<String>>,
}

/// A value that is read.
struct Part<'s, 'de>(&'s mut Search<'de>);

impl<'de> DeserializeSeed<'de> for Part<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            match elements.next_element_seed(Part(self.0)) {
                Ok(Some(())) => index += 1,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.0.on_the_way_out(|| index.to_string(), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = Names { first: self.0.open.len(), many: None };
        while let Some(name) = members.next_key_seed(Name)? {
            if !names.add(&mut self.0.open, name.clone()) {
                self.0.found = Some(vec![name.into_owned()]);
                return Err(A::Error::custom("a name stands twice"));
            }
            if let Err(error) = members.next_value_seed(Part(self.0)) {
                return Err(self.0.on_the_way_out(|| name.into_owned(), error));
            }
        }
        self.0.open.truncate(names.first);
        Ok(())
    }
}

impl Search<'_> {
    /// Adds a step, if the error is that of a name that stands twice.
    fn on_the_way_out<E>(&mut self, step: impl FnOnce() -> String, error: E) -> E {
        if let Some(steps) = &mut self.found {
            steps.push(step());
        }
        error
    }
}

/// The names of one object.
struct Names<'de> {
    /// Where they begin in [`Search::open`], as long as they are few.
    first: usize,
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    /// `false` if the name is there already.
    fn add(&mut self, open: &mut Vec<Cow<'de, str>>, name: Cow<'de, str>) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(name);
        }
        if open[self.first..].contains(&name) {
            return false;
        }
        open.push(name);
        if open.len() - self.first == SCANNED_NAMES_MAX {
            self.many = Some(open.drain(self.first..).collect());
        }
        true
    }
}

/// The name of a member, borrowed from the text unless it has escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Option<String> {
        repeated_name(json.as_bytes()).expect("JSON")
    }

    #[test]
    fn the_second_of_two_equal_names_is_found_wherever_it_stands() {
        for (json, pointer) in [
            (r#"{"qty":-1,"qty":1}"#, "/qty"),
            (r#"{"a":{"b":[1,{"c":0,"d":{},"c":{}}]}}"#, "/a/b/1/c"),
            (r#"[[],[{"a/b":1,"a~":2,"a/b":3}]]"#, "/1/0/a~1b"),
            (r#"{"a":1,"\u0061":2}"#, "/a"),
            (r#"{"\u0061":1,"a":2}"#, "/a"),
            (r#"{"":1,"":2}"#, "/"),
            (r#"{"a":{"a":{"a":1,"b":2}},"a":0}"#, "/a"),
            (r#"{"x":{"a":1},"y":{"a":1,"b":[{"a":1}],"b":1}}"#, "/y/b"),
        ] {
            assert_eq!(found(json).as_deref(), Some(pointer), "{json}");
        }
    }

    #[test]
    fn names_may_stand_in_several_objects() {
        for json in [
            "{}",
            "7",
            r#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}}"#,
            r#"["a","a",{"a":"a"},-1,0.5,true,null,1e300,18446744073709551615]"#,
            r#"{"a":1,"A":2,"\u00e4":3,"a\u0308":4}"#,
        ] {
            assert_eq!(found(json), None, "{json}");
        }
    }

    #[test]
    fn objects_of_every_size_are_searched() {
        for count in [1, SCANNED_NAMES_MAX - 1, SCANNED_NAMES_MAX, SCANNED_NAMES_MAX + 1, 1_000] {
            let members: Vec<String> = (0..count).map(|n| format!(r#""n{n}":{{"n{n}":{n}}}"#)).collect();
            let members = members.join(",");
            assert_eq!(found(&format!("{{{members}}}")), None, "{count}");
            for repeated in [0, count - 1] {
                let json = format!(r#"{{"in":{{{members},"n{repeated}":1}}}}"#);
                assert_eq!(found(&json), Some(format!("/in/n{repeated}")), "{count}");
            }
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for json in ["", "{", r#"{"a":1,}"#, r#"{"a":1} {"#, "{1:2}", "nul", deep.as_str()] {
            assert!(repeated_name(json.as_bytes()).is_err(), "{json}");
        }
        assert!(repeated_name(b"\"\xff\"").is_err());
    }
}
