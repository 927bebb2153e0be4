//! Schemas as publishers write them. Random changes of them resemble the pairs that a registry meets.

use serde_json::{Value, json};

/// All samples: payload schemas of events, from flat to recursive.
pub(super) fn all() -> Vec<Value> {
    let mut all = vec![favorite(), order(), payment(), user(), shipment()];
    all.extend([geometry(), cloud_event(), directory(), notification(), configuration(), measurement(), expression()]);
    all.extend([invoice(), audit()]);
    all
}

/// The event of a favorited property, from the platform's documentation.
pub(in super::super) fn favorite() -> Value {
    json!({
        "type": "object",
        "properties": {
            "propertyId": { "type": "string", "maxLength": 64 },
            "subjectId": { "type": "string", "maxLength": 64 },
            "favoritedAt": { "type": "string", "format": "date-time" },
        },
        "required": ["propertyId", "subjectId"],
        "additionalProperties": false,
    })
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["orderId", "status", "lines", "total"],
        "properties": {
            "orderId": { "type": "string", "pattern": "^[a-z0-9]+$" },
            "status": { "enum": ["open", "paid", "shipped", "cancelled"] },
            "lines": { "type": "array", "items": { "$ref": "#/$defs/line" }, "minItems": 1, "maxItems": 100 },
            "total": { "type": "number", "minimum": 0 },
            "note": { "type": ["string", "null"], "maxLength": 200 },
            "address": {
                "type": "object",
                "properties": { "city": { "type": "string" }, "zip": { "type": "string", "pattern": r"^\d+$" } },
                "required": ["city"],
            },
        },
        "$defs": {
            "line": {
                "type": "object",
                "properties": {
                    "sku": { "type": "string", "minLength": 1 },
                    "quantity": { "type": "integer", "minimum": 1 },
                    "price": { "type": "number", "multipleOf": 0.01 },
                },
                "required": ["sku", "quantity"],
            },
        },
    })
}

fn payment() -> Value {
    json!({
        "type": "object",
        "properties": {
            "amount": { "type": "integer", "exclusiveMinimum": 0 },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
            "method": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": { "kind": { "const": "card" }, "last4": { "type": "string", "pattern": r"^\d+$" } },
                        "required": ["kind", "last4"],
                    },
                    {
                        "type": "object",
                        "properties": { "kind": { "const": "sepa" }, "iban": { "type": "string", "minLength": 5 } },
                        "required": ["kind", "iban"],
                    },
                    { "type": "object", "properties": { "kind": { "const": "cash" } }, "required": ["kind"] },
                ],
            },
            "refundOf": { "type": "string", "format": "uuid" },
        },
        "required": ["amount", "currency", "method"],
        "dependentRequired": { "refundOf": ["reason"] },
        "additionalProperties": { "type": "string" },
    })
}

fn user() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "email": { "type": "string", "format": "email" },
            "phone": { "type": "string" },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "roles": { "type": "array", "items": { "enum": ["admin", "editor", "viewer"] }, "uniqueItems": true },
            "preferences": { "type": "object", "additionalProperties": { "type": ["boolean", "string"] } },
        },
        "required": ["id"],
        "anyOf": [{ "required": ["email"] }, { "required": ["phone"] }],
    })
}

fn shipment() -> Value {
    json!({
        "type": "object",
        "properties": {
            "carrier": { "type": "string" },
            "express": { "type": "boolean" },
            "weight": { "type": "number", "exclusiveMinimum": 0, "maximum": 30 },
            "deliverBy": { "type": "string", "format": "date" },
        },
        "required": ["carrier", "express"],
        "if": { "properties": { "express": { "const": true } } },
        "then": { "required": ["deliverBy"] },
        "else": { "properties": { "weight": { "maximum": 20 } } },
    })
}

fn geometry() -> Value {
    json!({
        "oneOf": [
            {
                "type": "object", "required": ["type", "coordinates"],
                "properties": { "type": { "const": "Point" }, "coordinates": { "$ref": "#/$defs/position" } },
            },
            {
                "type": "object", "required": ["type", "coordinates"],
                "properties": {
                    "type": { "const": "LineString" },
                    "coordinates": { "type": "array", "minItems": 2, "items": { "$ref": "#/$defs/position" } },
                },
            },
        ],
        "$defs": {
            "position": {
                "type": "array", "prefixItems": [
                    { "type": "number", "minimum": -180, "maximum": 180 },
                    { "type": "number", "minimum": -90, "maximum": 90 },
                ],
                "minItems": 2, "items": false,
            },
        },
    })
}

