//! Machine code, as the compiler makes it and the engine maps it.

use std::io;

use wasmtime::{Engine, component::Component as Compiled};

use crate::{limits::COMPONENT_BYTES_MAX, refusal::LoadError};

/// A component as machine code, in wasmtime's own format.
pub(crate) struct Code(pub(super) Vec<u8>);

impl Code {
    /// Compiles WebAssembly. Every core takes part, so callers do it one at a time.
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        let bytes = wasm.len();
        if bytes > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge { bytes, bytes_max: COMPONENT_BYTES_MAX });
        }
        let code = engine.precompile_component(wasm).map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        Ok(Self(code))
    }

    /// Maps the code into memory. Fails when it is for another engine, or when a component needs
    /// more instances, memories or tables than the pool has for one.
    pub(crate) fn map(&self, engine: &Engine) -> Result<Compiled, LoadError> {
        #[expect(unsafe_code, reason = "this is how wasmtime takes machine code")]
        // SAFETY: the bytes are what the compiler made, as no others become a `Code`.
        let mapped = unsafe { Compiled::deserialize(engine, &self.0) };
        mapped.map_err(|error| {
            let reason = format!("{error:#}");
            if error.is::<io::Error>() { LoadError::Unavailable(reason) } else { LoadError::TooComplex(reason) }
        })
    }
}
