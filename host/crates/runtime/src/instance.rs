//! One call of one instance: a fresh one for tenants' code, an idle one, when there is one, for
//! the host's own components.

use std::{sync::Arc, time::Instant};

use wasmtime::{Engine, Store};

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

/// Makes instances within the budget, and keeps idle ones.
pub(super) struct Instances {
    engine: Engine,
    budget: Budget,
    idle: Idle,
}

impl Instances {
    pub(super) fn new(engine: Engine, budget: Budget, idle: Idle) -> Self {
        Self { engine, budget, idle }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Calls a component once.
    pub(super) fn call<T>(
        &self,
        component: &Component,
        state: CallState,
        invoke: impl FnOnce(&mut Store<StoreData>, &Exports) -> Answer<T>,
    ) -> Outcome<T> {
        let begin = Instant::now();
        let organization = state.context.organization.clone();
        let (mut store, exports) = self.instance(component, state);
        let answer = exports.and_then(|exports| Ok((invoke(&mut store, &exports)?, exports)));
        let (result, exports) = match answer {
            Ok((result, exports)) => (result, Some(exports)),
            Err(error) => (Err(classify(&error, &store.data().limiter)), None),
        };
        let fuel = self.fuel_used(&store);
        let memory_bytes = store.data().limiter.memory_bytes() as u64;
        let logs = std::mem::take(&mut store.data_mut().call.logs).finish();
        match exports {
            Some(exports) if component.is_builtin() && result.is_ok() && is_small(&store) => {
                // Nobody's keys stay behind.
                store.data_mut().call.signing = Signing::default();
                self.idle.put(organization, component.digest(), Live { store, exports });
            }
            _ => drop(store),
        }
        Outcome { result, fuel, duration: begin.elapsed(), memory_bytes, logs }
    }

    /// Makes an instance that nobody calls: does the component start at all, and are its exports
    /// of the types that its world asks for?
    pub(super) fn try_out(&self, component: &Component, state: CallState) -> Result<(), Failure> {
        let (store, exports) = self.fresh(component, state);
        exports.map(drop).map_err(|error| classify(&error, &store.data().limiter))
    }

    /// An idle instance where that is allowed and there is one, or else a fresh one.
    fn instance(&self, component: &Component, state: CallState) -> (Store<StoreData>, wasmtime::Result<Exports>) {
        let idle = component.is_builtin().then(|| self.idle.take(&state.context.organization, component.digest()));
        let Some(Live { mut store, exports }) = idle.flatten() else {
            return self.fresh(component, state);
        };
        store.data_mut().call = state;
        let refueled = self.refuel(&mut store);
        (store, refueled.map(|()| exports))
    }

    /// The store comes back even when the instance fails, as it knows what was used until then.
    fn fresh(&self, component: &Component, state: CallState) -> (Store<StoreData>, wasmtime::Result<Exports>) {
        let limiter = Limiter::new(self.budget.memory_bytes);
        let mut store = Store::new(&self.engine, StoreData { wasi: Wasi::new(), limiter, call: state });
        store.limiter(|data| &mut data.limiter);
        // The host copies what a guest hands over before it can judge it. Twice the answer leaves
        // room for the lists around the bytes.
        store.set_hostcall_fuel(self.budget.output_bytes.saturating_mul(2));
        let exports = self.refuel(&mut store).and_then(|()| component.pre().instantiate(&mut store));
        (store, exports)
    }

    fn refuel(&self, store: &mut Store<StoreData>) -> wasmtime::Result<()> {
        store.set_epoch_deadline(deadline_in_epochs(self.budget.duration_ms));
        store.set_fuel(self.budget.fuel)
    }

    fn fuel_used(&self, store: &Store<StoreData>) -> u64 {
        // Only an engine that does not count fuel has none to show.
        store.get_fuel().map_or(0, |left| self.budget.fuel.saturating_sub(left))
    }
}

fn is_small(store: &Store<StoreData>) -> bool {
    store.data().limiter.memory_bytes() <= IDLE_INSTANCE_MEMORY_BYTES_MAX
}
