//! One text for every spelling of a JSON value, and its hash.
//!
//! The text is that of RFC 8785 except for integers beyond 2⁵³. JavaScript, for which the RFC was
//! written, rounds those; here they are told apart, as the validator does it.
//!
//! Weir hashes the payload of every emit with an idempotency key, so the text is written here in one
//! pass. Only fractions, the hard part of RFC 8785, are left to `serde_json_canonicalizer`: for
//! whole documents it takes ten times as long, because it builds every object several times over.

use std::fmt::Write;

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use crate::number::integer;

/// The value in its one spelling: members sorted, no white space, integers of up to 64 bits as all their
/// digits, and other numbers as JavaScript prints them. Two values have the same text exactly when
/// JSON Schema takes them for equal.
pub(crate) fn canonical_text(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

/// SHA-256 of a value's canonical JSON text, 64 lower-case hex digits.
///
/// Two values have the same hash if they differ only in the order of members, in white space or in
/// the spelling of numbers and strings. The text is that of RFC 8785, and integers beyond 2⁵³, which
/// the RFC rounds, have all their digits. [`Schema::hash`](crate::Schema::hash) is made with it.
pub fn canonical_hash(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical_text(value)))
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(text, number),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(text, index);
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => write_object(text, members),
    }
}

/// Members sort by the UTF-16 code units of their names, which is the order of bytes only as long
/// as no name needs two units for one character.
fn write_object(text: &mut String, members: &Map<String, Value>) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    text.push('{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        separate(text, index);
        write_string(text, name);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn separate(text: &mut String, index: usize) {
    if index > 0 {
        text.push(',');
    }
}

fn write_number(text: &mut String, number: &Number) {
    // Neither can fail: the target is in memory, and a `Number` is finite.
    match integer(number) {
        Some(integer) => write!(text, "{integer}").expect("a String takes all text"),
        None => text.push_str(&serde_json_canonicalizer::to_string(number).expect("a JSON number has a text")),
    }
}

/// The escapes of `serde_json` are those of RFC 8785: the two-character ones where there are any,
/// `\u00xx` for the other control characters, and nothing else.
fn write_string(text: &mut String, string: &str) {
    let needs_escape = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if string.bytes().any(needs_escape) {
        text.push_str(&Value::from(string).to_string());
    } else {
        text.push('"');
        text.push_str(string);
        text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn canonical(text: &str) -> String {
        canonical_text(&serde_json::from_str(text).expect("JSON"))
    }

    /// The example of RFC 8785, sections 3.2.2 to 3.2.4.
    #[test]
    fn the_example_of_the_rfc() {
        let text = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(canonical(text), expected);
    }

    /// RFC 8785, section 3.2.3: neither by characters nor by bytes.
    #[test]
    fn members_sort_by_utf16() {
        let text = r#"{"\u20ac":5,"\r":1,"\ufb33":7,"1":2,"\ud83d\ude00":6,"\u0080":3,"\u00f6":4}"#;
        let order: String = serde_json::from_str::<Map<String, Value>>(&canonical(text))
            .expect("an object")
            .values()
            .map(Value::to_string)
            .collect();
        assert_eq!(order, "1234567");
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        let text = "[1.0,-0.0,1e21,1e-7,9007199254740991,18446744073709551616,-1e300]";
        assert_eq!(canonical(text), "[1,0,1e+21,1e-7,9007199254740991,18446744073709552000,-1e+300]");
    }

    /// Fault 12, and fault 8: the RFC rounds them.
    #[test]
    fn integers_have_all_their_digits() {
        let text = "[9007199254740993,-9007199254740993,18446744073709551615,1152921504606846976.0]";
        let expected = "[9007199254740993,-9007199254740993,18446744073709551615,1152921504606846976]";
        assert_eq!(canonical(text), expected);
        assert_ne!(
            canonical_hash(&json!(1_524_831_183_200_260_097_u64)),
            canonical_hash(&json!(1_524_831_183_200_260_098_u64))
        );
    }

    #[test]
    fn spelling_does_not_change_the_hash() {
        let read = |text| serde_json::from_str::<Value>(text).expect("JSON");
        let one = read(r#"{"a":1,"b":{"d":[1.0],"c":"\u0041"}}"#);
        let other = read(r#" { "b": {"c":"A", "d":[1]}, "a": 1e0 } "#);
        assert_eq!(canonical_hash(&one), canonical_hash(&other));
        assert_ne!(canonical_hash(&one), canonical_hash(&json!({"a":1,"b":{"d":["1"],"c":"A"}})));
    }

    #[test]
    fn the_hash_of_the_empty_object_is_known() {
        assert_eq!(canonical_hash(&json!({})), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    /// Up to here RFC 8785 tells integers apart.
    const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

    fn is_like_the_rfc(float: f64) -> bool {
        float.fract() != 0.0 || !(9e15..2e19).contains(&float.abs())
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-SAFE_INTEGER_MAX..=SAFE_INTEGER_MAX).prop_map(Value::from),
            any::<f64>()
                .prop_filter("whole floats that the RFC rounds", |float| is_like_the_rfc(*float))
                .prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// Integers and floats around 2⁵³ and 2⁶⁴ have one text when they are equal, and only then.
        #[test]
        fn equal_numbers_have_one_text(one in 0..4_u64, other in 0..4_u64, shift in 51..64_u32, is_float: bool) {
            let (one, integer) = ((1_u64 << shift) + one, (1_u64 << shift) + other);
            let other = if is_float { json!(format!("{integer}").parse::<f64>().expect("a number")) } else { json!(integer) };
            let are_equal = jsonschema::json::cmp::equal(&json!(one), &other);
            prop_assert_eq!(canonical_text(&json!(one)) == canonical_text(&other), are_equal);
        }

        #[test]
        fn the_text_is_that_of_the_reference(value in any_value()) {
            let reference = serde_json_canonicalizer::to_string(&value).expect("a text");
            prop_assert_eq!(canonical_text(&value), reference);
        }
    }
}
