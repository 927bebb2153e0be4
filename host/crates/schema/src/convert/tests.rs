//! What a converted schema takes is what the schema took in its own draft, as `jsonschema` reads it.

use serde_json::{Value, json};

use super::*;
use crate::{
    limits::{SCHEMA_SUBSCHEMAS_MAX, SCHEMA_TEXT_BYTES_MAX},
    schema::inspect,
};

const DRAFTS: [&str; 4] = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
];

fn converted(schema: &Value) -> Option<Converted> {
    convert(&schema.to_string()).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

/// The schema in 2020-12, without its `$schema`.
fn modern(schema: &Value) -> Value {
    let mut root: Value = serde_json::from_str(&converted(schema).expect("changed").schema_text).expect("JSON");
    assert_eq!(root["$schema"], "https://json-schema.org/draft/2020-12/schema");
    root.as_object_mut().map(|map| map.shift_remove("$schema"));
    root
}

fn refusal(schema: &Value) -> (String, String) {
    match convert(&schema.to_string()).expect_err("refused") {
        Error::SchemaInvalid { pointer, reason } => (pointer, reason),
        other => panic!("{other}"),
    }
}

fn of(draft: &str, mut schema: Value) -> Value {
    schema["$schema"] = json!(draft);
    schema
}

#[test]
fn what_is_2020_12_already_stays_as_it_is() {
    for schema in [
        json!({ "type": "object", "items": [{}], "dependencies": {} }),
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/a", "$defs": { "a": {} } }),
        json!({ "$schema": "https://spec.openapis.org/oas/3.1/dialect/base", "nullable": true }),
        json!({ "$schema": "https://example.com/unknown", "items": [{}] }),
        json!({ "$id": "https://example.com/a", "$ref": "https://example.com/a#/$defs/b", "$defs": { "b": {} } }),
        json!({ "properties": { "a": { "$ref": "https://example.com/elsewhere" } } }),
    ] {
        assert_eq!(converted(&schema), None, "{schema}");
    }
}

/// Each row: draft, keywords, what they become, payloads. The payloads are judged by both.
#[test]
fn earlier_drafts_keep_their_meaning() {
    let numbers = || vec![json!(0), json!(1), json!(5), json!(7), json!("a")];
    let lists = || vec![json!([]), json!(["a"]), json!(["a", 1]), json!(["a", "b"]), json!([1]), json!({})];
    let objects = || vec![json!({}), json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), json!({ "b": "x" }), json!(1)];
    let text = || json!({ "type": "string" });
    for (drafts, schema, expected, payloads) in [
        (0..1, json!({ "minimum": 1, "exclusiveMinimum": true }), json!({ "exclusiveMinimum": 1 }), numbers()),
        (0..1, json!({ "maximum": 5, "exclusiveMaximum": false }), json!({ "maximum": 5 }), numbers()),
        (1..4, json!({ "exclusiveMaximum": 5 }), json!({ "exclusiveMaximum": 5 }), numbers()),
        (0..4, json!({ "items": [text()] }), json!({ "prefixItems": [text()] }), lists()),
        (
            0..4,
            json!({ "items": [text()], "additionalItems": false }),
            json!({ "prefixItems": [text()], "items": false }),
            lists(),
        ),
        (0..4, json!({ "items": text(), "additionalItems": false }), json!({ "items": text() }), lists()),
        (
            0..3,
            json!({ "dependencies": { "a": ["b"], "b": { "maxProperties": 1 } } }),
            json!({ "dependentRequired": { "a": ["b"] }, "dependentSchemas": { "b": { "maxProperties": 1 } } }),
            objects(),
        ),
        (
            0..3,
            json!({ "properties": { "b": { "$ref": "#/definitions/t", "type": "integer" } }, "definitions": { "t": text() } }),
            json!({ "properties": { "b": { "$ref": "#/definitions/t" } }, "definitions": { "t": text() } }),
            objects(),
        ),
        (
            3..4,
            json!({ "properties": { "b": { "$ref": "#/$defs/t", "maxLength": 0 } }, "$defs": { "t": text() } }),
            json!({ "properties": { "b": { "$ref": "#/$defs/t", "maxLength": 0 } }, "$defs": { "t": text() } }),
            objects(),
        ),
        (0..1, json!({ "const": 1 }), json!({}), numbers()),
        (1..4, json!({ "const": 1 }), json!({ "const": 1 }), numbers()),
        (0..2, json!({ "if": { "minimum": 5 }, "then": false }), json!({}), numbers()),
        (
            2..4,
            json!({ "if": { "minimum": 5 }, "then": false }),
            json!({ "if": { "minimum": 5 }, "then": false }),
            numbers(),
        ),
        (0..3, json!({ "dependentRequired": { "a": ["b"] } }), json!({}), objects()),
        (0..3, json!({ "unevaluatedProperties": false }), json!({}), objects()),
        (
            3..4,
            json!({ "properties": { "a": { "$recursiveRef": "#" } }, "maxProperties": 1 }),
            json!({ "properties": { "a": { "$ref": "#" } }, "maxProperties": 1 }),
            objects(),
        ),
        (
            0..3,
            json!({ "properties": { "a": { "$ref": "#/items/0" } }, "items": [text()], "additionalItems": { "$ref": "#/dependencies/b" }, "dependencies": { "b": { "maxProperties": 1 } } }),
            json!({ "properties": { "a": { "$ref": "#/prefixItems/0" } }, "prefixItems": [text()], "items": { "$ref": "#/dependentSchemas/b" }, "dependentSchemas": { "b": { "maxProperties": 1 } } }),
            [objects(), lists()].concat(),
        ),
    ] {
        for draft in &DRAFTS[drafts] {
            let schema = of(draft, schema.clone());
            assert_eq!(modern(&schema), expected, "{schema}");
            let text = converted(&schema).expect("changed").schema_text;
            let (before, after) = (jsonschema::validator_for(&schema).expect("legal"), inspect(&text).expect("legal"));
            for payload in &payloads {
                assert_eq!(before.is_valid(payload), after.validator.check(payload).is_ok(), "{schema}: {payload}");
            }
        }
    }
}

