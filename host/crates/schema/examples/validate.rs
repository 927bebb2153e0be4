//! Compiles a schema once and checks payloads against it.

use serde_json::json;
use weir_schema::{Error, inspect};

fn main() -> Result<(), Error> {
    let schema = inspect(
        r#"{
            "type": "object",
            "required": ["orderId"],
            "properties": { "orderId": { "type": "string" }, "placedAt": { "type": "string", "format": "date-time" } }
        }"#,
    )?;
    println!("{} levels, {} properties, SHA-256 {}", schema.depth, schema.property_count, schema.hash);
    for payload in [json!({ "orderId": "o_1" }), json!({ "placedAt": "yesterday" })] {
        println!("{payload}: {}", verdict(&schema.validator.check(&payload)));
    }
    Ok(())
}

fn verdict(checked: &Result<(), Error>) -> String {
    match checked {
        Ok(()) => "valid".to_owned(),
        Err(error) => format!("{error}: {}", error.details()),
    }
}
