//! Calls an instance once: a fresh one of tenants' code, an idle one, when there is one, of the
//! host's own components.

use std::time::Instant;

use wasmtime::{Engine, Store};

use crate::{
    budget::Budget,
    capability::signing::Signing,
    component::Component,
    engine::deadline_in_epochs,
    failure::{Failure, classify},
    idle::Idle,
    limits::IDLE_INSTANCE_MEMORY_BYTES_MAX,
    output::Outcome,
    store::{CallState, StoreData},
    v0_1::{Answer, Exports},
};

/// A live instance between two calls.
pub(crate) struct Live {
    store: Store<StoreData>,
    exports: Exports,
}

/// Makes instances, calls them, and keeps idle ones.
pub(crate) struct Instances {
    engine: Engine,
    /// The bounds of calls that bring none of their own.
    budget: Budget,
    idle: Idle<Live>,
}

impl Instances {
    pub(crate) fn new(engine: Engine, budget: Budget, idle: Idle<Live>) -> Self {
        Self { engine, budget, idle }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The bounds of a call that asks for these. The pool has no room for larger memories than those
    /// it was made for.
    pub(crate) fn budget(&self, asked: Option<Budget>) -> Budget {
        let Budget { memory_bytes, .. } = self.budget;
        asked.map_or(self.budget, |asked| Budget { memory_bytes: asked.memory_bytes.min(memory_bytes), ..asked })
    }

    /// Calls a component once.
    pub(crate) fn call<T>(
        &self,
        component: &Component,
        state: CallState,
        invoke: impl FnOnce(&mut Store<StoreData>, &Exports) -> Answer<T>,
    ) -> Outcome<T> {
        let begin = Instant::now();
        let organization = state.organization.clone();
        let (mut store, exports) = self.instance(component, state);
        let answer = exports.and_then(|exports| Ok((invoke(&mut store, &exports)?, exports)));
        let (result, exports) = match answer {
            Ok((result, exports)) => (result, Some(exports)),
            Err(error) => (Err(classify(&error, &store.data().limiter)), None),
        };
        let fuel = fuel_used(&store);
        let memory_bytes = store.data().limiter.memory_bytes();
        let logs = std::mem::take(&mut store.data_mut().call.logs).finish();
        match exports {
            Some(exports)
                if component.is_builtin() && result.is_ok() && memory_bytes <= IDLE_INSTANCE_MEMORY_BYTES_MAX =>
            {
                // An idle instance holds no keys.
                store.data_mut().call.signing = Signing::default();
                self.idle.put(organization, component.digest(), Live { store, exports });
            }
            _ => drop(store),
        }
        Outcome { result, fuel, duration: begin.elapsed(), memory_bytes: memory_bytes as u64, logs }
    }

    /// Makes an instance without calling it: does the component start at all, and are its exports of
    /// the types that its world asks for?
    pub(crate) fn try_out(&self, component: &Component) -> Result<(), Failure> {
        let (store, exports) = self.fresh(component, CallState::of_trial(component.digest(), self.budget));
        exports.map(drop).map_err(|error| classify(&error, &store.data().limiter))
    }

    /// Takes an idle instance where that is allowed and there is one, or else makes a fresh one.
    fn instance(&self, component: &Component, state: CallState) -> (Store<StoreData>, wasmtime::Result<Exports>) {
        let idle = component.is_builtin().then(|| self.idle.take(&state.organization, component.digest()));
        let has_room = |live: &Live| live.store.data().limiter.memory_bytes() <= state.budget.memory_bytes;
        let Some(Live { mut store, exports }) = idle.flatten().filter(has_room) else {
            return self.fresh(component, state);
        };
        store.data_mut().begin(state);
        let granted = grant(&mut store);
        (store, granted.map(|()| exports))
    }

    /// The store comes back even when the instance fails, as it knows how much was used until then.
    fn fresh(&self, component: &Component, state: CallState) -> (Store<StoreData>, wasmtime::Result<Exports>) {
        let mut store = Store::new(&self.engine, StoreData::new(state));
        store.limiter(|data| &mut data.limiter);
        let exports = grant(&mut store).and_then(|()| component.pre().instantiate(&mut store));
        (store, exports)
    }
}

/// Grants the budget of the store's call.
fn grant(store: &mut Store<StoreData>) -> wasmtime::Result<()> {
    let Budget { fuel, duration_ms, output_bytes, .. } = store.data().call.budget;
    store.set_epoch_deadline(deadline_in_epochs(duration_ms));
    // The host copies what a guest hands over before it can check it. Twice the answer leaves room
    // for the lists around the bytes.
    store.set_hostcall_fuel(output_bytes.saturating_mul(2));
    store.set_fuel(fuel)
}

fn fuel_used(store: &Store<StoreData>) -> u64 {
    // Only an engine that does not count fuel has none to show.
    store.get_fuel().map_or(0, |left| store.data().call.budget.fuel.saturating_sub(left))
}
