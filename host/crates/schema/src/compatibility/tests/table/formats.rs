//! `format`, which is asserted; unknown formats say nothing.

use serde_json::json;

use super::{Row, accept, beyond_reach, check, refuse};

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
        beyond_reach(
            "an absolute URI becomes a reference",
            json!({ "type": "string", "format": "uri" }),
            json!({ "type": "string", "format": "uri-reference" }),
            "what one format implies of another is known for few of them",
        ),
        beyond_reach(
            "a UUID has 36 characters",
            json!({ "type": "string", "format": "uuid" }),
            json!({ "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 }),
            "what a format implies about lengths is known to the validator alone",
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
