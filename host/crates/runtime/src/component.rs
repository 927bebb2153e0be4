//! A component that can be called: compiled, checked and linked.

use std::{fmt, sync::Arc};

use crate::{digest::Digest, v0_1::Pre, world::World};

/// A component that can be called. Clones are handles to the same one.
#[derive(Clone)]
pub struct Component {
    shared: Arc<Shared>,
    origin: Origin,
}

struct Shared {
    digest: Digest,
    world: World,
    imports: Vec<String>,
    code_bytes: usize,
    pre: Pre,
}

/// Whose code a component is, which decides how long its instances live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The host's own code, of this or an earlier release. It keeps no state between calls, so an
    /// instance may serve one call after another.
    BuiltIn,
    /// A tenant's code. Every call gets a fresh instance.
    Tenant,
}

impl Component {
    /// A tenant's component, until [`Self::of_origin`] says otherwise.
    pub(crate) fn new(digest: Digest, world: World, component: &wasmtime::component::Component, pre: Pre) -> Self {
        let ty = component.component_type();
        let imports = ty.imports(component.engine()).map(|(name, _)| name.to_owned()).collect();
        let image = component.image_range();
        let code_bytes = image.end.addr() - image.start.addr();
        Self { shared: Arc::new(Shared { digest, world, imports, code_bytes, pre }), origin: Origin::Tenant }
    }

    /// The same component, taken for code of this origin.
    pub(crate) fn of_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The digest of the bytes that the component was loaded from: its name.
    pub fn digest(&self) -> Digest {
        self.shared.digest
    }

    /// The world that the component is of.
    pub fn world(&self) -> World {
        self.shared.world
    }

    /// The interfaces that the component imports, versions included, in its own order.
    pub fn imports(&self) -> &[String] {
        &self.shared.imports
    }

    /// Bytes of the compiled code.
    pub fn code_bytes(&self) -> usize {
        self.shared.code_bytes
    }

    pub fn is_builtin(&self) -> bool {
        self.origin == Origin::BuiltIn
    }

    pub(crate) fn pre(&self) -> &Pre {
        &self.shared.pre
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.world().as_str(), self.digest())
    }
}
