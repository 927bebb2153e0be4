//! Whole events as a publisher writes them, and their changes from version to version.

use serde_json::{Value, json};

use super::{super::random::samples::favorite, Row, accept, accept_unless_strict, check, refuse};

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

/// The schema with something else, or something more, at a pointer.
fn with(mut schema: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("not the root");
    schema.pointer_mut(parent).expect("a parent")[key] = value;
    schema
}

pub(super) fn rows() -> Vec<Row> {
    let line = json!({ "sku": "a", "quantity": 1 });
    let ids = json!({ "propertyId": "p", "subjectId": "s" });
    let lines = order()["properties"]["lines"].clone();
    let split = with(order(), "/properties/lines/items", json!({ "$ref": "#/$defs/line" }));
    let split = with(split, "/$defs", json!({ "line": lines["items"] }));
    let renamed = with(order(), "/properties", json!({ "orderId": { "type": "string" }, "items": lines }));
    let renamed = with(renamed, "/required", json!(["orderId", "items"]));
    let described = with(order(), "/title", json!("Order"));
    let described = with(described, "/properties/status/description", json!("Where the order stands."));
    let described = with(described, "/properties/lines/items/properties/sku/examples", json!(["A-1"]));
    vec![
        accept(
            "the documented event gains a note",
            favorite(),
            with(favorite(), "/properties/note", json!({ "type": "string" })),
        ),
        accept(
            "the documented event takes longer ids",
            favorite(),
            with(favorite(), "/properties/propertyId/maxLength", json!(128)),
        ),
        accept("the documented event is opened", favorite(), with(favorite(), "/additionalProperties", json!(true))),
        refuse(
            "the documented event requires its time",
            favorite(),
            with(favorite(), "/required", json!(["propertyId", "subjectId", "favoritedAt"])),
            ids,
        ),
        refuse(
            "the documented event counts its time in seconds",
            favorite(),
            with(favorite(), "/properties/favoritedAt", json!({ "type": "integer" })),
            json!({ "propertyId": "p", "subjectId": "s", "favoritedAt": "2026-05-04T10:00:00Z" }),
        ),
        accept_unless_strict(
            "an order gains a customer",
            order(),
            with(
                order(),
                "/properties/customer",
                json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] }),
            ),
            json!({ "orderId": "ord_1", "lines": [line], "customer": "c" }),
        ),
        accept(
            "an order has one status more",
            order(),
            with(order(), "/properties/status", json!({ "enum": ["open", "paid", "shipped", "returned"] })),
        ),
        accept(
            "an order takes fractions of a thing",
            order(),
            with(order(), "/properties/lines/items/properties/quantity/type", json!("number")),
        ),
        refuse(
            "an order has no discount of nothing",
            order(),
            with(order(), "/properties/discount/type", json!("number")),
            json!({ "orderId": "ord_1", "lines": [line], "discount": null }),
        ),
        refuse(
            "an order's lines need a price",
            order(),
            with(order(), "/properties/lines/items/required", json!(["sku", "quantity", "price"])),
            json!({ "orderId": "ord_1", "lines": [line] }),
        ),
        refuse(
            "an order's identifiers have a length",
            order(),
            with(order(), "/properties/orderId/pattern", json!("^ord_[a-z0-9]{8}$")),
            json!({ "orderId": "ord_1", "lines": [line] }),
        ),
        accept(
            "an order's identifiers take capitals",
            order(),
            with(order(), "/properties/orderId/pattern", json!("^ord_[a-zA-Z0-9]+$")),
        ),
        refuse(
            "an order's lines are limited",
            order(),
            with(order(), "/properties/lines/maxItems", json!(2)),
            json!({ "orderId": "ord_1", "lines": [line, line, line] }),
        ),
        accept("an order may be empty", order(), with(order(), "/properties/lines/minItems", json!(0))),
        accept_unless_strict(
            "an order is closed",
            order(),
            with(order(), "/additionalProperties", json!(false)),
            json!({ "orderId": "ord_1", "lines": [line], "more": 1 }),
        ),
        accept("an order's line moves into a definition", order(), split),
        refuse("an order names its lines items", order(), renamed, json!({ "orderId": "ord_1", "lines": [line] })),
        accept("an order says all there is to say about it", order(), described),
    ]
}

#[test]
fn real_events() {
    check(&rows());
}