#[test]
fn the_changes_say_what_became_of_each_part() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "id": "https://example.com/order",
        "properties": { "a": { "minimum": 0, "exclusiveMinimum": true }, "b": { "items": [{}] }, "c": { "$ref": "#/x" } },
        "x": {},
    });
    assert!(refusal(&schema).1.contains("definitions"));
    let mut schema = schema;
    schema["properties"]["c"] = json!({ "$ref": "#/properties/a", "title": "t", "minimum": 3 });
    let found = converted(&schema).expect("changed");
    let said: Vec<_> = found.changes.iter().map(|change| (change.path.as_str(), change.change.as_str())).collect();
    assert_eq!(
        said,
        [
            ("/$schema", "read as draft-04, and written as 2020-12"),
            ("/properties/a/exclusiveMinimum", "a flag beside minimum became the limit"),
            ("/properties/b/items", "became prefixItems"),
            ("/properties/c", "draft-04 ignores what stands beside $ref: minimum removed"),
            ("/id", "became $id"),
        ]
    );
    assert_eq!(found.details()[0], json!({ "path": said[0].0, "change": said[0].1 }));
    assert_eq!(modern(&schema)["properties"]["c"], json!({ "$ref": "#/properties/a", "title": "t" }));
}

/// Iglu's schemas name a meta-schema of their own, which is draft-04.
#[test]
fn a_self_describing_schema_is_draft_04() {
    let schema = json!({
        "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
        "self": { "vendor": "com.acme", "name": "order", "format": "jsonschema", "version": "1-0-0" },
        "type": "object", "properties": { "id": { "type": "string", "maxLength": 64 } }, "additionalProperties": false,
    });
    let text = converted(&schema).expect("changed").schema_text;
    let validator = inspect(&text).expect("legal").validator;
    assert!(validator.check(&json!({ "id": "a" })).is_ok() && validator.check(&json!({ "self": 1 })).is_err());
}

#[test]
fn bundled_documents_are_one_document() {
    for (draft, definitions) in [(None, "$defs"), (Some(DRAFTS[3]), "$defs"), (Some(DRAFTS[2]), "definitions")] {
        let mut schema = json!({
            "$id": "https://example.com/schemas/order",
            "properties": {
                "to": { "$ref": "address" },
                "from": { "$ref": "https://example.com/schemas/address" },
                "zip": { "$ref": "address#/properties/zip" },
                "named": { "$ref": "address#city" },
                "self": { "$ref": "order#/properties/total" },
                "total": { "type": "integer" },
            },
            definitions: {
                "any": {
                    "$id": "address",
                    "properties": {
                        "zip": { "$ref": format!("#/{definitions}/digits") },
                        "city": if draft == Some(DRAFTS[2]) { json!({ "$id": "#city", "type": "string" }) } else { json!({ "$anchor": "city", "type": "string" }) },
                        "in": { "$ref": "#" },
                        "of": { "$ref": "order" },
                    },
                    definitions: { "digits": { "type": "string", "pattern": "^[0-9]+$" } },
                },
            },
        });
        if let Some(draft) = draft {
            schema["$schema"] = json!(draft);
        }
        let text = converted(&schema).expect("changed").schema_text;
        let root: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(root["properties"]["to"]["$ref"], format!("#/{definitions}/any"));
        assert_eq!(root["properties"]["zip"]["$ref"], format!("#/{definitions}/any/properties/zip"));
        assert_eq!(root[definitions]["any"]["properties"]["in"]["$ref"], format!("#/{definitions}/any"));
        assert_eq!(root[definitions]["any"].get("$id"), None);
        let (before, after) = (jsonschema::validator_for(&schema).expect("legal"), inspect(&text).expect("legal"));
        for payload in [
            json!({}),
            json!({ "to": { "zip": "123", "city": "x" } }),
            json!({ "to": { "zip": "abc" } }),
            json!({ "from": { "in": { "in": { "city": 1 } } } }),
            json!({ "zip": "12" }),
            json!({ "zip": "x" }),
            json!({ "named": 1 }),
            json!({ "self": "x" }),
            json!({ "to": { "of": { "total": "x" } } }),
        ] {
            assert_eq!(before.is_valid(&payload), after.validator.check(&payload).is_ok(), "{draft:?}: {payload}");
        }
    }
}

