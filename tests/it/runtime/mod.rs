//! The runtime: the built-in components, and each fixture in `guests/fixtures`.

mod builtin;
mod faults;
mod filters;
mod isolation;
mod loading;
mod never_matches;
mod sandbox;

use std::sync::{Arc, OnceLock};

use weir_runtime::{
    Budget, Candidate, Component, DeliveryCall, Destination, Event, Failure, FaultKind, KeyForm, Origin, Outcome,
    Request, RouterCall, Runtime, Settings, Sign, Transformed,
};

use crate::support::fixtures::fixture;

/// When the event of every test was accepted.
const ACCEPTED_AT_MS: u64 = 1_778_103_648_120;
const TARGET_URL: &str = "https://receiver.example/hook";

/// The runtime that tests share. Compiled fixtures are kept between runs.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| start(patient()))
}

/// The default budget with all the time in the world: on a busy machine, only fuel is deterministic.
fn patient() -> Budget {
    Budget { duration_ms: 600_000, ..Budget::default() }
}

/// A runtime with this budget.
fn start(budget: Budget) -> Runtime {
    let code_cache_dir = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/code").into());
    Runtime::new(Settings { code_cache_dir, budget, instances_max: 64 }).expect("a runtime starts")
}

/// The fixture, loaded.
fn load(name: &str) -> Component {
    runtime().load(&fixture(name), Origin::Tenant).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A call of a router on behalf of this organization.
fn router_call(organization: &str) -> RouterCall {
    RouterCall { organization: organization.into(), config: "{}".into(), budget: None }
}

/// A call for the first attempt of a delivery.
fn delivery_call() -> DeliveryCall {
    DeliveryCall {
        organization: "org_a".into(),
        config: "{}".into(),
        subscription_id: Some("evs_1".into()),
        attempt: 1,
        attempted_at_ms: 1_778_103_700_999,
        budget: None,
    }
}

fn event() -> Event<'static> {
    Event {
        id: "evt_01jd0000000000000000000000",
        canonical_name: "TENANT_CUSTOM:org_a:lettings.property.favorited@1.0.0",
        organization_id: "org_a",
        namespace: "lettings",
        name: "property.favorited",
        version: "1.0.0",
        accepted_at_ms: ACCEPTED_AT_MS,
        payload: r#"{"propertyId":"p_1"}"#,
        attributes: &[],
    }
}

fn candidates() -> [Candidate<'static>; 2] {
    ["evs_1", "evs_2"].map(|id| Candidate { subscription_id: id, filter: "null", labels: Vec::new() })
}

fn route(fixture: &str) -> Outcome<Vec<Destination>> {
    runtime().route(&load(fixture), &router_call("org_a"), &event(), &candidates())
}

fn transform(fixture: &str) -> Outcome<Option<Transformed>> {
    runtime().transform(&load(fixture), &delivery_call(), &event())
}

fn prepare(fixture: &str) -> Outcome<Request> {
    runtime().prepare(&load(fixture), &delivery_call(), &event(), TARGET_URL, Arc::new(Keyless))
}

/// The kind of fault that a call ended with.
fn fault<T: std::fmt::Debug>(outcome: &Outcome<T>) -> FaultKind {
    match &outcome.result {
        Err(Failure::Fault { kind, .. }) => *kind,
        other => panic!("expected a fault, got {other:?}"),
    }
}

/// A signer without secrets.
struct Keyless;

impl Sign for Keyless {
    fn hmac_sha256(&self, _form: KeyForm, _data: &[u8]) -> Vec<[u8; 32]> {
        Vec::new()
    }
}
