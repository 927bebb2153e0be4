//! Whole events as a publisher has them, and what becomes of them from version to version.

use serde_json::{Value, json};

use super::{Row, accept, accept_unless_strict, check, refuse};

/// The event of a favorited property, from the platform's documentation.
fn favorite() -> Value {
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

/// An open order.
fn order() -> Value {
    json!({
        "type": "object",
        "required": ["orderId", "lines"],
        "properties": {
            "orderId": { "type": "string", "pattern": "^ord_[a-z0-9]+$" },
            "status": { "enum": ["open", "paid", "shipped"] },
            "lines": {
                "type": "array", "minItems": 1,
                "items": {
                    "type": "object", "required": ["sku", "quantity"],
                    "properties": { "sku": { "type": "string" }, "quantity": { "type": "integer", "minimum": 1 } },
                },
            },
            "discount": { "type": ["number", "null"], "minimum": 0, "maximum": 100 },
        },
    })
}

/// The schema after one change.
fn changed(mut schema: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut schema);
    schema
}

pub(super) fn rows() -> Vec<Row> {
    let line = json!({ "sku": "a", "quantity": 1 });
    let ids = json!({ "propertyId": "p", "subjectId": "s" });
    vec![
        accept("the documented event gains a note", favorite(), changed(favorite(), |new| new["properties"]["note"] = json!({ "type": "string" }))),
        accept("the documented event takes longer ids", favorite(), changed(favorite(), |new| new["properties"]["propertyId"]["maxLength"] = json!(128))),
        accept("the documented event is opened", favorite(), changed(favorite(), |new| new["additionalProperties"] = json!(true))),
        refuse(
            "the documented event requires its time",
            favorite(),
            changed(favorite(), |new| new["required"] = json!(["propertyId", "subjectId", "favoritedAt"])),
            ids,
        ),
        refuse(
            "the documented event counts its time in seconds",
            favorite(),
            changed(favorite(), |new| new["properties"]["favoritedAt"] = json!({ "type": "integer" })),
            json!({ "propertyId": "p", "subjectId": "s", "favoritedAt": "2026-05-04T10:00:00Z" }),
        ),
        accept_unless_strict(
            "an order gains a customer",
            order(),
            changed(order(), |new| new["properties"]["customer"] = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] })),
            json!({ "orderId": "ord_1", "lines": [line], "customer": "c" }),
        ),
        accept("an order has one status more", order(), changed(order(), |new| new["properties"]["status"] = json!({ "enum": ["open", "paid", "shipped", "returned"] }))),
        accept("an order takes fractions of a thing", order(), changed(order(), |new| new["properties"]["lines"]["items"]["properties"]["quantity"]["type"] = json!("number"))),
        refuse(
            "an order has no discount of nothing",
            order(),
            changed(order(), |new| new["properties"]["discount"]["type"] = json!("number")),
            json!({ "orderId": "ord_1", "lines": [line], "discount": null }),
        ),
        refuse(
            "an order's lines need a price",
            order(),
            changed(order(), |new| new["properties"]["lines"]["items"]["required"] = json!(["sku", "quantity", "price"])),
            json!({ "orderId": "ord_1", "lines": [line] }),
        ),
        refuse(
            "an order's identifiers have a length",
            order(),
            changed(order(), |new| new["properties"]["orderId"]["pattern"] = json!("^ord_[a-z0-9]{8}$")),
            json!({ "orderId": "ord_1", "lines": [line] }),
        ),
        accept(
            "an order's identifiers take capitals",
            order(),
            changed(order(), |new| new["properties"]["orderId"]["pattern"] = json!("^ord_[a-zA-Z0-9]+$")),
        ),
        refuse(
            "an order's lines are limited",
            order(),
            changed(order(), |new| new["properties"]["lines"]["maxItems"] = json!(2)),
            json!({ "orderId": "ord_1", "lines": [line, line, line] }),
        ),
        accept("an order may be empty", order(), changed(order(), |new| new["properties"]["lines"]["minItems"] = json!(0))),
        accept_unless_strict(
            "an order is closed",
            order(),
            changed(order(), |new| new["additionalProperties"] = json!(false)),
            json!({ "orderId": "ord_1", "lines": [line], "more": 1 }),
        ),
        accept(
            "an order's line moves into a definition",
            order(),
            changed(order(), |new| {
                let line = new["properties"]["lines"]["items"].take();
                new["properties"]["lines"]["items"] = json!({ "$ref": "#/$defs/line" });
                new["$defs"] = json!({ "line": line });
            }),
        ),
        refuse(
            "an order names its lines items",
            order(),
            changed(order(), |new| {
                let lines = new["properties"]["lines"].take();
                new["properties"] = json!({ "orderId": new["properties"]["orderId"], "items": lines });
                new["required"] = json!(["orderId", "items"]);
            }),
            json!({ "orderId": "ord_1", "lines": [line] }),
        ),
        accept(
            "an order says all there is to say about it",
            order(),
            changed(order(), |new| {
                new["title"] = json!("Order");
                new["properties"]["status"]["description"] = json!("Where the order stands.");
                new["properties"]["lines"]["items"]["properties"]["sku"]["examples"] = json!(["A-1"]);
            }),
        ),
    ]
}

#[test]
fn real_events() {
    check(&rows());
}
