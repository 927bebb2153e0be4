//! Compares values as JSON Schema does.

use serde_json::Value;

use super::numbers;

/// Whether JSON Schema takes two values for equal: `1` and `1.0` are one number, and the order of
/// members does not matter.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => numbers::compare(one, other).is_eq(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, member)| other.get(name).is_some_and(|other| equal(member, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}
