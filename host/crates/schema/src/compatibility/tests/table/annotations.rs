//! Keywords that only annotate: changing them breaks no payload.

use serde_json::{Value, json};

use super::{Row, accept, check, refuse};

fn order(with: &Value) -> Value {
    let mut schema = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
    for (keyword, value) in with.as_object().expect("an object") {
        schema[keyword] = value.clone();
        schema["properties"]["id"][keyword] = value.clone();
    }
    schema
}

pub(super) fn rows() -> Vec<Row> {
    let plain = || order(&json!({}));
    vec![
        accept("a description comes", plain(), order(&json!({ "description": "An order." }))),
        accept("a description goes", order(&json!({ "description": "An order." })), plain()),
        accept("a title changes", order(&json!({ "title": "Order" })), order(&json!({ "title": "Purchase" }))),
        accept("a default comes", plain(), order(&json!({ "default": "none" }))),
        accept("a default changes its type", order(&json!({ "default": 1 })), order(&json!({ "default": [] }))),
        accept("examples change", order(&json!({ "examples": [1] })), order(&json!({ "examples": [{ "id": 7 }] }))),
        accept("it is deprecated, and read only", plain(), order(&json!({ "deprecated": true, "readOnly": true }))),
        accept("a comment comes", plain(), order(&json!({ "$comment": "why" }))),
        accept(
            "keywords of a vendor come",
            plain(),
            order(&json!({ "x-vendor": { "type": "integer", "required": ["a"] } })),
        ),
        accept(
            "OpenAPI's annotations come",
            plain(),
            order(&json!({ "example": "1", "xml": { "name": "o" }, "externalDocs": { "url": "https://example.com" } })),
        ),
        accept(
            "the dialect is named",
            plain(),
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/order",
                "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"],
            }),
        ),
        accept(
            "how a text encodes something is an annotation",
            plain(),
            order(&json!({ "contentMediaType": "application/json", "contentEncoding": "base64" })),
        ),
        accept(
            "a discriminator only annotates",
            json!({ "type": "object" }),
            json!({ "type": "object", "discriminator": { "propertyName": "kind" } }),
        ),
        refuse(
            "a member named description is no description",
            json!({ "type": "object", "properties": { "description": { "type": ["string", "null"] } } }),
            json!({ "type": "object", "properties": { "description": { "type": "string" } } }),
            json!({ "description": null }),
        ),
        refuse(
            "beside a new description a type changes",
            order(&json!({ "type": ["object", "string"], "description": "a" })),
            order(&json!({ "description": "b" })),
            json!(""),
        ),
    ]
}

#[test]
fn annotations() {
    check(&rows());
}
