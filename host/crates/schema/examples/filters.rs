//! Checks content filters against the schema of an event, before anyone waits for a match.

use serde_json::json;
use weir_schema::Filter;

fn main() {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "state": { "enum": ["open", "paid"] }, "total": { "type": "integer", "minimum": 0 } },
    });
    for text in [
        r#"{ "state": ["paid"], "total": [{ "numeric": [">=", 100] }] }"#,
        r#"{ "state": ["shipped"] }"#,
        r#"{ "totl": [{ "exists": true }] }"#,
        r#"{ "total": [] }"#,
    ] {
        match Filter::parse(text).and_then(|filter| filter.check_against(&[&schema])) {
            Ok(()) => println!("{text} may match"),
            Err(error) => println!("{text} is refused: {error}"),
        }
    }
}
