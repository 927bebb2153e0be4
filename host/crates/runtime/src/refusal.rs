//! Why bytes do not become a component, and why a runtime does not start.

use std::io;

/// Why bytes cannot become a component that can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The component has more bytes than the runtime takes.
    #[error("the component has {bytes} bytes; the most is {bytes_max}")]
    TooLarge {
        /// Bytes of the component.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The bytes are no component, or no valid one.
    #[error("this is no valid component: {0}")]
    Invalid(String),
    /// A valid component needs more memories, tables or instances than any may have.
    #[error("the component is too complex: {0}")]
    TooComplex(String),
    /// The component is of no world of this crate, or of a track that this release does not run.
    #[error("the component exports {found}; supported is exactly one of {supported}")]
    WorldUnsupported {
        /// Its exports.
        found: String,
        /// The exports that make a component one of a world.
        supported: String,
    },
    /// The component imports what its world does not have.
    #[error("the component imports what its world does not have: {0}")]
    ImportUnknown(String),
    /// The component failed while its first instance was made.
    #[error("the component does not start: {0}")]
    TrapsOnStart(String),
    /// The host has no room for the component at the moment; loading it later may succeed.
    #[error("the host cannot try the component now: {0}")]
    Unavailable(String),
}

/// Why a runtime does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine does not start; most likely the address space for its instances cannot be had.
    #[error("the engine for components does not start: {0}")]
    Engine(String),
    /// The folder for compiled code cannot be used.
    #[error("the folder for compiled code cannot be used: {0}")]
    CodeFolder(#[from] io::Error),
    /// A built-in component does not load.
    #[error("the built-in component {name} does not load: {reason}")]
    BuiltIn {
        /// The name of the component.
        name: &'static str,
        /// Why.
        reason: LoadError,
    },
}
