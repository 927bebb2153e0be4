//! The interface: starts a runtime, loads components, calls them.

use std::{path::PathBuf, sync::Arc};

use crate::{
    budget::Budget,
    builtin::BuiltIn,
    cache::Cache,
    call::{DeliveryCall, RouterCall},
    capability::{context::Context, signing::Sign},
    code::CodeDir,
    component::{Component, Origin},
    digest::Digest,
    engine,
    event::{Candidate, Destination, Event, Request, Transformed},
    failure::{Failure, FaultKind},
    idle::Idle,
    instance::Instances,
    limits,
    load::Loader,
    output::{self, Outcome},
    refusal::{LoadError, StartError},
    store::{CallState, StoreData},
    usage::{Meter, Usage},
    v0_1::{self, Answer, Exports},
    world::World,
};

/// How a runtime is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that keeps compiled code across restarts; without one, code is kept in memory only.
    pub code_cache_dir: Option<PathBuf>,
    /// The bounds of calls that bring none of their own.
    pub budget: Budget,
    /// Instances that may live at the same time.
    pub instances_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { code_cache_dir: None, budget: Budget::default(), instances_max: limits::INSTANCES_MAX }
    }
}

/// Loads and calls components. Clones are handles to the same runtime.
#[derive(Clone)]
pub struct Runtime(Arc<Shared>);

struct Shared {
    instances: Arc<Instances>,
    loader: Loader,
    meter: Meter,
    /// In the order of [`BuiltIn::ALL`].
    builtins: [Component; BuiltIn::ALL.len()],
}

impl Runtime {
    /// Starts an engine and loads the built-in components. May keep all cores busy for seconds, so it
    /// belongs on a thread that may block.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let Settings { code_cache_dir, budget, instances_max } = settings;
        let engine = engine::start(instances_max, &budget).map_err(|error| no_engine(&error))?;
        let disk = code_cache_dir.map(|dir| code_dir(dir, &engine)).transpose()?;
        let instances = Arc::new(Instances::new(engine, budget, Idle::new(instances_max)));
        let memory = Cache::new(limits::CODE_CACHE_BYTES_MAX);
        let loader = Loader::new(instances.clone(), memory, disk).map_err(|error| no_engine(&error))?;
        let [router, webhook, relay] = BuiltIn::ALL.map(|builtin| load_builtin(&loader, builtin));
        let builtins = [router?, webhook?, relay?];
        Ok(Self(Arc::new(Shared { instances, loader, meter: Meter::default(), builtins })))
    }

    /// Makes a component of these bytes: compiled, checked and tried, or taken from a cache. May
    /// keep all cores busy for seconds, so it belongs on a thread that may block.
    pub fn load(&self, wasm: &[u8], origin: Origin) -> Result<Component, LoadError> {
        let digest = Digest::of(wasm);
        let component = self.held(digest).map_or_else(|| self.0.loader.load(wasm, digest), Ok)?;
        Ok(component.of_origin(origin))
    }

    /// A component that was loaded before, as long as a cache has it; one that was never loaded, or is
    /// no longer kept, has to be loaded from its bytes. May read a file, and waits while the same bytes
    /// are being loaded.
    pub fn find(&self, digest: Digest, origin: Origin) -> Option<Component> {
        let component = self.held(digest).or_else(|| self.0.loader.find(digest))?;
        Some(component.of_origin(origin))
    }

    /// A built-in component of this release.
    pub fn builtin(&self, builtin: BuiltIn) -> &Component {
        &self.0.builtins[builtin as usize]
    }

    /// Asks a router which of the candidates get the event.
    pub fn route(
        &self,
        router: &Component,
        call: &RouterCall,
        event: &Event<'_>,
        candidates: &[Candidate<'_>],
    ) -> Outcome<Vec<Destination>> {
        let budget = self.0.instances.budget(call.budget);
        let context = Context::of_router(call, event);
        let state = CallState::new(call.organization.clone(), router.digest(), budget, context, event);
        let outcome = self.call(router, state, |store, exports| match exports {
            Exports::Router(exports) => v0_1::route(exports, store, event, candidates),
            _ => Ok(Err(wrong_world(router, World::Router))),
        });
        outcome.checked(|destinations| output::check_destinations(destinations, candidates, budget.output_bytes))
    }

    /// Asks a transformer for the payload in its shape; none means that the delivery is skipped.
    pub fn transform(
        &self,
        transformer: &Component,
        call: &DeliveryCall,
        event: &Event<'_>,
    ) -> Outcome<Option<Transformed>> {
        let (budget, state) = self.delivery(transformer, call, event);
        let outcome = self.call(transformer, state, |store, exports| match exports {
            Exports::Transformer(exports) => v0_1::transform(exports, store, event),
            _ => Ok(Err(wrong_world(transformer, World::Transformer))),
        });
        outcome.checked(|answer| answer.as_ref().map_or(Ok(()), |t| output::check_transformed(t, budget.output_bytes)))
    }

    /// Asks an adapter for the HTTP request of a delivery. The caller has to check where it goes and
    /// which headers it sets.
    pub fn prepare(
        &self,
        adapter: &Component,
        call: &DeliveryCall,
        event: &Event<'_>,
        target_url: &str,
        signer: Arc<dyn Sign>,
    ) -> Outcome<Request> {
        let (budget, state) = self.delivery(adapter, call, event);
        let outcome = self.call(adapter, state.signing_with(signer), |store, exports| match exports {
            Exports::Adapter(exports) => v0_1::prepare(exports, store, event, target_url),
            _ => Ok(Err(wrong_world(adapter, World::Adapter))),
        });
        outcome.checked(|request| output::check_request(request, budget.output_bytes))
    }

    /// The sums over all calls so far.
    pub fn usage(&self) -> Usage {
        self.0.meter.read()
    }

    /// A built-in component, which is held whatever the caches drop.
    fn held(&self, digest: Digest) -> Option<Component> {
        self.0.builtins.iter().find(|builtin| builtin.digest() == digest).cloned()
    }

    fn delivery(&self, component: &Component, call: &DeliveryCall, event: &Event<'_>) -> (Budget, CallState) {
        let budget = self.0.instances.budget(call.budget);
        let context = Context::of_delivery(call);
        (budget, CallState::new(call.organization.clone(), component.digest(), budget, context, event))
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

fn no_engine(error: &wasmtime::Error) -> StartError {
    StartError::Engine(format!("{error:#}"))
}

/// Opens the cache folder for code of this engine.
fn code_dir(dir: PathBuf, engine: &wasmtime::Engine) -> Result<CodeDir, StartError> {
    let fingerprint = engine.precompile_compatibility_hash();
    Ok(CodeDir::open(dir, fingerprint, limits::CODE_CACHE_DISK_BYTES_MAX)?)
}

fn load_builtin(loader: &Loader, builtin: BuiltIn) -> Result<Component, StartError> {
    let component = loader.load(builtin.wasm(), builtin.digest());
    let component = component.map_err(|reason| StartError::BuiltIn { name: builtin.as_str(), reason })?;
    Ok(component.of_origin(Origin::BuiltIn))
}

/// The failure of a call with a component of another world. Callers look at the world before they
/// bind a component, so it is the host's fault.
fn wrong_world(component: &Component, wanted: World) -> Failure {
    Failure::fault(FaultKind::Host, format!("{component:?} was called as {}", wanted.as_str()))
}
