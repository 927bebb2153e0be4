//! One text for every spelling of a JSON value (RFC 8785), and its hash.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The value as RFC 8785 writes it: members sorted, no white space, numbers as JavaScript prints
/// them. Two values have the same text exactly when JavaScript cannot tell them apart; integers
/// beyond 2⁵³ are therefore rounded.
pub fn canonical_text(value: &Value) -> String {
    // Writing into memory does not fail, and a `Value` holds neither NaN nor other keys than texts.
    serde_json_canonicalizer::to_string(value).expect("a JSON value has a canonical text")
}

/// SHA-256 of the canonical text, 64 lower-case hex digits. It is a schema's identity, and tells
/// whether a request repeats an earlier one.
pub fn hash(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical_text(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn canonical(text: &str) -> String {
        canonical_text(&serde_json::from_str(text).expect("JSON"))
    }

    /// The example of RFC 8785, section 3.2.2 and 3.2.4.
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

    /// RFC 8785, section 3.2.3: members sort by UTF-16 code units, not by characters or bytes.
    #[test]
    fn members_sort_by_utf16() {
        let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let order: Vec<_> = canonical(text).bytes().filter(u8::is_ascii_digit).collect();
        assert_eq!(
            order,
            b"2146".iter().chain(b"7153").copied().collect::<Vec<_>>()
        );
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        assert_eq!(
            canonical("[1.0,-0.0,1e21,1e-7,100000000000000000000]"),
            "[1,0,1e+21,1e-7,100000000000000000000]"
        );
    }

    #[test]
    fn spelling_does_not_change_the_hash() {
        let one =
            serde_json::from_str::<Value>(r#"{"a":1,"b":{"d":[1.0],"c":"\u0041"}}"#).expect("JSON");
        let other = serde_json::from_str::<Value>(r#" { "b": {"c":"A", "d":[1]}, "a": 1e0 } "#)
            .expect("JSON");
        assert_eq!(hash(&one), hash(&other));
        assert_ne!(hash(&one), hash(&json!({"a":1,"b":{"d":["1"],"c":"A"}})));
    }

    #[test]
    fn the_hash_of_the_empty_object_is_known() {
        assert_eq!(
            hash(&json!({})),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
