use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;

/// One rule of the filter language, with payloads that it lets through and others that it does not. The
/// host's tests run the same file against the finished component.
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

fn decision(filter: &str, payload: &str) -> Decision {
    decide(payload, &[candidate("evs_1", filter)]).expect("a payload")[0]
}

fn is_chosen(filter: &str, payload: &str) -> bool {
    decision(filter, payload) == Decision::Matches
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
    let matching = |payload| -> Vec<bool> {
        let decisions = decide(payload, &candidates).expect("a payload");
        decisions.into_iter().map(|decision| decision == Decision::Matches).collect()
    };
    assert_eq!(matching(r#"{"a":"y"}"#), [false, true, true, false]);
    assert_eq!(matching(r#"{"a":"x","b":{"c":1}}"#), [false, false, true, true]);
}

#[test]
fn a_payload_that_is_no_json_is_refused_if_anybody_asks() {
    assert_eq!(decide("{", &[candidate("evs_1", NO_FILTER)]), Ok(vec![Decision::Matches]));
    assert!(decide("{", &[candidate("evs_1", r#"{"a":[1]}"#)]).is_err());
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

#[test]
fn what_takes_too_long_is_sent_and_marked() {
    let list = |count: usize, item: &str| format!("{{\"a\":[{}]}}", vec![item; count].join(","));
    let long = |letter: &str| letter.repeat(matches::STEPS_MAX / 10);
    let steps = matches::STEPS_MAX;
    for (count, filter, item) in [
        (steps, r#"{"a":[2,3]}"#.to_owned(), "1".to_owned()),
        (steps, r#"{"a":[{"anything-but":[1,2]}]}"#.to_owned(), "2".to_owned()),
        (steps, r#"{"a":{"b":[2],"c":[1]}}"#.to_owned(), r#"{"b":2}"#.to_owned()),
        (100, r#"{"a":[{"wildcard":"*c"}]}"#.to_owned(), format!("\"{}\"", long("b"))),
        (50, format!(r#"{{"a":[{{"equals-ignore-case":"{}"}}]}}"#, long("b")), format!("\"{}\"", long("a"))),
    ] {
        assert_eq!(decision(&filter, &list(2, &item)), Decision::Misses, "{filter:.40}");
        assert_eq!(decision(&filter, &list(count, &item)), Decision::TakesTooLong, "{filter:.40}");
    }
    let decided = destination((candidate("evs_1", ""), Decision::TakesTooLong)).expect("is sent");
    assert_eq!(decided.attributes, [(UNDECIDED.to_owned(), "true".to_owned())]);
    assert!(destination((candidate("evs_1", ""), Decision::Misses)).is_none());
}
