//! WASI 0.2 with nothing behind it.
//!
//! Standard libraries import WASI whether a program uses it or not, so it is linked; but there
//! are no files, variables, arguments or sockets, input is at its end and output goes nowhere.
//! Clocks stand still at the event's accept time and random numbers follow from event and
//! component, so that the same input gives the same bytes in every language.
//!
//! The crate `wasmtime-wasi` does what cannot block. Clocks, random numbers, polling and streams
//! are ours: with its own, a guest that sleeps would hold a thread of the host past every
//! deadline, as neither fuel nor epochs pass while the host waits.

mod clock;
mod io;
mod random;

pub(super) use clock::Clock;
pub(super) use random::Random;

use wasmtime::{
    Result,
    component::{HasData, Linker, ResourceTable},
};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    p2::bindings::{clocks, random as random_bindings, sync},
};

use super::instance::StoreData;
use crate::domain::limits::INSTANCE_HANDLES_MAX;

/// What WASI keeps in a store.
pub(super) struct Wasi {
    context: WasiCtx,
    handles: ResourceTable,
}

impl Wasi {
    pub(super) fn new() -> Self {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(INSTANCE_HANDLES_MAX);
        Self { context: WasiCtx::default(), handles }
    }
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi.context, table: &mut self.wasi.handles }
    }
}

/// Adds WASI to what components may import.
pub(super) fn link(linker: &mut Linker<StoreData>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    clocks::wall_clock::add_to_linker::<_, Clocks>(linker, Clocks::view)?;
    clocks::monotonic_clock::add_to_linker::<_, Clocks>(linker, Clocks::view)?;
    random_bindings::random::add_to_linker::<_, Randoms>(linker, Randoms::view)?;
    random_bindings::insecure::add_to_linker::<_, Randoms>(linker, Randoms::view)?;
    random_bindings::insecure_seed::add_to_linker::<_, Randoms>(linker, Randoms::view)?;
    sync::io::poll::add_to_linker::<_, Io>(linker, Io::view)?;
    sync::io::streams::add_to_linker::<_, Io>(linker, Io::view)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What the clocks see of a store.
struct Clocks;

impl HasData for Clocks {
    type Data<'a> = clock::View<'a>;
}

impl Clocks {
    fn view(data: &mut StoreData) -> clock::View<'_> {
        clock::View { clock: data.call.clock, handles: &mut data.wasi.handles }
    }
}

/// What the random numbers see of a store.
struct Randoms;

impl HasData for Randoms {
    type Data<'a> = &'a mut Random;
}

impl Randoms {
    fn view(data: &mut StoreData) -> &mut Random {
        &mut data.call.random
    }
}

/// What streams and polling see of a store.
struct Io;

impl HasData for Io {
    type Data<'a> = io::View<'a>;
}

impl Io {
    fn view(data: &mut StoreData) -> io::View<'_> {
        io::View { handles: &mut data.wasi.handles }
    }
}
