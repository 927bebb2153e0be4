//! From bytes to a component of a known world, every import of which is known.

use semver::Version;
use wasmtime::{Engine, component::Component as Compiled};

use super::{
    component::{Component, LoadError, Origin, World},
    v0_1::Linkers,
};
use crate::domain::{digest::Digest, limits::COMPONENT_BYTES_MAX};

/// The package whose interfaces make the worlds.
const PACKAGE: &str = "weir:plugin/";
/// The track of it that this host runs: releases of `0.1` are compatible with each other.
const TRACK: (u64, u64) = (0, 1);

/// Machine code for this engine, in wasmtime's own format.
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

    /// Takes bytes back that [`Code::as_bytes`] gave out. The caller answers for them: they run as
    /// they are, outside of any sandbox.
    pub(super) fn trusted(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Maps the code into memory. Fails when it is for another engine, or when a component needs
    /// more instances, memories or tables than the pool has for one.
    pub(super) fn map(&self, engine: &Engine) -> wasmtime::Result<Compiled> {
        #[expect(unsafe_code, reason = "the bytes come from the compiler above, or from our disk cache by checksum")]
        // SAFETY: `Code` is made by `compile`, or by `trusted` from bytes that `compile` made.
        unsafe {
            Compiled::deserialize(engine, &self.0)
        }
    }
}

/// Finds out what a component is for, and links it.
pub(super) fn link(
    linkers: &Linkers,
    compiled: &Compiled,
    digest: Digest,
    origin: Origin,
) -> Result<Component, LoadError> {
    let world = world(compiled)?;
    let pre = linkers.link(world, compiled)?;
    Ok(Component::new(digest, origin, world, compiled, pre))
}

/// The world of a component: the one whose interface it exports.
fn world(compiled: &Compiled) -> Result<World, LoadError> {
    let ty = compiled.component_type();
    let exports: Vec<&str> = ty.exports(compiled.engine()).map(|(name, _)| name).collect();
    let mut worlds = exports.iter().filter_map(|export| world_of(export));
    match (worlds.next(), worlds.next()) {
        (Some(world), None) => Ok(world),
        _ => Err(LoadError::WorldUnsupported { found: listed(&exports), supported: supported() }),
    }
}

/// The world that exports this name, `weir:plugin/<interface>@<version>`.
fn world_of(export: &str) -> Option<World> {
    let (interface, version) = export.strip_prefix(PACKAGE)?.split_once('@')?;
    let version: Version = version.parse().ok()?;
    let in_track = (version.major, version.minor) == TRACK && version.pre.is_empty();
    World::ALL.into_iter().find(|world| in_track && world.interface() == interface)
}

fn supported() -> String {
    let (major, minor) = TRACK;
    World::ALL.map(|world| format!("{PACKAGE}{}@{major}.{minor}", world.interface())).join(", ")
}

/// Names for a message: a few of them, as a component may export thousands.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names {
        [] => "nothing".to_owned(),
        _ if names.len() > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_named_by_interface_and_track() {
        assert_eq!(world_of("weir:plugin/routing@0.1.0"), Some(World::Router));
        assert_eq!(world_of("weir:plugin/delivery@0.1.7"), Some(World::Adapter));
        for other in [
            "routing",
            "weir:plugin/routing",
            "weir:plugin/routing@0.2.0",
            "weir:plugin/routing@0.1.0-rc.1",
            "weir:plugin/types@0.1.0",
        ] {
            assert_eq!(world_of(other), None, "{other}");
        }
    }
}
