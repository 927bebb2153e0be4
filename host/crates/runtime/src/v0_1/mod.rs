//! Track 0.1 of the WIT package: which interface makes which world, and how it is called.

mod bindings;
mod convert;
mod host;

use wasmtime::{
    Engine, Result, Store,
    component::{Component, Linker},
};

use super::{
    component::{LoadError, World},
    fault::Failure,
    instance::StoreData,
    output::Transformed,
    wasi,
};
use crate::domain::event::{Candidate, Destination, Event, Request};
use bindings::{
    adapter::{Adapter, AdapterPre},
    router::{Router, RouterPre},
    transformer::{Transformer, TransformerPre},
};

/// What components of each world may import.
pub(super) struct Linkers {
    /// Routers and transformers import the same.
    pure: Linker<StoreData>,
    adapter: Linker<StoreData>,
}

/// A component that is linked, short of an instance.
pub(super) enum Pre {
    Router(RouterPre<StoreData>),
    Transformer(TransformerPre<StoreData>),
    Adapter(AdapterPre<StoreData>),
}

/// What an instance exports.
pub(super) enum Exports {
    Router(Router),
    Transformer(Transformer),
    Adapter(Adapter),
}

impl Linkers {
    pub(super) fn new(engine: &Engine) -> Result<Self> {
        let mut pure = Linker::new(engine);
        wasi::link(&mut pure)?;
        host::link_common(&mut pure)?;
        let mut adapter = pure.clone();
        host::link_signing(&mut adapter)?;
        Ok(Self { pure, adapter })
    }

    /// Links a component as this world: it may import what the world has and must export what the
    /// world asks for.
    pub(super) fn link(&self, world: World, component: &Component) -> Result<Pre, LoadError> {
        let linker = if world == World::Adapter { &self.adapter } else { &self.pure };
        let imported = linker.instantiate_pre(component);
        let imported = imported.map_err(|error| LoadError::ImportUnknown(format!("{error:#}")))?;
        let exported = match world {
            World::Router => RouterPre::new(imported).map(Pre::Router),
            World::Transformer => TransformerPre::new(imported).map(Pre::Transformer),
            World::Adapter => AdapterPre::new(imported).map(Pre::Adapter),
        };
        exported.map_err(|error| LoadError::Invalid(format!("{error:#}")))
    }
}

impl Pre {
    pub(super) fn instantiate(&self, store: &mut Store<StoreData>) -> Result<Exports> {
        Ok(match self {
            Self::Router(pre) => Exports::Router(pre.instantiate(store)?),
            Self::Transformer(pre) => Exports::Transformer(pre.instantiate(store)?),
            Self::Adapter(pre) => Exports::Adapter(pre.instantiate(store)?),
        })
    }
}

/// The answer of a component, or why there is none; the outer error is a trap.
pub(super) type Answer<T> = Result<Result<T, Failure>>;

pub(super) fn route(
    router: &Router,
    store: &mut Store<StoreData>,
    event: &Event,
    candidates: &[Candidate],
) -> Answer<Vec<Destination>> {
    let attributes = convert::pairs(&event.attributes);
    let labels: Vec<_> = candidates.iter().map(|candidate| convert::pairs(&candidate.labels)).collect();
    let offered: Vec<_> = candidates.iter().zip(&labels).map(|(c, labels)| convert::candidate(c, labels)).collect();
    let answer = router.weir_plugin_routing().call_route(store, convert::event(event, &attributes), &offered)?;
    Ok(answer.map(convert::destinations).map_err(convert::failure))
}

pub(super) fn transform(
    transformer: &Transformer,
    store: &mut Store<StoreData>,
    event: &Event,
) -> Answer<Option<Transformed>> {
    let attributes = convert::pairs(&event.attributes);
    let answer = transformer.weir_plugin_transformation().call_transform(store, convert::event(event, &attributes))?;
    Ok(answer.map(|transformed| transformed.map(convert::transformed)).map_err(convert::failure))
}

pub(super) fn prepare(
    adapter: &Adapter,
    store: &mut Store<StoreData>,
    event: &Event,
    target_url: &str,
) -> Answer<Request> {
    let attributes = convert::pairs(&event.attributes);
    let event = convert::event(event, &attributes);
    let answer = adapter.weir_plugin_delivery().call_prepare(store, event, target_url)?;
    Ok(answer.map(convert::request).map_err(convert::failure))
}
