//! Runs components: the only place that knows wasmtime.
//!
//! A call gets an event and gives an answer or a failure, within a [`Budget`]. A component can
//! reach what its world imports and nothing else, and none of its mistakes can hurt the host or
//! another organization. Calls are synchronous: the host's own components are called in place,
//! tenants' on a thread that may block for as long as the budget lasts.
//!
//! From the outside in: this file is the interface; `load`, `code` and `link` make components,
//! `cache` and `idle` save doing it again; `instance` makes a call within the bounds of `engine`
//! and `limiter`; `v0_1` speaks the WIT track, `capability` and `wasi` are what a guest can reach.

mod budget;
mod cache;
mod capability;
mod code;
mod component;
mod engine;
mod fault;
mod idle;
mod instance;
mod limiter;
mod link;
mod load;
mod output;
mod ports;
mod usage;
mod v0_1;
mod wasi;

pub use budget::Budget;
pub use capability::{
    context::Call,
    log::{Level, LogLine, Logs},
};
pub use component::{Component, LoadError, World};
pub use fault::{Blame, Failure, FaultKind};
pub use output::{Outcome, Transformed};
pub use ports::{KeyForm, Sign};
pub use usage::Usage;

use std::{path::PathBuf, sync::Arc};

use crate::{
    domain::{
        digest::Digest,
        event::{Candidate, Destination, Event, Request},
        limits,
    },
    error::{Error, Result},
};
use cache::Cache;
use code::CodeDir;
use idle::Idle;
use instance::{CallState, Instances, StoreData};
use load::Loader;
use usage::Meter;
use v0_1::{Answer, Exports};

const ROUTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/router.wasm"));
const WEBHOOK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/webhook.wasm"));
const RELAY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/relay.wasm"));

/// How a runtime is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where compiled code is kept across restarts; nowhere when absent.
    pub code_cache_dir: Option<PathBuf>,
    /// What each call may use.
    pub budget: Budget,
    /// Instances that may live at the same time.
    pub instances_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { code_cache_dir: None, budget: Budget::default(), instances_max: limits::INSTANCES_MAX }
    }
}

/// Runs components. Clones are handles to the same one.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    instances: Arc<Instances>,
    loader: Loader,
    meter: Meter,
    router: Component,
    webhook: Component,
    relay: Component,
}

impl Runtime {
    /// Starts the engine and loads the built-in components. Fails when the address space or the
    /// cache folder cannot be had.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { code_cache_dir, budget, instances_max } = settings;
        let engine = engine::start(instances_max, &budget).map_err(Error::internal)?;
        let disk = match code_cache_dir {
            Some(dir) => Some(code_dir(dir, &engine)?),
            None => None,
        };
        let instances = Arc::new(Instances::new(engine, budget, Idle::new(instances_max)));
        let memory = Cache::new(limits::CODE_CACHE_BYTES_MAX);
        let loader = Loader::new(Arc::clone(&instances), memory, disk).map_err(Error::internal)?;
        let router = loader.builtin(ROUTER)?;
        let webhook = loader.builtin(WEBHOOK)?;
        let relay = loader.builtin(RELAY)?;
        Ok(Self(Arc::new(Inner { instances, loader, meter: Meter::default(), router, webhook, relay })))
    }

    /// Makes a component of these bytes: compiled, checked and tried, or taken from a cache. May
    /// keep all cores busy for seconds, so it belongs on a thread that may block.
    pub fn load(&self, wasm: &[u8]) -> Result<Component, LoadError> {
        self.0.loader.tenant(wasm)
    }

    /// A component that was loaded before, as long as a cache has it.
    pub fn find(&self, digest: Digest) -> Option<Component> {
        self.0.loader.find(digest)
    }

    /// The built-in router.
    pub fn router(&self) -> &Component {
        &self.0.router
    }

    /// The built-in webhook adapter.
    pub fn webhook(&self) -> &Component {
        &self.0.webhook
    }

    /// The built-in adapter for external peers of federation groups.
    pub fn relay(&self) -> &Component {
        &self.0.relay
    }

    /// Asks a router which of the candidates get the event.
    pub fn route(
        &self,
        router: &Component,
        call: &Call,
        event: &Event,
        candidates: &[Candidate],
    ) -> Outcome<Vec<Destination>> {
        let state = self.state(router, call, event);
        let outcome = self.call(router, state, |store, exports| match exports {
            Exports::Router(exports) => v0_1::route(exports, store, event, candidates),
            _ => Ok(Err(wrong_world(router, World::Router))),
        });
        let bytes_max = self.0.instances.budget().output_bytes;
        outcome.checked(|destinations| output::check_destinations(destinations, candidates, bytes_max))
    }

    /// Asks a transformer for the payload in its shape; none means that the delivery is skipped.
    pub fn transform(&self, transformer: &Component, call: &Call, event: &Event) -> Outcome<Option<Transformed>> {
        let state = self.state(transformer, call, event);
        let outcome = self.call(transformer, state, |store, exports| match exports {
            Exports::Transformer(exports) => v0_1::transform(exports, store, event),
            _ => Ok(Err(wrong_world(transformer, World::Transformer))),
        });
        let bytes_max = self.0.instances.budget().output_bytes;
        outcome.checked(|answer| answer.as_ref().map_or(Ok(()), |t| output::check_transformed(t, bytes_max)))
    }

    /// Asks an adapter for the HTTP request of a delivery. Where it may go, and which headers it
    /// may set, is judged by whoever sends it.
    pub fn prepare(
        &self,
        adapter: &Component,
        call: &Call,
        event: &Event,
        target_url: &str,
        signer: Arc<dyn Sign>,
    ) -> Outcome<Request> {
        let state = self.state(adapter, call, event).signing_with(signer);
        let outcome = self.call(adapter, state, |store, exports| match exports {
            Exports::Adapter(exports) => v0_1::prepare(exports, store, event, target_url),
            _ => Ok(Err(wrong_world(adapter, World::Adapter))),
        });
        let bytes_max = self.0.instances.budget().output_bytes;
        outcome.checked(|request| output::check_request(request, bytes_max))
    }

    /// What all calls so far came to.
    pub fn usage(&self) -> Usage {
        self.0.meter.read()
    }

    fn state(&self, component: &Component, call: &Call, event: &Event) -> CallState {
        CallState::new(call, event, component, self.0.instances.budget())
    }

    fn call<T>(
        &self,
        component: &Component,
        state: CallState,
        invoke: impl FnOnce(&mut wasmtime::Store<StoreData>, &Exports) -> Answer<T>,
    ) -> Outcome<T> {
        let outcome = self.0.instances.call(component, state, invoke);
        self.0.meter.count(outcome.duration);
        outcome
    }
}

/// The cache folder, for code of this engine.
fn code_dir(dir: PathBuf, engine: &wasmtime::Engine) -> Result<CodeDir> {
    let fingerprint = engine.precompile_compatibility_hash();
    CodeDir::open(dir, fingerprint, limits::CODE_CACHE_DISK_BYTES_MAX).map_err(Error::internal)
}

/// Callers look at the world before they bind a component, so this is a fault of the host.
fn wrong_world(component: &Component, wanted: World) -> Failure {
    Failure::fault(FaultKind::Host, format!("{component:?} was called as {}", wanted.as_str()))
}
