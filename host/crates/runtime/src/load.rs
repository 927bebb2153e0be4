//! From bytes to a component that can be called, by the shortest way: memory, disk, compiler.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    cache::Cache,
    capability::context::Call,
    code::{Code, CodeDir},
    component::{Component, LoadError, Origin},
    fault::{Failure, FaultKind},
    instance::{CallState, Instances},
    link::link,
    v0_1::Linkers,
};
use crate::domain::{digest::Digest, event::Event, id::OrganizationId, time::Time};

/// Loads components for one engine.
pub(super) struct Loader {
    instances: Arc<Instances>,
    linkers: Linkers,
    memory: Cache,
    disk: Option<CodeDir>,
    /// Held while a component is compiled, which keeps all cores busy by itself.
    compiling: Mutex<()>,
}

impl Loader {
    pub(super) fn new(instances: Arc<Instances>, memory: Cache, disk: Option<CodeDir>) -> wasmtime::Result<Self> {
        let linkers = Linkers::new(instances.engine())?;
        Ok(Self { instances, linkers, memory, disk, compiling: Mutex::new(()) })
    }

    /// One of the host's own components. They are held by the runtime, not by the cache.
    pub(super) fn builtin(&self, wasm: &[u8]) -> Result<Component, LoadError> {
        let digest = Digest::of(wasm);
        match self.read_disk(digest, Origin::BuiltIn) {
            Some(component) => Ok(component),
            None => self.compile(wasm, digest, Origin::BuiltIn),
        }
    }

    /// A tenant's component.
    pub(super) fn tenant(&self, wasm: &[u8]) -> Result<Component, LoadError> {
        let digest = Digest::of(wasm);
        if let Some(component) = self.find(digest) {
            return Ok(component);
        }
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have compiled it while we waited for our turn.
        if let Some(component) = self.memory.get(digest) {
            return Ok(component);
        }
        let component = self.compile(wasm, digest, Origin::Tenant)?;
        self.keep(&component);
        Ok(component)
    }

    /// A tenant's component that was loaded before, by this process or an earlier one.
    pub(super) fn find(&self, digest: Digest) -> Option<Component> {
        if let Some(component) = self.memory.get(digest) {
            return Some(component);
        }
        let component = self.read_disk(digest, Origin::Tenant)?;
        self.keep(&component);
        Some(component)
    }

    fn keep(&self, component: &Component) {
        self.memory.put(component.digest(), component.clone(), component.code_bytes());
    }

    /// What is on disk was compiled, checked and tried before it got there.
    fn read_disk(&self, digest: Digest, origin: Origin) -> Option<Component> {
        let code = self.disk.as_ref()?.read(digest)?;
        let compiled = code.map(self.instances.engine()).ok()?;
        link(&self.linkers, &compiled, digest, origin).ok()
    }

    /// Compiles, checks and tries a component; what passes is kept on disk.
    fn compile(&self, wasm: &[u8], digest: Digest, origin: Origin) -> Result<Component, LoadError> {
        let engine = self.instances.engine();
        let code = Code::compile(engine, wasm)?;
        let compiled = code.map(engine)?;
        let component = link(&self.linkers, &compiled, digest, origin)?;
        self.try_out(&component)?;
        if let Some(disk) = &self.disk {
            disk.write(digest, &code);
        }
        Ok(component)
    }

    fn try_out(&self, component: &Component) -> Result<(), LoadError> {
        let (call, event) = nothing();
        let state = CallState::new(&call, &event, component, self.instances.budget());
        self.instances.try_out(component, state).map_err(|failure| match failure {
            Failure::Fault { kind: FaultKind::Capacity | FaultKind::Host, message } => LoadError::Unavailable(message),
            Failure::Fault { kind: FaultKind::Output, message } => LoadError::Invalid(message),
            Failure::Fault { message, .. } | Failure::Retry { message, .. } | Failure::Reject(message) => {
                LoadError::TrapsOnStart(message)
            }
        })
    }
}

/// The circumstances of an instance that nobody calls.
fn nothing() -> (Call, Event) {
    let call = Call {
        organization: OrganizationId::stored("org_"),
        config: "{}".into(),
        subscription_id: None,
        attempt: 1,
        attempted_at: Time::from_millis(0),
    };
    let event = Event {
        id: String::new(),
        canonical_name: String::new(),
        organization_id: String::new(),
        namespace: String::new(),
        name: String::new(),
        version: String::new(),
        accepted_at_ms: 0,
        payload: "{}".to_owned(),
        attributes: Vec::new(),
    };
    (call, event)
}
