//! One call of one instance: a fresh one for tenants' code, an idle one, when there is one, for
//! the host's own components.

use std::{sync::Arc, time::Instant};

use wasmtime::{Engine, Result, Store};

use super::{
    Budget,
    capability::{context::Call, log::Collector, signing::Signing},
    component::Component,
    engine::deadline_in_epochs,
    fault::{Failure, classify},
    idle::Idle,
    limiter::Limiter,
    output::Outcome,
    ports::Sign,
    v0_1::{Answer, Exports},
    wasi::{Clock, Random, Wasi},
};
use crate::domain::{event::Event, limits::IDLE_INSTANCE_MEMORY_BYTES_MAX};

/// What the host keeps in a store.
pub(super) struct StoreData {
    pub(super) wasi: Wasi,
    pub(super) limiter: Limiter,
    pub(super) call: CallState,
}

/// What belongs to one call alone.
pub(super) struct CallState {
    pub(super) context: Call,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) signing: Signing,
    pub(super) logs: Collector,
}

impl CallState {
    pub(super) fn new(call: &Call, event: &Event, component: &Component, budget: &Budget) -> Self {
        Self {
            context: call.clone(),
            clock: Clock { now_ms: event.accepted_at_ms },
            random: Random::new(&event.id, component.digest()),
            signing: Signing::default(),
            logs: Collector::new(budget.log_lines, budget.log_bytes),
        }
    }

    pub(super) fn signing_with(mut self, signer: Arc<dyn Sign>) -> Self {
        self.signing = Signing::with(signer);
        self
    }
}

/// A live instance between two calls.
pub(super) struct Live {
    store: Store<StoreData>,
    exports: Exports,
}

/// Calls a component once, on a fresh or an idle instance.
pub(super) fn call<T>(
    engine: &Engine,
    budget: &Budget,
    idle: &Idle,
    component: &Component,
    state: CallState,
    invoke: impl FnOnce(&mut Store<StoreData>, &Exports) -> Answer<T>,
) -> Outcome<T> {
    let begin = Instant::now();
    let organization = state.context.organization.clone();
    let reused = if component.is_builtin() { idle.take(&organization, component.digest()) } else { None };
    let (mut store, exports) = match reused {
        Some(live) => resume(live, state, budget),
        None => instantiate(engine, budget, component, state),
    };
    let answer = exports.and_then(|exports| Ok((invoke(&mut store, &exports)?, exports)));
    let (result, exports) = match answer {
        Ok((result, exports)) => (result, Some(exports)),
        Err(error) => (Err(classify(&error, &store.data().limiter)), None),
    };
    let fuel = fuel_used(&store, budget);
    let memory_bytes = store.data().limiter.memory_bytes() as u64;
    let logs = std::mem::take(&mut store.data_mut().call.logs).finish();
    match exports {
        Some(exports) if component.is_builtin() && result.is_ok() && is_small(&store) => {
            // Nobody's keys stay behind.
            store.data_mut().call.signing = Signing::default();
            idle.put(organization, component.digest(), Live { store, exports });
        }
        _ => drop(store),
    }
    Outcome { result, fuel, duration: begin.elapsed(), memory_bytes, logs }
}

/// A component's first instance, before anybody calls it: does it start at all?
pub(super) fn trial(engine: &Engine, budget: &Budget, component: &Component, state: CallState) -> Result<(), Failure> {
    let (store, exports) = instantiate(engine, budget, component, state);
    exports.map(drop).map_err(|error| classify(&error, &store.data().limiter))
}

fn instantiate(
    engine: &Engine,
    budget: &Budget,
    component: &Component,
    state: CallState,
) -> (Store<StoreData>, Result<Exports>) {
    let data = StoreData { wasi: Wasi::new(), limiter: Limiter::new(budget.memory_bytes), call: state };
    let mut store = Store::new(engine, data);
    store.limiter(|data| &mut data.limiter);
    // The host copies what a guest hands over before it can judge it. Twice the answer leaves
    // room for the lists around the bytes.
    store.set_hostcall_fuel(budget.output_bytes.saturating_mul(2));
    let exports = refuel(&mut store, budget).and_then(|()| component.pre().instantiate(&mut store));
    (store, exports)
}

fn resume(live: Live, state: CallState, budget: &Budget) -> (Store<StoreData>, Result<Exports>) {
    let Live { mut store, exports } = live;
    store.data_mut().call = state;
    let refueled = refuel(&mut store, budget);
    (store, refueled.map(|()| exports))
}

fn refuel(store: &mut Store<StoreData>, budget: &Budget) -> Result<()> {
    store.set_epoch_deadline(deadline_in_epochs(budget.duration_ms));
    store.set_fuel(budget.fuel)
}

fn fuel_used(store: &Store<StoreData>, budget: &Budget) -> u64 {
    // Only an engine that does not count fuel has none to show.
    store.get_fuel().map_or(0, |left| budget.fuel.saturating_sub(left))
}

fn is_small(store: &Store<StoreData>) -> bool {
    store.data().limiter.memory_bytes() <= IDLE_INSTANCE_MEMORY_BYTES_MAX
}
