//! Compares two schemas for a patch, which may change nothing but descriptions.

use serde_json::Value;

use crate::{
    canonical::canonical_text,
    document::{self, Document},
    error::Result,
};

/// Whether two schemas differ in nothing but their `description` keywords, in white space and in the
/// order of members.
///
/// A property that is merely named `description` counts, and so does a `description` in an example.
///
/// # Errors
///
/// [`SchemaInvalid`](crate::Error::SchemaInvalid) if one of the texts is no JSON object, is too long or
/// has too many subschemas.
pub fn is_patch_equal(old_schema_text: &str, new_schema_text: &str) -> Result<bool> {
    Ok(undescribed(old_schema_text)? == undescribed(new_schema_text)?)
}

fn undescribed(schema_text: &str) -> Result<String> {
    let mut schema = document::parse(schema_text)?;
    let described: Vec<String> = {
        let document = Document::read(&schema)?;
        let holders = document.objects().filter(|(_, schema)| schema.contains_key("description"));
        holders.map(|(place, _)| document.pointer(place)).collect()
    };
    for pointer in described {
        if let Some(holder) = schema.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            holder.shift_remove("description");
        }
    }
    Ok(canonical_text(&schema))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn equal(old: &Value, new: &Value) -> bool {
        is_patch_equal(&old.to_string(), &new.to_string()).expect("legal")
    }

    #[test]
    fn descriptions_order_and_spelling_do_not_count() {
        let old = r#"{"type":"object","description":"a","properties":{"a":{"minimum":1.0},"b":{}},"allOf":[{"description":"x"}]}"#;
        let new = r#"{ "properties": {"b":{"description":"c"},"a":{"minimum":1}}, "type":"object","allOf":[{}] }"#;
        assert!(is_patch_equal(old, new).expect("legal"));
    }

    #[test]
    fn everything_else_counts() {
        let old = json!({ "properties": { "description": { "type": "string" } }, "title": "t" });
        for new in [
            json!({ "properties": {}, "title": "t" }),
            json!({ "properties": { "description": { "type": "integer" } }, "title": "t" }),
            json!({ "properties": { "description": { "type": "string" } }, "title": "u" }),
            json!({ "properties": { "description": { "type": "string" } }, "title": "t", "x-note": { "description": "a" } }),
            json!({ "properties": { "description": { "type": "string" } }, "title": "t", "default": { "description": "a" } }),
        ] {
            assert!(!equal(&old, &new), "{new}");
        }
        assert!(equal(&old, &old));
    }

    /// Fault 08: RFC 8785 rounds both to one text.
    #[test]
    fn a_limit_beyond_the_safe_integers_counts() {
        let of = |limit: u64| json!({ "properties": { "v": { "type": "integer", "maximum": limit } } });
        assert!(!equal(&of(9_007_199_254_740_993), &of(9_007_199_254_740_992)));
        assert!(equal(&of(9_007_199_254_740_993), &of(9_007_199_254_740_993)));
    }

    #[test]
    fn a_definition_loses_its_description_too() {
        let old = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "description": "a" } } });
        assert!(equal(&old, &json!({ "$ref": "#/$defs/a", "$defs": { "a": {} } })));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(is_patch_equal("{}", "[]").is_err());
        assert!(is_patch_equal("{", "{}").is_err());
    }
}
