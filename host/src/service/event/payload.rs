//! Reads the payload of an event: that of an emit, and that of an event of another application.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, json, map::Entry};

use crate::{
    domain::limits::{PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX},
    error::{Error, Result},
    fail,
};

/// Reads a payload. Codes `payload_too_large`; `payload_invalid` for one that readers may take for different
/// things or not read at all: with a name twice in one object, nested too deep, or with a number that no
/// floating-point number comes near.
pub(super) fn read(text: &str) -> Result<Value> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(fail!(PayloadTooLarge, "the payload has {} bytes; {PAYLOAD_BYTES_MAX} are allowed", text.len()));
    }
    let mut repeated = None;
    let value = Part(&mut repeated).deserialize(&mut serde_json::Deserializer::from_str(text));
    match (value, repeated) {
        (Ok(value), _) => Ok(value),
        (Err(_), Some(steps)) => Err(stands_twice(&steps)),
        (Err(cause), None) if cause.to_string().starts_with("recursion limit exceeded") => {
            Err(fail!(PayloadInvalid, "the payload nests deeper than {PAYLOAD_DEPTH_MAX} levels"))
        }
        (Err(cause), None) => Err(fail!(PayloadInvalid, "the payload cannot be read: {cause}")),
    }
}

/// The refusal of a payload in which the member at the end of these steps, the last one first, stands twice.
fn stands_twice(steps: &[String]) -> Error {
    let escaped = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
    let path: String = steps.iter().rev().map(escaped).collect();
    let found = json!({ "path": path, "keyword": "", "message": "the name stands twice in one object" });
    fail!(PayloadInvalid, "the payload has {path} twice").with_details(json!({ "errors": [found] }))
}

/// A value that is read, and the steps to the first name that stands twice.
struct Part<'s>(&'s mut Option<Vec<String>>);

impl Part<'_> {
    /// Adds a step on the way out, if the error is that of a name that stands twice.
    fn step<E>(&mut self, step: impl FnOnce() -> String, error: E) -> E {
        if let Some(steps) = self.0 {
            steps.push(step());
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            match elements.next_element_seed(Part(self.0)) {
                Ok(Some(element)) => list.push(element),
                Ok(None) => return Ok(list.into()),
                Err(error) => return Err(self.step(|| list.len().to_string(), error)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match members.next_value_seed(Part(self.0)) {
                Err(error) => return Err(self.step(|| name, error)),
                Ok(value) => match object.entry(name) {
                    Entry::Vacant(free) => drop(free.insert(value)),
                    Entry::Occupied(taken) => {
                        *self.0 = Some(vec![taken.key().clone()]);
                        return Err(A::Error::custom("a name stands twice"));
                    }
                },
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"a":[1,-2,18446744073709551615,1e300,0.1,true,null,"\u00e9\n",{"b":{}}],"":[]}"#,
            r#"{"z":1,"a":{"z":1,"a":2}}"#,
        ] {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read(text).expect("a payload"), expected);
            assert_eq!(read(text).expect("a payload").to_string(), expected.to_string(), "in its order");
        }
    }

    #[test]
    fn a_name_twice_is_refused_wherever_it_stands() {
        for (text, path) in
            [(r#"{"qty":-1,"qty":1}"#, "/qty"), (r#"{"a":[0,{"b/c~":{"x":1,"\u0078":{}}}]}"#, "/a/1/b~1c~0/x")]
        {
            let refused = read(text).expect_err("refused");
            assert_eq!(refused.message(), format!("payload_invalid: the payload has {path} twice"));
            assert_eq!(refused.details().expect("details")["errors"][0]["path"], path);
        }
        assert!(read(r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#).is_ok());
    }
}
