//! Content filters in the built-in router: they match as the corpus says, and within their fuel.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use weir::domain::limits::{PAYLOAD_BYTES_MAX, ROUTER_CANDIDATES_MAX};
use weir_runtime::{
    BuiltIn, Candidate, Destination, Event, FaultKind, Outcome,
    limits::{CALL_FUEL_MAX, IDLE_INSTANCE_MEMORY_BYTES_MAX},
};
use weir_schema::{
    Filter,
    limits::{FILTER_ALTERNATIVES_MAX, FILTER_BYTES_MAX},
};

use super::{event, fault, router_call, runtime};

/// One rule of the filter language; the router's own tests use the same file.
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

/// A subscription for each filter, with its id.
pub(super) fn subscriptions<'a>(filters: impl IntoIterator<Item = &'a str>) -> Vec<(String, &'a str)> {
    filters.into_iter().enumerate().map(|(number, filter)| (format!("evs_{number:026}"), filter)).collect()
}

pub(super) fn route(subscriptions: &[(String, &str)], payload: &str) -> Outcome<Vec<Destination>> {
    route_of("org_a", subscriptions, payload)
}

fn route_of(organization: &str, subscriptions: &[(String, &str)], payload: &str) -> Outcome<Vec<Destination>> {
    let candidates: Vec<_> = subscriptions.iter().map(|(id, filter)| candidate(id, filter)).collect();
    let event = Event { payload, ..event() };
    runtime().route(runtime().builtin(BuiltIn::Router), &router_call(organization), &event, &candidates)
}

fn candidate<'a>(subscription_id: &'a str, filter: &'a str) -> Candidate<'a> {
    Candidate { subscription_id, filter, labels: Vec::new() }
}

/// Which of the filters let the payload through.
fn chosen<'a>(filters: impl IntoIterator<Item = &'a str>, payload: &str) -> Vec<bool> {
    let subscriptions = subscriptions(filters);
    let destinations = route(&subscriptions, payload).result.expect("routes");
    let is_chosen = |(id, _): &(String, &str)| destinations.iter().any(|d| d.subscription_id == *id);
    subscriptions.iter().map(is_chosen).collect()
}

#[test]
fn every_rule_of_the_filter_language_holds() {
    let cases: Vec<Case<'_>> =
        serde_json::from_str(include_str!("../../corpus/filters.json")).expect("a list of cases");
    for Case { rule, filter, matches, misses } in cases {
        // The filter as it was written, and as the host stores it.
        let kept = Filter::parse(filter.get()).expect("a filter");
        for (payloads, expected) in [(matches, true), (misses, false)] {
            for payload in payloads {
                let found = chosen([filter.get(), kept.as_str()], payload.get());
                assert_eq!(found, [expected; 2], "{rule}: {filter} on {payload}");
            }
        }
    }
}

