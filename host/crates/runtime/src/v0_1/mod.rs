//! Speaks track 0.1 of the WIT package: links the components of each world, and calls them.

mod bindings;
mod convert;
mod host;

use wasmtime::{
    Engine, Result, Store,
    component::{Component, Linker},
};

use crate::{
    event::{Candidate, Destination, Event, Request, Transformed},
    failure::Failure,
    refusal::LoadError,
    store::StoreData,
    wasi,
    world::World,
};
use bindings::{
    adapter::{Adapter, AdapterPre},
    router::{Router, RouterPre},
    transformer::{Transformer, TransformerPre},
};

/// The interfaces that components of each world may import.
pub(crate) struct Linkers {
    /// Routers and transformers import the same.
    pure: Linker<StoreData>,
    adapter: Linker<StoreData>,
}

/// A component that is linked, short of an instance.
pub(crate) enum Pre {
    Router(RouterPre<StoreData>),
    Transformer(TransformerPre<StoreData>),
    Adapter(AdapterPre<StoreData>),
}

/// The export of an instance that can be called.
pub(crate) enum Exports {
    Router(Router),
    Transformer(Transformer),
    Adapter(Adapter),
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> Result<Self> {
        let mut pure = Linker::new(engine);
        wasi::link(&mut pure)?;
        host::link_common(&mut pure)?;
        let mut adapter = pure.clone();
        host::link_signing(&mut adapter)?;
        Ok(Self { pure, adapter })
    }

    /// Links a component as this world: it may import what the world has and must export what the
    /// world asks for.
    pub(crate) fn link(&self, world: World, component: &Component) -> Result<Pre, LoadError> {
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
    /// Makes an instance in this store.
    pub(crate) fn instantiate(&self, store: &mut Store<StoreData>) -> Result<Exports> {
        Ok(match self {
            Self::Router(pre) => Exports::Router(pre.instantiate(store)?),
            Self::Transformer(pre) => Exports::Transformer(pre.instantiate(store)?),
            Self::Adapter(pre) => Exports::Adapter(pre.instantiate(store)?),
        })
    }
}

/// The answer of a component, or its own failure; the outer error is a trap.
pub(crate) type Answer<T> = Result<Result<T, Failure>>;

pub(crate) fn route(
    router: &Router,
    store: &mut Store<StoreData>,
    event: &Event<'_>,
    candidates: &[Candidate<'_>],
) -> Answer<Vec<Destination>> {
    let candidates: Vec<_> = candidates.iter().map(convert::candidate).collect();
    let answer = router.weir_plugin_routing().call_route(store, convert::event(event), &candidates)?;
    Ok(answer.map(convert::destinations).map_err(convert::failure))
}

pub(crate) fn transform(
    transformer: &Transformer,
    store: &mut Store<StoreData>,
    event: &Event<'_>,
) -> Answer<Option<Transformed>> {
    let answer = transformer.weir_plugin_transformation().call_transform(store, convert::event(event))?;
    Ok(answer.map(|transformed| transformed.map(convert::transformed)).map_err(convert::failure))
}

pub(crate) fn prepare(
    adapter: &Adapter,
    store: &mut Store<StoreData>,
    event: &Event<'_>,
    target_url: &str,
) -> Answer<Request> {
    let answer = adapter.weir_plugin_delivery().call_prepare(store, convert::event(event), target_url)?;
    Ok(answer.map(convert::request).map_err(convert::failure))
}
