//! The data that the host keeps in the store of an instance.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::{
    budget::Budget,
    capability::{
        context::Context,
        log::Collector,
        signing::{Sign, Signing},
    },
    digest::Digest,
    event::Event,
    limiter::Limiter,
    wasi::{HasWasi, Inputs, Wasi},
};

/// The data of a store: of the instance, and of the call that it is in or had last.
pub(crate) struct StoreData {
    wasi: Wasi,
    pub(crate) limiter: Limiter,
    pub(crate) call: CallState,
}

/// The part of the data that belongs to one call alone.
pub(crate) struct CallState {
    /// The organization that the call is made for.
    pub(crate) organization: Arc<str>,
    pub(crate) budget: Budget,
    pub(crate) context: Context,
    pub(crate) signing: Signing,
    pub(crate) logs: Collector,
    inputs: Inputs,
}

impl StoreData {
    /// The data of a fresh instance, for its first call.
    pub(crate) fn new(call: CallState) -> Self {
        Self { wasi: Wasi::new(), limiter: Limiter::new(call.budget.memory_bytes), call }
    }

    /// Prepares the data for the instance's next call.
    pub(crate) fn begin(&mut self, call: CallState) {
        self.limiter.begin(call.budget.memory_bytes);
        self.call = call;
    }
}

impl CallState {
    /// The state of a call of `component` about `event`; the call has no signer.
    pub(crate) fn new(
        organization: Arc<str>,
        component: Digest,
        budget: Budget,
        context: Context,
        event: &Event<'_>,
    ) -> Self {
        let inputs = Inputs::new(component, event.id, event.accepted_at_ms);
        Self { organization, ..Self::without_event(budget, context, inputs) }
    }

    /// The state of an instance that is made to see whether the component starts.
    pub(crate) fn of_trial(component: Digest, budget: Budget) -> Self {
        Self::without_event(budget, Context::of_trial(), Inputs::new(component, "", 0))
    }

    fn without_event(budget: Budget, context: Context, inputs: Inputs) -> Self {
        Self {
            organization: Arc::default(),
            budget,
            context,
            signing: Signing::default(),
            logs: Collector::new(budget.log_lines, budget.log_bytes),
            inputs,
        }
    }

    pub(crate) fn signing_with(mut self, signer: Arc<dyn Sign>) -> Self {
        self.signing = Signing::with(signer);
        self
    }
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.view()
    }
}

impl HasWasi for StoreData {
    fn wasi(&mut self) -> (&mut Wasi, &mut Inputs) {
        (&mut self.wasi, &mut self.call.inputs)
    }
}
