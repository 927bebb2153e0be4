//! Shrinks a failing pair: everything is left out that the failure does not need.

use serde_json::Value;

/// Candidates that are tried at most.
const TRIES_MAX: usize = 3_000;

/// Leaves out members and elements of the values, one at a time, as long as `fails` holds.
pub(super) fn shrink<const N: usize>(values: [Value; N], fails: impl Fn(&[Value; N]) -> bool) -> [Value; N] {
    let mut smallest = values;
    let mut tries = 0;
    'again: while tries < TRIES_MAX {
        for which in 0..N {
            for smaller in smaller(&smallest[which]) {
                tries += 1;
                let mut candidate = smallest.clone();
                candidate[which] = smaller;
                if fails(&candidate) {
                    smallest = candidate;
                    continue 'again;
                }
            }
        }
        break;
    }
    smallest
}

/// The value with one member or element left out: the outer ones first.
fn smaller(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(map) => {
            for name in map.keys() {
                let mut less = map.clone();
                less.shift_remove(name);
                found.push(Value::Object(less));
            }
            for (name, inner) in map {
                for inner in smaller(inner) {
                    let mut less = map.clone();
                    less.insert(name.clone(), inner);
                    found.push(Value::Object(less));
                }
            }
        }
        Value::Array(list) => {
            for at in 0..list.len() {
                let mut less = list.clone();
                less.remove(at);
                found.push(Value::Array(less));
            }
            for (at, inner) in list.iter().enumerate() {
                for inner in smaller(inner) {
                    let mut less = list.clone();
                    less[at] = inner;
                    found.push(Value::Array(less));
                }
            }
        }
        _ => {}
    }
    found
}
