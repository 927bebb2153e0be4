//! One organization's components cannot stop, slow or overhear another's.

use std::sync::{Arc, Mutex};

use tokio::task::{JoinSet, spawn_blocking};
use weir::{
    domain::event::Event,
    runtime::{Blame, Budget, Call, Component, Failure, FaultKind, KeyForm, Runtime, Settings, Sign},
};

use super::{
    Keyless, TARGET_URL, call, candidates, event, fault, fixture, load, organization, patient, runtime, start,
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
        let call = Call { organization: organization("hostile"), ..call() };
        hostile.spawn(async move {
            let ended = spawn_blocking(move || fault(&runtime().transform(&component, &call, &event())));
            assert_eq!(ended.await.expect("the thread survives"), expected, "{name}");
        });
    }
    let mut served = 0;
    while !hostile.is_empty() || served < 100 {
        let call = Call { organization: organization("peaceful"), ..call() };
        let routed = runtime().route(runtime().router(), &call, &event(), &candidates());
        assert_eq!(routed.result.expect("is routed").len(), candidates().len());
        let prepared = runtime().prepare(runtime().webhook(), &call, &event(), TARGET_URL, Arc::new(Keyless));
        assert!(prepared.result.is_ok());
        served += 1;
        while let Some(ended) = hostile.try_join_next() {
            ended.expect("ends with its fault");
        }
        tokio::task::yield_now().await;
    }
}

/// Calls another component in the middle of a call, while that one's instance is alive.
struct CallsMeanwhile {
    runtime: Runtime,
    component: Component,
    seen: Mutex<Option<Failure>>,
}

impl Sign for CallsMeanwhile {
    fn hmac_sha256(&self, _form: KeyForm, _data: &[u8]) -> Vec<[u8; 32]> {
        let inner = self.runtime.transform(&self.component, &call(), &event());
        *self.seen.lock().expect("one thread") = inner.result.err();
        Vec::new()
    }
}

#[test]
fn a_full_pool_is_the_hosts_fault_and_passes() {
    let runtime = Runtime::new(Settings { instances_max: 1, budget: patient(), ..Settings::default() })
        .expect("a runtime starts");
    let outer = runtime.load(&fixture("signs-once")).expect("loads");
    let component = runtime.load(&fixture("keeps-state")).expect("loads");
    let signer = CallsMeanwhile { runtime: runtime.clone(), component: component.clone(), seen: Mutex::default() };
    let signer = Arc::new(signer);
    assert!(runtime.prepare(&outer, &call(), &event(), TARGET_URL, signer.clone()).result.is_ok());

    let seen = signer.seen.lock().expect("one thread").take();
    let Some(Failure::Fault { kind, .. }) = seen else { panic!("there was room for one only: {seen:?}") };
    assert_eq!((kind, kind.blame()), (FaultKind::Capacity, Blame::Host));
    assert!(runtime.transform(&component, &call(), &event()).result.is_ok(), "there is room again");
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
        let event = Event {
            id: format!("evt_{number}"),
            payload: format!(r#"{{"text":"{}"}}"#, "x".repeat(size)),
            attributes: vec![
                ("replay".to_owned(), (number % 2 == 0).to_string()),
                ("federation-push-id".to_owned(), format!("cefp_{number}")),
            ],
            ..event()
        };
        let answers = [reused, &fresh].map(|runtime| {
            let routed = runtime.route(runtime.router(), &call(), &event, &candidates());
            let prepared = runtime.prepare(runtime.webhook(), &call(), &event, TARGET_URL, Arc::new(Keyless));
            let relayed = runtime.prepare(runtime.relay(), &call(), &event, TARGET_URL, Arc::new(Keyless));
            (routed.result.expect("routes"), prepared.result.expect("prepares"), relayed.result.expect("prepares"))
        });
        assert_eq!(answers[0], answers[1]);
    }
}

#[test]
fn an_idle_instance_holds_nobodys_keys() {
    let runtime = start(patient());
    let signer = Arc::new(Keyless);
    let prepared = runtime.prepare(runtime.webhook(), &call(), &event(), TARGET_URL, signer.clone());
    assert!(prepared.result.is_ok());
    assert_eq!(Arc::strong_count(&signer), 1);
}

#[test]
fn a_failing_built_in_instance_is_thrown_away() {
    let runtime = start(Budget { fuel: 200_000, ..patient() });
    let prepare = |payload: &str| {
        let event = Event { payload: payload.to_owned(), ..event() };
        runtime.prepare(runtime.webhook(), &call(), &event, TARGET_URL, Arc::new(Keyless)).result
    };
    assert!(prepare("{}").is_ok());
    let id = "x".repeat(200_000);
    let costly = Event { id, ..event() };
    let outcome = runtime.prepare(runtime.webhook(), &call(), &costly, TARGET_URL, Arc::new(Keyless));
    assert_eq!(fault(&outcome), FaultKind::OutOfFuel);
    assert!(prepare("{}").is_ok());
}

#[test]
fn calls_are_counted() {
    let runtime = start(patient());
    let before = runtime.usage();
    let outcome = runtime.route(runtime.router(), &call(), &event(), &candidates());
    let after = runtime.usage();
    assert_eq!(after.calls - before.calls, 1);
    assert_eq!(before.busy + outcome.duration, after.busy);
}
