//! Bounds of numbers, and `multipleOf`.

use serde_json::json;

use super::{Row, accept, check, refuse};

/// The first integer that no float is: 2⁵³ + 1.
const BEYOND: u64 = 9_007_199_254_740_993;

pub(super) fn rows() -> Vec<Row> {
    vec![
        accept("maximum raised", json!({ "maximum": 10 }), json!({ "maximum": 11 })),
        refuse("maximum lowered", json!({ "maximum": 10 }), json!({ "maximum": 9.5 }), json!(10)),
        accept("minimum lowered", json!({ "minimum": 0 }), json!({ "minimum": -1 })),
        refuse("minimum raised", json!({ "minimum": 0 }), json!({ "minimum": 1 }), json!(0)),
        refuse("minimum added", json!({ "type": "number" }), json!({ "type": "number", "minimum": 0 }), json!(-1)),
        refuse("a bound becomes exclusive", json!({ "maximum": 10 }), json!({ "exclusiveMaximum": 10 }), json!(10)),
        accept("a bound becomes inclusive", json!({ "exclusiveMinimum": 0 }), json!({ "minimum": 0 })),
        accept(
            "an exclusive bound of integers is the next one",
            json!({ "type": "integer", "exclusiveMinimum": 0 }),
            json!({ "type": "integer", "minimum": 1 }),
        ),
        accept(
            "an inclusive bound of integers as an exclusive one",
            json!({ "type": "integer", "maximum": 9 }),
            json!({ "type": "integer", "exclusiveMaximum": 10 }),
        ),
        accept(
            "a broken bound of integers is the whole one",
            json!({ "type": "integer", "minimum": 0.5 }),
            json!({ "type": "integer", "minimum": 1 }),
        ),
        refuse(
            "the same with numbers",
            json!({ "type": "number", "minimum": 0.5 }),
            json!({ "type": "number", "minimum": 1 }),
            json!(0.75),
        ),
        accept(
            "no integer lies between",
            json!({ "type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2 }),
            json!({ "type": "string" }),
        ),
        accept("a bound in another spelling", json!({ "maximum": 10 }), json!({ "maximum": 10.0 })),
        accept(
            "the looser of two bounds is dropped",
            json!({ "minimum": 1, "exclusiveMinimum": 0 }),
            json!({ "minimum": 1 }),
        ),
        accept("a looser second bound", json!({ "minimum": 1 }), json!({ "minimum": 1, "exclusiveMinimum": 0 })),
        accept("a coarser step becomes finer", json!({ "multipleOf": 10 }), json!({ "multipleOf": 5 })),
        refuse("a step becomes coarser", json!({ "multipleOf": 5 }), json!({ "multipleOf": 10 }), json!(5)),
        refuse("a step that is no divisor", json!({ "multipleOf": 6 }), json!({ "multipleOf": 4 }), json!(6)),
        accept(
            "multiples of one are integers",
            json!({ "type": "number", "multipleOf": 1 }),
            json!({ "type": "integer" }),
        ),
        accept(
            "integers are multiples of one",
            json!({ "type": "integer" }),
            json!({ "type": "number", "multipleOf": 1 }),
        ),
        accept(
            "integers are multiples of a half",
            json!({ "type": "integer" }),
            json!({ "type": "number", "multipleOf": 0.5 }),
        ),
        refuse(
            "halves are no integers",
            json!({ "type": "number", "multipleOf": 0.5 }),
            json!({ "type": "integer" }),
            json!(0.5),
        ),
        accept(
            "steps in two parts of an allOf",
            json!({ "allOf": [{ "multipleOf": 2 }, { "multipleOf": 3 }] }),
            json!({ "multipleOf": 6 }),
        ),
        accept(
            "a step in a bounded range as a list",
            json!({ "type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 10 }),
            json!({ "enum": [0, 5, 10] }),
        ),
        accept(
            "a range of integers as a list",
            json!({ "type": "integer", "minimum": 1, "maximum": 3 }),
            json!({ "enum": [1, 2, 3] }),
        ),
        refuse(
            "a range of integers as a list that lacks one",
            json!({ "type": "integer", "minimum": 1, "maximum": 3 }),
            json!({ "enum": [1, 3] }),
            json!(2),
        ),
        refuse("cents are no longer taken", json!({ "multipleOf": 0.01 }), json!({ "multipleOf": 0.1 }), json!(0.01)),
        accept("a price may have cents", json!({ "multipleOf": 0.1 }), json!({ "multipleOf": 0.05 })),
        accept(
            "a quantity of exactly one as a constant",
            json!({ "minimum": 1, "maximum": 1, "type": "number" }),
            json!({ "const": 1 }),
        ),
        refuse(
            "the largest integer of 64 bits and one less",
            json!({ "type": "integer", "maximum": i64::MAX }),
            json!({ "type": "integer", "maximum": i64::MAX - 1 }),
            json!(i64::MAX),
        ),
        refuse(
            "a constant next to another that a float cannot tell apart",
            json!({ "const": BEYOND }),
            json!({ "const": BEYOND - 1 }),
            json!(BEYOND),
        ),
        refuse(
            "the same in a list",
            json!({ "enum": [BEYOND, BEYOND - 1, "a"] }),
            json!({ "enum": [BEYOND - 1, "a"] }),
            json!(BEYOND),
        ),
        accept(
            "two large integers are a range",
            json!({ "type": "integer", "minimum": BEYOND - 1, "maximum": BEYOND }),
            json!({ "enum": [BEYOND - 1, BEYOND] }),
        ),
        refuse(
            "two large integers are no multiples of two",
            json!({ "enum": [BEYOND, BEYOND - 1] }),
            json!({ "multipleOf": 2 }),
            json!(BEYOND),
        ),
        refuse(
            "a large step and the next",
            json!({ "type": "integer", "multipleOf": BEYOND }),
            json!({ "multipleOf": BEYOND - 1 }),
            json!(BEYOND),
        ),
        accept(
            "a large step becomes one of its divisors",
            json!({ "type": "integer", "multipleOf": 3 * BEYOND }),
            json!({ "multipleOf": BEYOND }),
        ),
        refuse(
            "a large bound and the next",
            json!({ "type": "integer", "exclusiveMaximum": BEYOND }),
            json!({ "exclusiveMaximum": BEYOND - 1 }),
            json!(BEYOND - 1),
        ),
        accept(
            "large integers that differ are unique",
            json!({ "const": [BEYOND, BEYOND - 1] }),
            json!({ "uniqueItems": true }),
        ),
        accept(
            "a large integer in another spelling",
            json!({ "const": 1_u64 << 60 }),
            json!({ "const": 1_152_921_504_606_846_976.0 }),
        ),
        accept(
            "a large integer in another spelling is a multiple",
            json!({ "const": 1_152_921_504_606_846_976.0 }),
            json!({ "multipleOf": 1_024 }),
        ),
    ]
}

#[test]
fn numbers() {
    check(&rows());
}
