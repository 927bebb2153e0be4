//! A filter that the host refuses as never matching matches no payload in the router: random schemas,
//! filters and payloads, from so small a vocabulary that they often meet.

use std::cell::Cell;

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};
use weir_schema::Filter;

use super::filters::{route, subscriptions};

const NAMES: [&str; 3] = ["a", "b", "c"];
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

fn scalar() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(-3),
        json!(""),
        json!("x"),
        json!("X"),
        json!("xy"),
        json!("y*"),
        json!(9_007_199_254_740_993_u64),
        json!(9_007_199_254_740_992_u64),
        json!(0.999_999_999_999_999_9),
    ])
}

fn name() -> impl Strategy<Value = String> {
    select(&NAMES[..]).prop_map(str::to_owned)
}

/// An object of some of these members.
fn object_of(value: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    NAMES
        .map(|name| option::of(value.clone()).prop_map(move |value| value.map(|value| (name.to_owned(), value))))
        .prop_map(|members| members.into_iter().flatten().collect::<Map<_, _>>().into())
}

fn payload() -> impl Strategy<Value = Value> {
    let value = scalar()
        .prop_recursive(2, 8, 3, |inner| prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::from), object_of(inner)]);
    object_of(value)
}

fn leaf_schema() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => select(&TYPES[..]).prop_map(|name| json!({ "type": name })),
        1 => subsequence(&TYPES[..], 1..4).prop_map(|names| json!({ "type": names })),
        1 => select(&TYPES[..]).prop_map(|name| json!({ "type": name, "nullable": true })),
        1 => scalar().prop_map(|value| json!({ "const": value })),
        2 => vec(scalar(), 1..4).prop_map(|values| json!({ "enum": values })),
        1 => (-1..3_i32, 0..3_i32).prop_map(|(low, more)| json!({ "minimum": low, "maximum": low + more })),
        1 => (-1..3_i32, 0..3_i32).prop_map(|(low, more)| {
            json!({ "type": "integer", "exclusiveMinimum": low, "exclusiveMaximum": f64::from(low + more) + 0.5 })
        }),
        1 => (0..3_u32, 0..2_u32).prop_map(|(least, more)| json!({ "minLength": least, "maxLength": least + more })),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!({ "$ref": "#/$defs/other" })),
    ]
}

fn any_schema() -> impl Strategy<Value = Value> {
    leaf_schema().prop_recursive(3, 12, 3, |inner| {
        let several = || vec(inner.clone(), 1..3);
        prop_oneof![
            4 => object_schema(inner.clone()),
            1 => inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            1 => (several(), inner.clone()).prop_map(|(first, rest)| json!({ "prefixItems": first, "items": rest })),
            1 => several().prop_map(|branches| json!({ "allOf": branches })),
            1 => several().prop_map(|branches| json!({ "anyOf": branches })),
            1 => several().prop_map(|branches| json!({ "oneOf": branches })),
            1 => inner.clone().prop_map(|negated| json!({ "not": negated })),
            1 => [inner.clone(), inner.clone(), inner.clone()].prop_map(|[condition, then, otherwise]| {
                json!({ "if": condition, "then": then, "else": otherwise })
            }),
        ]
    })
}

fn object_schema(member: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Value> {
    let rest = prop_oneof![
        2 => Just(None),
        2 => Just(Some(("additionalProperties", json!(false)))),
        1 => Just(Some(("unevaluatedProperties", json!(false)))),
        1 => member.clone().prop_map(|schema| Some(("additionalProperties", schema))),
        1 => Just(Some(("patternProperties", json!({ "^a": { "type": "integer" } })))),
        1 => member.clone().prop_map(|schema| Some(("anyOf", json!([{ "properties": { "b": schema } }, {}])))),
    ];
    (object_of(member), subsequence(&NAMES[..], 0..3), rest).prop_map(|(properties, required, rest)| {
        let mut schema = json!({ "properties": properties, "required": required });
        if let Some((keyword, value)) = rest {
            schema[keyword] = value;
        }
        schema
    })
}

fn schema_text() -> impl Strategy<Value = Value> {
    (object_schema(any_schema().boxed()), leaf_schema()).prop_map(|(mut schema, other)| {
        let other = if other.get("$ref").is_some() { json!({}) } else { other };
        schema["$defs"] = json!({ "other": other });
        schema
    })
}

fn test() -> impl Strategy<Value = Value> {
    let text = || select(vec!["", "x", "X", "xy", "y*"]);
    let pattern = select(vec!["*", "x*", "*y", r"y\*", "x"]);
    prop_oneof![
        6 => scalar(),
        1 => text().prop_map(|text| json!({ "prefix": text })),
        1 => text().prop_map(|text| json!({ "suffix": text })),
        1 => text().prop_map(|text| json!({ "equals-ignore-case": text })),
        1 => text().prop_map(|text| json!({ "prefix": { "equals-ignore-case": text } })),
        1 => pattern.prop_map(|pattern| json!({ "wildcard": pattern })),
        1 => (select(vec!["<", "<=", ">", ">=", "="]), -2..4_i32).prop_map(|(sign, limit)| json!({ "numeric": [sign, limit] })),
        1 => (-2..3_i32).prop_map(|low| json!({ "numeric": [">", low, "<", low + 1] })),
        1 => any::<bool>().prop_map(|expected| json!({ "exists": expected })),
        1 => vec(scalar(), 1..4).prop_map(|values| json!({ "anything-but": values })),
        1 => text().prop_map(|text| json!({ "anything-but": { "prefix": text } })),
    ]
}

fn filter() -> impl Strategy<Value = Value> {
    let leaf = (name(), vec(test(), 1..3)).prop_map(|(name, tests)| json!({ name: tests }));
    leaf.prop_recursive(3, 6, 2, |inner| {
        prop_oneof![
            3 => (name(), inner.clone()).prop_map(|(name, inner)| json!({ name: inner })),
            1 => vec(inner.clone(), 2).prop_map(|branches| json!({ "$or": branches })),
            1 => (inner.clone(), inner).prop_map(|(mut one, other)| {
                let members = one.as_object_mut().expect("an object");
                members.extend(other.as_object().expect("an object").clone());
                one
            }),
        ]
    })
}

#[test]
fn what_is_refused_never_matches() {
    let (refused, met) = (Cell::new(0), Cell::new(0));
    let strategy = (schema_text(), vec(filter(), 20), vec(payload(), 100));
    let mut runner = TestRunner::new(Config { cases: 250, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&strategy, |(schema, filters, payloads)| {
        // Some random schemas are refused, such as one under which nothing can be valid.
        let Ok(inspected) = weir_schema::inspect(&schema.to_string()) else { return Ok(()) };
        let mut never = Vec::new();
        for filter in filters {
            let filter = Filter::parse(&filter.to_string()).expect("a filter");
            if filter.check_against(&[&schema]).is_err() {
                never.push(filter);
            }
        }
        refused.set(refused.get() + never.len());
        let subscriptions = subscriptions(never.iter().map(Filter::as_str));
        for payload in payloads.iter().filter(|payload| inspected.validator.check(payload).is_ok()) {
            let chosen = route(&subscriptions, &payload.to_string()).result.expect("routes");
            let first = chosen.first().and_then(|d| subscriptions.iter().find(|(id, _)| *id == d.subscription_id));
            let found = first.map(|(_, filter)| *filter);
            prop_assert_eq!(found, None, "{} is valid under {}", payload, schema);
            met.set(met.get() + never.len());
        }
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(refused.get() > 500, "{} filters were refused", refused.get());
    assert!(met.get() > 5_000, "refused filters met {} valid payloads", met.get());
}
