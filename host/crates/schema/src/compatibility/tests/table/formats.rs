//! `format`, which is asserted; unknown formats say nothing.

use serde_json::json;

use super::{Row, accept, check, refuse};

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept("a format is dropped", json!({ "type": "string", "format": "date-time" }), json!({ "type": "string" })),
        refuse(
            "a format is added",
            json!({ "type": "string" }),
            json!({ "type": "string", "format": "date-time" }),
            json!("x"),
        ),
        refuse(
            "a time becomes a date",
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "string", "format": "date" }),
            json!("2026-05-04T10:00:00Z"),
        ),
        refuse(
            "a date becomes a time",
            json!({ "type": "string", "format": "date" }),
            json!({ "type": "string", "format": "date-time" }),
            json!("2026-05-04"),
        ),
        accept("an unknown format comes", json!({ "type": "string" }), json!({ "type": "string", "format": "colour" })),
        accept("an unknown format goes", json!({ "type": "string", "format": "colour" }), json!({ "type": "string" })),
        accept("one unknown format becomes another", json!({ "format": "colour" }), json!({ "format": "shade" })),
        accept(
            "a format does not touch numbers",
            json!({ "type": "integer" }),
            json!({ "type": "integer", "format": "uuid" }),
        ),
        accept(
            "a number format of OpenAPI says nothing",
            json!({ "type": "integer", "format": "int32" }),
            json!({ "type": "integer", "format": "int64" }),
        ),
        refuse(
            "an e-mail address becomes a UUID",
            json!({ "type": "string", "format": "email" }),
            json!({ "type": "string", "format": "uuid" }),
            json!("a@example.com"),
        ),
        refuse(
            "an IPv6 address becomes an IPv4 address",
            json!({ "type": "string", "format": "ipv6" }),
            json!({ "type": "string", "format": "ipv4" }),
            json!("::1"),
        ),
        refuse(
            "a reference becomes an absolute URI",
            json!({ "type": "string", "format": "uri-reference" }),
            json!({ "type": "string", "format": "uri" }),
            json!("/a"),
        ),
        accept(
            "an absolute URI becomes a reference",
            json!({ "type": "string", "format": "uri" }),
            json!({ "type": "string", "format": "uri-reference" }),
        ),
        accept(
            "a URI reference becomes one with all letters",
            json!({ "type": "string", "format": "uri-reference" }),
            json!({ "type": "string", "format": "iri-reference" }),
        ),
        accept(
            "a URI becomes one with all letters",
            json!({ "type": "string", "format": "uri" }),
            json!({ "type": "string", "format": "iri" }),
        ),
        refuse(
            "a URI with all letters loses them",
            json!({ "type": "string", "format": "iri" }),
            json!({ "type": "string", "format": "uri" }),
            json!("https://example.com/ä"),
        ),
        accept(
            "a UUID has 36 characters",
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 }),
        ),
        accept(
            "a UUID becomes its pattern",
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$" }),
        ),
        accept(
            "a pattern of UUIDs becomes the format",
            json!({ "type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" }),
            json!({ "type": "string", "format": "uuid" }),
        ),
        refuse(
            "a UUID becomes a pattern of its fourth version",
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "pattern": "^.{14}4" }),
            json!("00000000-0000-0000-0000-000000000000"),
        ),
        accept(
            "an e-mail address has at most 318 characters",
            json!({ "type": "string", "format": "email" }),
            json!({ "type": "string", "minLength": 3, "maxLength": 318 }),
        ),
        refuse(
            "an e-mail address gets a shorter length",
            json!({ "type": "string", "format": "email" }),
            json!({ "type": "string", "maxLength": 317 }),
            json!(format!("{}@{}.{}", "a".repeat(64), [&"a".repeat(63)[..]; 3].join("."), "a".repeat(61))),
        ),
        refuse(
            "an e-mail address gets a column's length",
            json!({ "type": "string", "format": "email" }),
            json!({ "type": "string", "format": "email", "maxLength": 100 }),
            json!(format!("{}@{}.{}", "a".repeat(64), "a".repeat(63), "a".repeat(61))),
        ),
        accept(
            "texts of formats are not empty",
            json!({ "properties": { "u": { "type": "string", "format": "uri" }, "e": { "type": "string", "format": "email" }, "h": { "type": "string", "format": "hostname" } } }),
            json!({ "properties": { "u": { "type": "string", "minLength": 2 }, "e": { "type": "string", "minLength": 3 }, "h": { "type": "string", "minLength": 1 } } }),
        ),
        refuse(
            "a reference may be empty",
            json!({ "type": "string", "format": "uri-reference" }),
            json!({ "type": "string", "minLength": 1 }),
            json!(""),
        ),
        accept(
            "a point in time has a date in front",
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}[Tt]" }),
        ),
        refuse(
            "a point in time has to be in UTC",
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "string", "pattern": "Z$" }),
            json!("2026-05-04T10:00:00+01:00"),
        ),
        refuse(
            "a point in time gets a length",
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "string", "format": "date-time", "maxLength": 40 }),
            json!("2026-05-04T10:00:00.123456789012345678901234Z"),
        ),
        accept(
            "an IPv4 address is a host",
            json!({ "type": "string", "format": "ipv4" }),
            json!({ "type": "string", "format": "hostname" }),
        ),
        accept(
            "a pattern of addresses becomes the format",
            json!({ "type": "string", "pattern": "^10\\.0\\.0\\.[1-9]$" }),
            json!({ "type": "string", "format": "ipv4" }),
        ),
        accept(
            "no text is a date and a UUID",
            json!({ "type": "string", "allOf": [{ "format": "date" }, { "format": "uuid" }] }),
            json!({ "type": "integer" }),
        ),
        refuse(
            "a long URI gets a length",
            json!({ "type": "string", "format": "uri" }),
            json!({ "type": "string", "format": "uri", "maxLength": 2_048 }),
            json!(format!("https://example.com/{}", "a".repeat(2_048))),
        ),
        refuse(
            "a URI gets a length",
            json!({ "type": "string", "format": "uri" }),
            json!({ "type": "string", "format": "uri", "maxLength": 10 }),
            json!("https://example.com/a"),
        ),
        accept(
            "a longer list of addresses",
            json!({ "type": "string", "format": "email", "maxLength": 60 }),
            json!({ "type": "string", "format": "email", "maxLength": 90 }),
        ),
        accept(
            "constants in a format",
            json!({ "enum": ["2026-05-04", "2024-02-29"] }),
            json!({ "type": "string", "format": "date" }),
        ),
        refuse(
            "a constant not in a format",
            json!({ "enum": ["2026-05-04", "2026-02-30"] }),
            json!({ "type": "string", "format": "date" }),
            json!("2026-02-30"),
        ),
        accept(
            "one of two formats becomes either",
            json!({ "type": "string", "format": "ipv4" }),
            json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
        ),
        refuse(
            "either of two formats becomes one",
            json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
            json!({ "type": "string", "format": "ipv4" }),
            json!("::1"),
        ),
    ]
}

#[test]
fn formats() {
    check(&rows());
}
