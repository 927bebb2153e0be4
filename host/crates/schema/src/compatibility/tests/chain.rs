//! Chains of versions, each compared with all before it.

use serde_json::{Value, json};

use super::{super::check_minor_of_all, Compatibility, Pair};
use crate::limits::{CHAIN_STEPS_MAX, CHAIN_VERSIONS_MAX, COMPARISON_STEPS_MAX};

/// The first earlier version that has no proof, and the payload that breaks it.
pub(super) fn broken(earlier: &[Value], new: &Value, mode: Compatibility) -> Option<(usize, Option<Value>)> {
    let texts: Vec<String> = earlier.iter().map(Value::to_string).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let broken = check_minor_of_all(&texts, &new.to_string(), mode).expect("legal").err()?;
    Some((broken.earlier, broken.refusal.counterexample))
}

/// Fault 01: each step is lawful, and both together break the first version.
#[test]
fn a_detour_over_a_version_that_forgets_a_member_is_refused() {
    let of = |members: Value| json!({ "type": "object", "properties": members, "required": ["id"] });
    let first = of(json!({ "id": { "type": "string" }, "a": { "type": "string" } }));
    let second = of(json!({ "id": { "type": "string" } }));
    let third = of(json!({ "id": { "type": "string" }, "a": { "type": "integer" } }));
    for (old, new) in [(&first, &second), (&second, &third)] {
        assert_eq!(broken(std::slice::from_ref(old), new, Compatibility::Declared), None);
    }
    let (version, payload) = broken(&[second, first.clone()], &third, Compatibility::Declared).expect("refused");
    let payload = payload.expect("a payload of the first version");
    assert_eq!(version, 1);
    assert!(Pair::read(&first, &third).expect("legal").is_broken_by(&payload, Compatibility::Declared), "{payload}");
}

#[test]
fn a_member_may_come_back_as_it_was() {
    let of = |members: Value| json!({ "type": "object", "properties": members });
    let chain = [of(json!({})), of(json!({ "a": { "type": "string" } }))];
    let wider = of(json!({ "a": { "type": ["string", "null"] } }));
    assert_eq!(broken(&chain, &wider, Compatibility::Declared), None);
    // In an open model `{"a": 1}` was valid before `a` was declared.
    assert_eq!(broken(&chain, &wider, Compatibility::Strict).map(|(version, _)| version), Some(0));
}

#[test]
fn chain_versions_max() {
    let earlier = |count: usize| vec![json!({ "type": "object" }); count];
    let new = json!({ "type": "object", "title": "t" });
    assert_eq!(broken(&earlier(CHAIN_VERSIONS_MAX), &new, Compatibility::Declared), None);
    let refused = broken(&earlier(CHAIN_VERSIONS_MAX + 1), &new, Compatibility::Declared);
    assert_eq!(refused, Some((CHAIN_VERSIONS_MAX, None)));
}

/// A pair whose proof takes more than a hundredth of all steps, again and again.
#[test]
fn chain_steps_max() {
    let of = |length: usize| {
        let part = |size: usize| json!({ "pattern": format!("^([ab]{{{size}}})*$") });
        let parts = [5, 7, 9, 11].map(part).to_vec();
        json!({ "type": "string", "allOf": parts, "maxLength": length })
    };
    let (old, mut new) = (of(20_000), of(20_001));
    new["pattern"] = json!("^(([ab]{5})*)$");
    assert_eq!(broken(std::slice::from_ref(&old), &new, Compatibility::Strict), None);
    let earlier = vec![old; CHAIN_VERSIONS_MAX];
    let (version, payload) = broken(&earlier, &new, Compatibility::Strict).expect("no steps are left");
    assert!(version >= (CHAIN_STEPS_MAX / COMPARISON_STEPS_MAX) as usize && payload.is_none(), "{version}");
}