#[test]
fn a_filter_that_cannot_be_read_lets_nothing_through_and_says_so() {
    let subscriptions = subscriptions([r#"{"a":[1]}"#, r#"{"a":[{"unheard-of":1}]}"#, "null"]);
    let outcome = route(&subscriptions, r#"{"a":1}"#);
    let ids: Vec<_> = outcome.result.expect("routes").into_iter().map(|d| d.subscription_id).collect();
    assert_eq!(ids, [&*subscriptions[0].0, &*subscriptions[2].0]);
    let [line] = outcome.logs.lines.as_slice() else { panic!("one line: {:?}", outcome.logs) };
    assert!(line.message.contains(&subscriptions[1].0), "{}", line.message);
}

/// A payload of about a kilobyte, as an order has.
fn order() -> String {
    let line = |number| json!({ "sku": format!("sku-{number}"), "quantity": number, "unitPrice": 12.5, "gift": false });
    let lines: Vec<_> = (1..9).map(line).collect();
    let customer = json!({ "id": "cus_1234567890", "email": "ada@example.com", "tier": "gold", "country": "NG" });
    json!({
        "orderId": "ord_01jd0000000000000000000000", "state": "paid", "currency": "NGN", "total": 1250.5,
        "placedAt": "2026-05-06T21:40:48.000Z", "customer": customer, "lines": lines, "notes": "x".repeat(200),
    })
    .to_string()
}

/// A filter with three leaves that matches the order for every hundredth number.
fn three_leaves(number: usize) -> String {
    let country = if number.is_multiple_of(100) { "NG" } else { "GH" };
    json!({
        "state": ["paid", "shipped"], "total": [{ "numeric": [">=", number % 1000] }],
        "customer": { "country": [country] },
    })
    .to_string()
}

#[test]
fn a_candidate_costs_little() {
    /// Instructions of the guest for one candidate with three leaves: a microsecond or two.
    const FUEL_EACH_MAX: u64 = 12_000;
    let filters: Vec<String> = (0..ROUTER_CANDIDATES_MAX).map(three_leaves).collect();
    let outcome = route(&subscriptions(filters.iter().map(String::as_str)), &order());
    assert_eq!(outcome.result.expect("routes").len(), ROUTER_CANDIDATES_MAX / 100);
    let each = outcome.fuel / ROUTER_CANDIDATES_MAX as u64;
    assert!(each < FUEL_EACH_MAX, "{each} instructions each");
    assert!(outcome.memory_bytes <= IDLE_INSTANCE_MEMORY_BYTES_MAX as u64, "the instance is used again");
}

#[test]
fn memory_does_not_grow_with_the_calls() {
    let filters: Vec<String> = (0..ROUTER_CANDIDATES_MAX).map(three_leaves).collect();
    let subscriptions = subscriptions(filters.iter().map(String::as_str));
    let order = order();
    // Instances are reused within an organization, and other tests need more memory: this one is its own.
    let memory_bytes = || route_of("org_memory", &subscriptions, &order).memory_bytes;
    let first = memory_bytes();
    for _ in 0..20 {
        assert_eq!(memory_bytes(), first);
    }
}

#[test]
fn the_largest_filters_of_all_candidates_fit_one_call() {
    let mut filter = r#"{"state":["paid""#.to_owned();
    for number in 0.. {
        let next = format!(r#",{{"prefix":"{number:034}"}}"#);
        if filter.len() + next.len() > FILTER_BYTES_MAX - 2 {
            break;
        }
        filter += &next;
    }
    filter += "]}";
    let filter = Filter::parse(&filter).expect("within the bounds");
    assert!(filter.as_str().len() > FILTER_BYTES_MAX - 60, "{}", filter.as_str().len());
    let outcome = route(&subscriptions(vec![filter.as_str(); ROUTER_CANDIDATES_MAX]), &order());
    assert_eq!(outcome.result.expect("routes").len(), ROUTER_CANDIDATES_MAX);
}

/// A list as long as a payload can be, of items like this.
fn list_of(item: &str) -> String {
    let mut payload = r#"{"a":["#.to_owned();
    while payload.len() + 2 * item.len() + 3 < PAYLOAD_BYTES_MAX {
        write!(payload, "{item},").expect("memory");
    }
    payload + item + "]}"
}

/// An object with as many members as a payload can have.
fn object_of_many() -> String {
    let mut payload = r#"{"a":["x","y"]"#.to_owned();
    for number in (0_u32..).map(|number| number.reverse_bits() >> 12) {
        if payload.len() + 12 > PAYLOAD_BYTES_MAX {
            break;
        }
        write!(payload, r#","{number}":1"#).expect("memory");
    }
    payload + "}"
}

/// A filter that compares a member with as many values like this as it may.
fn any_of(alternative: &Value) -> String {
    let mut alternatives = Vec::new();
    let filter = |alternatives: &[Value]| json!({ "a": alternatives }).to_string();
    while alternatives.len() < FILTER_ALTERNATIVES_MAX {
        alternatives.push(alternative.clone());
        if filter(&alternatives).len() > FILTER_BYTES_MAX {
            alternatives.pop();
            break;
        }
    }
    Filter::parse(&filter(&alternatives)).expect("within the bounds").as_str().to_owned()
}

#[test]
fn a_few_candidates_fit_one_call_whatever_filters_and_payload() {
    for (payload, filter) in hostile() {
        let outcome = route(&subscriptions([filter.as_str(); 8]), &payload);
        assert!(outcome.result.is_ok(), "{filter:.60} on {payload:.40}: {:?}", outcome.result);
        assert!(outcome.fuel < CALL_FUEL_MAX, "{filter:.60} on {payload:.40}: {}", outcome.fuel);
    }
}

/// The largest payloads and filters, each pair as slow together as can be.
fn hostile() -> Vec<(String, String)> {
    let half = "é".repeat(20);
    let shouted = "É".repeat(20);
    vec![
        (list_of("1"), any_of(&json!(2))),
        (list_of("1"), any_of(&json!({ "numeric": [">", 2, "<", 3] }))),
        (list_of("\"\""), any_of(&json!("x"))),
        (list_of(r#""aaaaaaaaaaaaaaaaaaab""#), any_of(&json!({ "prefix": "aaaaaaaaaaaaaaaaaaac" }))),
        (list_of(&format!("\"{half}x\"")), any_of(&json!({ "equals-ignore-case": format!("{shouted}y") }))),
        (list_of(&format!("\"{}\"", "a".repeat(500))), any_of(&json!({ "wildcard": "*aaaaaaaaaaaaab*" }))),
        (format!(r#"{{"a":"{}"}}"#, "a".repeat(PAYLOAD_BYTES_MAX - 10)), any_of(&json!({ "wildcard": "*ab*a*b" }))),
        (object_of_many(), any_of(&json!("x"))),
        (list_of("{}"), json!({ "a": { "b": [1, { "exists": false }], "c": [1] } }).to_string()),
        (list_of(r#"{"b":1}"#), json!({ "a": { "$or": vec![json!({ "b": [2] }); 99] } }).to_string()),
    ]
}

#[test]
fn many_such_candidates_do_not_fit_and_are_stopped() {
    let filter = any_of(&json!(2));
    let outcome = route(&subscriptions(vec![filter.as_str(); ROUTER_CANDIDATES_MAX]), &list_of("1"));
    assert_eq!(fault(&outcome), FaultKind::OutOfFuel);
}
