use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;

/// One rule of the filter language, and what follows from it. The same file is put before the finished component by the
/// host's tests.
#[derive(Deserialize)]
struct Case<'a> {
    rule: &'a str,
    #[serde(borrow)]
    filter: &'a RawValue,
    #[serde(borrow)]
    matches: Vec<&'a RawValue>,
    #[serde(borrow)]
    misses: Vec<&'a RawValue>,
}

fn cases() -> Vec<Case<'static>> {
    serde_json::from_str(include_str!("../../../tests/corpus/filters.json")).expect("a list of cases")
}

fn candidate(id: &str, filter: &str) -> Candidate {
    Candidate { subscription_id: id.to_owned(), filter: filter.to_owned(), labels: Vec::new() }
}

fn is_chosen(filter: &str, payload: &str) -> bool {
    choose(payload, &[candidate("evs_1", filter)]).expect("a payload")[0]
}

#[test]
fn every_rule_holds() {
    for Case { rule, filter, matches, misses } in cases() {
        for payload in matches {
            assert!(is_chosen(filter.get(), payload.get()), "{rule}: {filter} has to match {payload}");
        }
        for payload in misses {
            assert!(!is_chosen(filter.get(), payload.get()), "{rule}: {filter} must not match {payload}");
        }
    }
}

#[test]
fn white_space_means_nothing() {
    for Case { rule, filter, matches, .. } in cases() {
        let compact = serde_json::to_string(&serde_json::from_str::<serde_json::Value>(filter.get()).expect("JSON"));
        let compact = compact.expect("JSON");
        for payload in matches {
            assert!(is_chosen(&compact, payload.get()), "{rule}: {compact} has to match {payload}");
        }
    }
}

#[test]
fn one_filter_leaves_nothing_to_the_next() {
    let filters = [r#"{"a":[{"anything-but":["x"]}],"b":{"c":[1]}}"#, r#"{"a":["y"]}"#, NO_FILTER, r#"{"a":["x"]}"#];
    let candidates: Vec<_> = filters.iter().map(|filter| candidate("evs_1", filter)).collect();
    assert_eq!(choose(r#"{"a":"y"}"#, &candidates), Ok(vec![false, true, true, false]));
    assert_eq!(choose(r#"{"a":"x","b":{"c":1}}"#, &candidates), Ok(vec![false, false, true, true]));
}

#[test]
fn a_payload_that_is_no_json_is_refused_if_anybody_asks() {
    assert_eq!(choose("{", &[candidate("evs_1", NO_FILTER)]), Ok(vec![true]));
    assert!(choose("{", &[candidate("evs_1", r#"{"a":[1]}"#)]).is_err());
}

#[test]
fn what_is_no_filter_is_noticed() {
    for text in [
        "",
        "[]",
        "1",
        r#"{"a":1}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#,
        r#"{"a":[[1]]}"#,
        r#"{"a":[{"prefix":1}]}"#,
        r#"{"a":[{"prefix":{"suffix":"x"}}]}"#,
        r#"{"a":[{"numeric":["<"]}]}"#,
        r#"{"a":[{"numeric":["!",1]}]}"#,
        r#"{"a":[{"numeric":[1,"<"]}]}"#,
        r#"{"a":[{"exists":1}]}"#,
        r#"{"a":[{"anything-but":{"exists":true}}]}"#,
        r#"{"$or":{"a":[1]}}"#,
        r#"{"$or":[1]}"#,
        r#"{"a":[1]} x"#,
    ] {
        assert!(Filter::default().read(text).is_err(), "{text}");
    }
}
