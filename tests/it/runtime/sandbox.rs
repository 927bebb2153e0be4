//! The sandbox: a guest sees its event and its context, and nothing that differs from call to call.

use serde_json::{Value, json};
use weir_runtime::{Component, Event, Origin};

use super::{ACCEPTED_AT_MS, delivery_call, event, fixture, load, patient, runtime, start, transform};

fn payload_of(component: &Component, event: &Event<'_>) -> String {
    let outcome = runtime().transform(component, &delivery_call(), event);
    outcome.result.expect("answers").expect("does not skip").payload
}

#[test]
fn there_is_nothing_outside() {
    let found: Value = serde_json::from_str(&payload_of(&load("looks-outside"), &event())).expect("JSON");
    assert_eq!(found, json!([[], true]), "ways that were open, and whether output was swallowed");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let component = load("reads-clock-and-random");
    let first = payload_of(&component, &event());
    assert_eq!(payload_of(&component, &event()), first);
    assert!(first.starts_with(&format!("[{ACCEPTED_AT_MS}, ")), "the clock stands still: {first}");
    assert!(first.ends_with(" 0ns\"]"), "no time passes: {first}");
}

#[test]
fn another_runtime_gives_the_same_bytes() {
    let other = start(patient());
    let component = other.load(&fixture("reads-clock-and-random"), Origin::Tenant).expect("loads");
    let there = other.transform(&component, &delivery_call(), &event()).result.expect("answers");
    assert_eq!(there.expect("does not skip").payload, payload_of(&load("reads-clock-and-random"), &event()));
}

#[test]
fn another_event_draws_other_numbers() {
    let component = load("reads-clock-and-random");
    let other = Event { id: "evt_01jd0000000000000000000001", ..event() };
    assert_ne!(payload_of(&component, &event()), payload_of(&component, &other));
}

#[test]
fn a_sleeping_guest_returns_before_its_time() {
    let outcome = transform("sleeps");
    assert!(outcome.result.is_ok());
    assert!(outcome.duration.as_secs() < 60, "an hour's sleep took {:?}", outcome.duration);
}

#[test]
fn a_tenants_component_remembers_nothing() {
    let component = load("keeps-state");
    assert_eq!([payload_of(&component, &event()), payload_of(&component, &event())], ["1", "1"]);
}
