//! Finds the world of a component by its exports, and links its imports.

use semver::Version;
use wasmtime::component::Component as Compiled;

use crate::{component::Component, digest::Digest, refusal::LoadError, v0_1::Linkers, world::World};

/// The package whose interfaces make the worlds.
const PACKAGE: &str = "weir:plugin/";
/// The track of the package that this crate runs: releases of `0.1` are compatible with each other.
const TRACK: (u64, u64) = (0, 1);

/// Finds the world of a component, and links it.
pub(crate) fn link(linkers: &Linkers, compiled: &Compiled, digest: Digest) -> Result<Component, LoadError> {
    let world = world(compiled)?;
    let pre = linkers.link(world, compiled)?;
    Ok(Component::new(digest, world, compiled, pre))
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

/// Lists names for a message: a few of them, as a component may export thousands.
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
