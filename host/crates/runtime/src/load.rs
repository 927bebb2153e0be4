//! Makes components of bytes by the shortest way: from memory, from disk, by compiling.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    cache::Cache,
    code::{Code, CodeDir},
    component::Component,
    digest::Digest,
    failure::{Failure, FaultKind},
    instance::Instances,
    link::link,
    refusal::LoadError,
    v0_1::Linkers,
};

/// Loads components for one engine.
pub(crate) struct Loader {
    instances: Arc<Instances>,
    linkers: Linkers,
    memory: Cache<Component>,
    disk: Option<CodeDir>,
    /// Held while a component is compiled, which keeps all cores busy by itself.
    compiling: Mutex<()>,
}

impl Loader {
    pub(crate) fn new(
        instances: Arc<Instances>,
        memory: Cache<Component>,
        disk: Option<CodeDir>,
    ) -> wasmtime::Result<Self> {
        let linkers = Linkers::new(instances.engine())?;
        Ok(Self { instances, linkers, memory, disk, compiling: Mutex::new(()) })
    }

    /// The component of these bytes, which have this digest. It is compiled once, however many ask for
    /// it at a time.
    pub(crate) fn load(&self, wasm: &[u8], digest: Digest) -> Result<Component, LoadError> {
        self.memory.get_or_load(digest, || match self.read_disk(digest) {
            Some(component) => Ok(weighed(component)),
            None => self.compile(wasm, digest).map(weighed),
        })
    }

    /// A component that was loaded before, by this process or an earlier one.
    pub(crate) fn find(&self, digest: Digest) -> Option<Component> {
        self.memory.get_or_load(digest, || self.read_disk(digest).map(weighed).ok_or(())).ok()
    }

    /// Reads a component from disk, where only components are that were compiled, checked and tried.
    fn read_disk(&self, digest: Digest) -> Option<Component> {
        let code = self.disk.as_ref()?.read(digest)?;
        let compiled = code.map(self.instances.engine()).ok()?;
        link(&self.linkers, &compiled, digest).ok()
    }

    /// Compiles, checks and tries a component; one that passes is kept on disk.
    fn compile(&self, wasm: &[u8], digest: Digest) -> Result<Component, LoadError> {
        let engine = self.instances.engine();
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let code = Code::compile(engine, wasm)?;
        let compiled = code.map(engine)?;
        let component = link(&self.linkers, &compiled, digest)?;
        self.try_out(&component)?;
        if let Some(disk) = &self.disk {
            disk.write(digest, &code);
        }
        Ok(component)
    }

    /// Finds out whether the component starts.
    fn try_out(&self, component: &Component) -> Result<(), LoadError> {
        self.instances.try_out(component).map_err(|failure| match failure {
            Failure::Fault { kind: FaultKind::Capacity | FaultKind::Host, message } => LoadError::Unavailable(message),
            Failure::Fault { kind: FaultKind::Output, message } => LoadError::Invalid(message),
            Failure::Fault { message, .. } | Failure::Retry { message, .. } | Failure::Reject(message) => {
                LoadError::TrapsOnStart(message)
            }
        })
    }
}

/// A component with the bytes that it takes in memory.
fn weighed(component: Component) -> (Component, usize) {
    let bytes = component.code_bytes();
    (component, bytes)
}
