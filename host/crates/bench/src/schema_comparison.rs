//! The time that it takes to prove that a new version of a schema takes every payload of the one
//! before, or to show one that it does not take.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::{Value, json};
use weir_schema::Compatibility;

use crate::figures::SchemaComparison;

/// Comparisons, of which the median counts.
const COMPARISONS: usize = 101;
/// Members of each object around the innermost one, beside the next object.
const MEMBERS: usize = 9;
const INNERMOST_MEMBERS: usize = 10;
/// Objects, each inside the one before: each is a level.
const OBJECTS: usize = 5;

pub(crate) fn measure() -> Result<SchemaComparison> {
    let old = at_the_caps(64, &["open", "paid"]);
    let inspected = weir_schema::inspect(&old)?;
    Ok(SchemaComparison {
        levels: inspected.depth,
        properties: inspected.property_count,
        accepted_ms: median_ms(&old, &at_the_caps(80, &["open", "paid", "void"]))?,
        refused_ms: median_ms(&old, &at_the_caps(60, &["open", "paid"]))?,
    })
}

fn median_ms(old: &str, new: &str) -> Result<f64> {
    let mut durations = Vec::with_capacity(COMPARISONS);
    for _ in 0..COMPARISONS {
        let begun = Instant::now();
        let verdict = weir_schema::check_minor(black_box(old), black_box(new), Compatibility::Declared)?;
        durations.push(begun.elapsed());
        drop(black_box(verdict));
    }
    durations.sort_unstable();
    Ok(durations.get(COMPARISONS / 2).map_or(0.0, Duration::as_secs_f64) * 1e3)
}

/// A schema of five levels and fifty properties, as an order might have them.
fn at_the_caps(longest: usize, states: &[&str]) -> String {
    let leaf = |number: usize| match number % 6 {
        0 => json!({ "type": "string", "maxLength": longest }),
        1 => json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000 }),
        2 => json!({ "enum": states }),
        3 => json!({ "type": ["string", "null"], "format": "date-time" }),
        4 => json!({ "type": "string", "pattern": "^[a-z]{3}_[0-9A-Za-z]{10,26}$" }),
        _ => json!({ "type": "number", "multipleOf": 0.01 }),
    };
    let object = |members: usize, inner: Option<Value>| {
        let mut properties: Value = (0..members).map(|at| (format!("member{at}"), leaf(at))).collect();
        if let Some(inner) = inner {
            properties["inner"] = inner;
        }
        let required: Vec<String> = (0..members / 2).map(|at| format!("member{at}")).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    (1..OBJECTS).fold(object(INNERMOST_MEMBERS, None), |inner, _| object(MEMBERS, Some(inner))).to_string()
}

#[cfg(test)]
mod tests {
    use weir_schema::limits::{SCHEMA_DEPTH_MAX, SCHEMA_PROPERTIES_MAX};

    use super::*;

    #[test]
    fn the_pairs_are_at_the_caps_and_one_is_compatible() {
        let measured = measure().expect("legal schemas");
        let caps = [SCHEMA_DEPTH_MAX, SCHEMA_PROPERTIES_MAX].map(u32::try_from);
        assert_eq!([Ok(measured.levels), Ok(measured.properties)], caps);
        let old = at_the_caps(64, &["open", "paid"]);
        let check = |new: &str| weir_schema::check_minor(&old, new, Compatibility::Declared).expect("legal");
        assert!(check(&at_the_caps(80, &["open", "paid", "void"])).is_ok());
        assert!(check(&at_the_caps(60, &["open", "paid"])).is_err_and(|refusal| refusal.counterexample.is_some()));
    }
}
