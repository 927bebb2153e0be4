//! Machine code: compiled from WebAssembly, or read from where this host put it.
//!
//! Machine code runs outside of every sandbox, so it has to be exactly what the compiler made. No
//! other module can make a [`Code`]: it comes from [`Code::compile`], or from `disk` by checksum.

mod disk;

pub(super) use disk::CodeDir;

use std::io;

use wasmtime::{Engine, component::Component as Compiled};

use super::component::LoadError;
use crate::domain::limits::COMPONENT_BYTES_MAX;

/// A component as machine code, in wasmtime's own format.
pub(super) struct Code(Vec<u8>);

impl Code {
    /// Compiles WebAssembly. Every core takes part, so callers do it one at a time.
    pub(super) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        let bytes = wasm.len();
        if bytes > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge { bytes, bytes_max: COMPONENT_BYTES_MAX });
        }
        let code = engine.precompile_component(wasm).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        Ok(Self(code))
    }

    /// Maps the code into memory. Fails when it is for another engine, or when a component needs
    /// more instances, memories or tables than the pool has for one.
    pub(super) fn map(&self, engine: &Engine) -> Result<Compiled, LoadError> {
        #[expect(unsafe_code, reason = "this is how wasmtime takes machine code")]
        // SAFETY: the bytes are what the compiler made, as nothing else becomes a `Code`.
        let mapped = unsafe { Compiled::deserialize(engine, &self.0) };
        mapped.map_err(|error| {
            let reason = format!("{error:#}");
            if error.is::<io::Error>() { LoadError::Unavailable(reason) } else { LoadError::TooComplex(reason) }
        })
    }
}