fn cloud_event() -> Value {
    json!({
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1 },
            "source": { "type": "string", "format": "uri-reference" },
            "type": { "type": "string", "minLength": 1 },
            "time": { "type": "string", "format": "date-time" },
            "data": { "type": ["object", "string", "null"] },
        },
        "required": ["specversion", "id", "source", "type"],
        "patternProperties": { "^[a-z0-9]+$": { "type": ["string", "integer", "boolean", "object", "null"] } },
        "additionalProperties": false,
    })
}

fn directory() -> Value {
    json!({
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "minLength": 1 },
                    "size": { "type": "integer", "minimum": 0 },
                    "children": { "type": "array", "items": { "$ref": "#/$defs/node" } },
                },
                "required": ["name"],
                "additionalProperties": false,
            },
        },
    })
}

fn notification() -> Value {
    json!({
        "allOf": [{ "$ref": "#/$defs/base" }],
        "type": "object",
        "properties": {
            "channel": { "enum": ["mail", "push"] },
            "title": { "type": "string", "maxLength": 80 },
            "body": { "type": "string" },
        },
        "required": ["channel"],
        "unevaluatedProperties": false,
        "$defs": {
            "base": {
                "properties": { "id": { "type": "string" }, "sentAt": { "type": "string", "format": "date-time" } },
                "required": ["id"],
            },
        },
    })
}

fn configuration() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[a-z_]+$" },
        "properties": { "version": { "type": "integer", "enum": [1, 2, 3] } },
        "patternProperties": { "^x_": true },
        "additionalProperties": { "anyOf": [{ "type": "string" }, { "type": "number" }, { "type": "boolean" }] },
        "minProperties": 1,
        "maxProperties": 20,
    })
}

fn measurement() -> Value {
    json!({
        "type": "object",
        "properties": {
            "sensor": { "type": "string", "nullable": true },
            "unit": { "enum": ["C", "F", "K"] },
            "value": { "type": "number" },
            "tags": { "type": "array", "items": { "type": "string" }, "contains": { "const": "raw" }, "maxItems": 5 },
        },
        "required": ["unit", "value"],
        "oneOf": [
            { "properties": { "unit": { "const": "K" }, "value": { "minimum": 0 } } },
            { "properties": { "unit": { "enum": ["C", "F"] } } },
        ],
    })
}

fn expression() -> Value {
    json!({
        "anyOf": [
            { "type": "number" },
            { "type": "string", "pattern": "^[a-z]+$" },
            {
                "type": "object", "additionalProperties": false, "required": ["op", "args"],
                "properties": {
                    "op": { "enum": ["+", "*"] },
                    "args": { "type": "array", "items": { "$ref": "#" }, "minItems": 1 },
                },
            },
        ],
    })
}

fn invoice() -> Value {
    json!({
        "type": "object",
        "properties": {
            "net": { "$ref": "#/$defs/money" },
            "tax": { "$ref": "#/$defs/money" },
            "due": { "type": "string", "format": "date" },
            "paid": { "type": "boolean", "default": false },
            "reference": { "type": "string", "minLength": 3, "maxLength": 20, "not": { "const": "none" } },
        },
        "required": ["net", "due"],
        "$defs": {
            "money": {
                "type": "object",
                "properties": { "cents": { "type": "integer" }, "currency": { "type": "string", "pattern": "^[A-Z]{2,3}$" } },
                "required": ["cents", "currency"],
                "additionalProperties": false,
            },
        },
    })
}

fn audit() -> Value {
    json!({
        "type": "object",
        "properties": {
            "actor": { "anyOf": [{ "type": "string" }, { "type": "object", "properties": { "system": { "type": "string" } }, "required": ["system"] }] },
            "action": { "type": "string", "minLength": 1 },
            "before": {},
            "after": true,
            "ip": { "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] },
        },
        "required": ["actor", "action"],
        "dependentSchemas": { "before": { "required": ["after"] } },
        "minProperties": 2,
    })
}
