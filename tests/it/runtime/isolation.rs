//! One organization's components cannot stop, slow or observe another's.

use std::sync::{Arc, Mutex};

use tokio::task::{JoinSet, spawn_blocking};
use weir_runtime::{
    Blame, Budget, BuiltIn, Component, DeliveryCall, Event, Failure, FaultKind, KeyForm, Origin, Runtime, Settings,
    Sign,
};

use super::{
    Keyless, TARGET_URL, candidates, delivery_call, event, fault, fixture, load, patient, router_call, runtime, start,
};

/// Hostile fixtures, and how each ends.
const HOSTILE: [(&str, FaultKind); 6] = [
    ("loops-forever", FaultKind::OutOfFuel),
    ("hogs-memory", FaultKind::Memory),
    ("recurses-deeply", FaultKind::Stack),
    ("leaks-handles", FaultKind::Memory),
    ("returns-huge-output", FaultKind::Output),
    ("panics", FaultKind::Trap),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_components_do_not_stop_anybody_else() {
    let mut hostile = JoinSet::new();
    for (name, expected) in HOSTILE.repeat(3) {
        let component = load(name);
        let call = DeliveryCall { organization: "org_hostile".into(), ..delivery_call() };
        hostile.spawn(async move {
            let ended = spawn_blocking(move || fault(&runtime().transform(&component, &call, &event())));
            assert_eq!(ended.await.expect("the thread survives"), expected, "{name}");
        });
    }
    let mut served = 0;
    while !hostile.is_empty() || served < 100 {
        let (router, webhook) = (runtime().builtin(BuiltIn::Router), runtime().builtin(BuiltIn::Webhook));
        let routed = runtime().route(router, &router_call("org_peaceful"), &event(), &candidates());
        assert_eq!(routed.result.expect("is routed").len(), candidates().len());
        let call = DeliveryCall { organization: "org_peaceful".into(), ..delivery_call() };
        let prepared = runtime().prepare(webhook, &call, &event(), TARGET_URL, Arc::new(Keyless));
        assert!(prepared.result.is_ok());
        served += 1;
        while let Some(ended) = hostile.try_join_next() {
            ended.expect("ends with its fault");
        }
        tokio::task::yield_now().await;
    }
}

/// A signer that calls another component in the middle of a call, while the first instance is alive.
struct CallsMeanwhile {
    runtime: Runtime,
    component: Component,
    seen: Mutex<Option<Failure>>,
}

impl Sign for CallsMeanwhile {
    fn hmac_sha256(&self, _form: KeyForm, _data: &[u8]) -> Vec<[u8; 32]> {
        let inner = self.runtime.transform(&self.component, &delivery_call(), &event());
        *self.seen.lock().expect("one thread") = inner.result.err();
        Vec::new()
    }
}

#[test]
fn a_full_pool_is_the_hosts_fault_and_passes() {
    let runtime = Runtime::new(Settings { instances_max: 1, budget: patient(), ..Settings::default() })
        .expect("a runtime starts");
    let outer = runtime.load(&fixture("signs-once"), Origin::Tenant).expect("loads");
    let component = runtime.load(&fixture("keeps-state"), Origin::Tenant).expect("loads");
    let signer = CallsMeanwhile { runtime: runtime.clone(), component: component.clone(), seen: Mutex::default() };
    let signer = Arc::new(signer);
    assert!(runtime.prepare(&outer, &delivery_call(), &event(), TARGET_URL, signer.clone()).result.is_ok());

    let seen = signer.seen.lock().expect("one thread").take();
    let Some(Failure::Fault { kind, .. }) = seen else { panic!("there was room for one only: {seen:?}") };
    assert_eq!((kind, kind.blame()), (FaultKind::Capacity, Blame::Host));
    assert!(runtime.transform(&component, &delivery_call(), &event()).result.is_ok(), "there is room again");
}

/// An order that is no order, the same in every run.
fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |number| (number * 37 + 11) % count)
}

#[test]
fn built_in_components_keep_no_state() {
    // So small a pool keeps no idle instances: every call gets a fresh one.
    let fresh = Runtime::new(Settings { instances_max: 3, budget: patient(), ..Settings::default() })
        .expect("a runtime starts");
    let reused = runtime();
    for number in shuffled(50) {
        let size = usize::try_from(number).expect("small") * 500;
        let (id, push_id) = (format!("evt_{number}"), format!("cefp_{number}"));
        let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(size));
        let replay = if number % 2 == 0 { "true" } else { "false" };
        let attributes = [("replay", replay), ("federation-push-id", &push_id)];
        let event = Event { id: &id, payload: &payload, attributes: &attributes, ..event() };
        let answers = [reused, &fresh].map(|runtime| {
            let router = runtime.builtin(BuiltIn::Router);
            let routed = runtime.route(router, &router_call("org_a"), &event, &candidates());
            let prepared = [BuiltIn::Webhook, BuiltIn::Relay].map(|adapter| {
                let adapter = runtime.builtin(adapter);
                let prepared = runtime.prepare(adapter, &delivery_call(), &event, TARGET_URL, Arc::new(Keyless));
                prepared.result.expect("prepares")
            });
            (routed.result.expect("routes"), prepared)
        });
        assert_eq!(answers[0], answers[1]);
    }
}

/// A component that counts its calls shows whether it was called in the same instance.
#[test]
fn only_the_hosts_own_code_is_called_again_in_the_same_instance() {
    let runtime = start(patient());
    let counts = |origin, organization: &str| {
        let component = runtime.load(&fixture("keeps-state"), origin).expect("loads");
        let call = DeliveryCall { organization: organization.into(), ..delivery_call() };
        [(); 2].map(|()| {
            let transformed = runtime.transform(&component, &call, &event()).result.expect("answers");
            transformed.expect("does not skip").payload
        })
    };
    assert_eq!(counts(Origin::Tenant, "org_a"), ["1", "1"]);
    assert_eq!(counts(Origin::BuiltIn, "org_a"), ["1", "2"]);
    assert_eq!(counts(Origin::BuiltIn, "org_b"), ["1", "2"], "another organization has instances of its own");
    assert_eq!(counts(Origin::Tenant, "org_a"), ["1", "1"]);
}

#[test]
fn an_idle_instance_holds_no_keys() {
    let runtime = start(patient());
    let signer = Arc::new(Keyless);
    let webhook = runtime.builtin(BuiltIn::Webhook);
    let prepared = runtime.prepare(webhook, &delivery_call(), &event(), TARGET_URL, signer.clone());
    assert!(prepared.result.is_ok());
    assert_eq!(Arc::strong_count(&signer), 1);
}

#[test]
fn a_failing_built_in_instance_is_thrown_away() {
    let runtime = start(Budget { fuel: 200_000, ..patient() });
    let prepare = |id: &str| {
        let event = Event { id, ..event() };
        let webhook = runtime.builtin(BuiltIn::Webhook);
        runtime.prepare(webhook, &delivery_call(), &event, TARGET_URL, Arc::new(Keyless))
    };
    assert!(prepare("evt_1").result.is_ok());
    assert_eq!(fault(&prepare(&"x".repeat(200_000))), FaultKind::OutOfFuel);
    assert!(prepare("evt_1").result.is_ok());
}

#[test]
fn calls_are_counted() {
    let runtime = start(patient());
    let before = runtime.usage();
    let outcome = runtime.route(runtime.builtin(BuiltIn::Router), &router_call("org_a"), &event(), &candidates());
    let after = runtime.usage();
    assert_eq!(after.calls - before.calls, 1);
    assert_eq!(before.busy + outcome.duration, after.busy);
}