#[test]
fn what_cannot_be_said_in_2020_12_is_refused_with_its_place() {
    let recent = DRAFTS[3];
    for (schema, place, word) in [
        (of(recent, json!({ "items": { "contains": {}, "unevaluatedItems": false } })), "/items", "unevaluatedItems"),
        (of(recent, json!({ "$ref": "#/$defs/a", "$recursiveRef": "#" })), "", "$recursiveRef"),
        (
            of(recent, json!({ "not": { "$recursiveRef": "#" }, "$defs": { "a": { "$id": "b" } } })),
            "/not",
            "$recursiveRef",
        ),
        (of(DRAFTS[2], json!({ "not": { "$schema": DRAFTS[0] } })), "/not", "$schema"),
        (json!({ "$defs": { "a": { "$id": "b", "$schema": DRAFTS[0] } } }), "/$defs/a", "$schema"),
        (json!({ "$dynamicRef": "#a", "$defs": { "a": { "$id": "b", "$dynamicAnchor": "a" } } }), "", "$dynamicRef"),
        (json!({ "$defs": { "a": { "$id": "b" }, "c": { "$id": "b" } } }), "/$defs/c", "$id"),
        (json!({ "$defs": { "a": { "$id": "http://[" } } }), "/$defs/a", "URI"),
        (
            of(DRAFTS[2], json!({ "properties": { "a": { "$ref": "#/components/a" } }, "components": { "a": {} } })),
            "/properties/a",
            "definitions",
        ),
    ] {
        let (pointer, reason) = refusal(&schema);
        assert_eq!(pointer, place, "{schema}: {reason}");
        assert!(reason.contains(word), "{schema}: {reason}");
    }
}

#[test]
fn remote_references_are_refused_with_how_to_bundle() {
    let schema = of(DRAFTS[2], json!({ "properties": { "a": { "$ref": "https://example.com/a.json" } } }));
    let text = converted(&schema).expect("changed").schema_text;
    let Err(Error::SchemaInvalid { pointer, reason }) = inspect(&text) else { panic!("taken") };
    assert_eq!(pointer, "/properties/a");
    assert!(reason.contains("under $defs with its $id"), "{reason}");
}

#[test]
fn conversions_shown_max() {
    let members: Value = (0..200).map(|number| (format!("p{number}"), json!({ "items": [{}] }))).collect();
    let found = converted(&of(DRAFTS[2], json!({ "properties": members }))).expect("changed");
    assert_eq!(found.changes.len(), CONVERSIONS_SHOWN_MAX);
    assert!(!found.schema_text.contains("\"items\""));
}

/// The pointers of all schemas are kept, so none may be long.
#[test]
fn converted_pointer_bytes_max() {
    let of_name = |bytes: usize| of(DRAFTS[2], json!({ "properties": { "n".repeat(bytes): {} } }));
    let around = "/properties/".len();
    assert!(convert(&of_name(CONVERTED_POINTER_BYTES_MAX - around).to_string()).is_ok());
    assert!(refusal(&of_name(CONVERTED_POINTER_BYTES_MAX - around + 1)).1.contains("2048"));
    let inner = json!({ "$defs": { "n".repeat(CONVERTED_POINTER_BYTES_MAX): { "$id": "a" } } });
    assert!(refusal(&inner).1.contains("2048"));
}

#[test]
fn hostile_schemas_are_converted_within_the_bounds() {
    let many = of(DRAFTS[2], json!({ "allOf": vec![json!({}); SCHEMA_SUBSCHEMAS_MAX] }));
    assert!(refusal(&many).1.contains("2000"));
    let deep = (0..60).fold(json!({ "$ref": "#" }), |inner, _| json!({ "items": [inner] }));
    assert!(convert(&of(DRAFTS[0], deep).to_string()).is_ok());
    let long = format!("{}{{}}", " ".repeat(SCHEMA_TEXT_BYTES_MAX));
    assert!(convert(&long).is_err() && convert("[]").is_err());
}
