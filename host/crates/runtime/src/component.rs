//! A component that can be called: compiled, checked and linked.

use std::{fmt, sync::Arc};

use super::v0_1::Pre;
use crate::{
    domain::digest::Digest,
    error::{Code, Error},
};

/// What a component is for. Each world has one interface to export, and is named after what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum World {
    /// Chooses subscribers.
    Router,
    /// Reshapes a payload for one subscriber.
    Transformer,
    /// Describes the HTTP request of a delivery.
    Adapter,
}

impl World {
    /// Every world that this host runs.
    pub const ALL: [Self; 3] = [Self::Router, Self::Transformer, Self::Adapter];

    /// The world's name in WIT and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Transformer => "transformer",
            Self::Adapter => "adapter",
        }
    }

    /// The interface of `weir:plugin` whose export makes a component one of this world.
    pub(super) const fn interface(self) -> &'static str {
        match self {
            Self::Router => "routing",
            Self::Transformer => "transformation",
            Self::Adapter => "delivery",
        }
    }
}

/// A component that can be called. Clones are handles to the same one.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

struct Inner {
    digest: Digest,
    world: World,
    imports: Vec<String>,
    code_bytes: usize,
    origin: Origin,
    pre: Pre,
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The host's own: keeps no state, so its instances may serve call after call.
    BuiltIn,
    /// A tenant's: a fresh instance for every call.
    Tenant,
}

impl Component {
    pub(super) fn new(
        digest: Digest,
        origin: Origin,
        world: World,
        component: &wasmtime::component::Component,
        pre: Pre,
    ) -> Self {
        let ty = component.component_type();
        let imports = ty.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
        let image = component.image_range();
        let code_bytes = image.end.addr() - image.start.addr();
        Self(Arc::new(Inner { digest, world, imports, code_bytes, origin, pre }))
    }

    /// What names it: the digest of the bytes that it was loaded from.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What it is for.
    pub fn world(&self) -> World {
        self.0.world
    }

    /// The interfaces that it imports, versions included, in its own order.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Bytes of its compiled code.
    pub fn code_bytes(&self) -> usize {
        self.0.code_bytes
    }

    pub(super) fn is_builtin(&self) -> bool {
        self.0.origin == Origin::BuiltIn
    }

    pub(super) fn pre(&self) -> &Pre {
        &self.0.pre
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.world().as_str(), self.digest())
    }
}

/// Why bytes cannot become a component that can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// More bytes than the host takes.
    #[error("the component has {bytes} bytes; the most is {bytes_max}")]
    TooLarge {
        /// That many.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not a component, or not a valid one.
    #[error("this is no valid component: {0}")]
    Invalid(String),
    /// A valid component that needs more memories, tables or instances than any may have.
    #[error("the component is too complex: {0}")]
    TooComplex(String),
    /// A component of none of our worlds, or of a track that this host does not run.
    #[error("the component exports {found}; supported is exactly one of {supported}")]
    WorldUnsupported {
        /// What it exports instead.
        found: String,
        /// What it would have to export.
        supported: String,
    },
    /// It imports what its world does not have.
    #[error("the component imports what its world does not have: {0}")]
    ImportUnknown(String),
    /// Its first instance did not come to life.
    #[error("the component does not start: {0}")]
    TrapsOnStart(String),
    /// The host has no room for it at the moment.
    #[error("the host cannot try the component now: {0}")]
    Unavailable(String),
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        let code = match error {
            LoadError::TooLarge { .. } => Code::ComponentTooLarge,
            LoadError::Invalid(_) => Code::ComponentInvalid,
            LoadError::TooComplex(_) => Code::ComponentTooComplex,
            LoadError::WorldUnsupported { .. } => Code::WorldUnsupported,
            LoadError::ImportUnknown(_) => Code::ImportUnknown,
            LoadError::TrapsOnStart(_) => Code::ComponentTrapsOnStart,
            LoadError::Unavailable(_) => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}
