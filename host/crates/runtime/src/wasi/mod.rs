//! WASI 0.2 with nothing behind it.
//!
//! Standard libraries import WASI whether a program uses it or not, so it is linked; but there
//! are no files, variables, arguments or sockets, input is at its end and output goes nowhere.
//! Clocks stand still at the event's accept time and random numbers follow from event and
//! component, so that the same input gives the same bytes in every language.
//!
//! The crate `wasmtime-wasi` serves everything that cannot block. Clocks, random numbers, polling and
//! streams are served by this module instead: with those of `wasmtime-wasi`, a guest that sleeps
//! would hold a thread of the host past every deadline, as neither fuel nor epochs pass meanwhile.

mod clock;
mod io;
mod random;

use wasmtime::{
    Result,
    component::{HasData, Linker, ResourceTable},
};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    p2::bindings::{clocks, random as random_bindings, sync},
};

use crate::{digest::Digest, limits::INSTANCE_HANDLES_MAX};
use random::Random;

/// The state that WASI has in an instance.
pub(crate) struct Wasi {
    context: WasiCtx,
    handles: ResourceTable,
}

impl Wasi {
    pub(crate) fn new() -> Self {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(INSTANCE_HANDLES_MAX);
        Self { context: WasiCtx::default(), handles }
    }

    /// The view of it that the crate `wasmtime-wasi` asks for.
    pub(crate) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.context, table: &mut self.handles }
    }
}

/// The answers of clocks and random numbers during one call.
pub(crate) struct Inputs {
    /// Milliseconds since the Unix epoch.
    now_ms: u64,
    random: Random,
}

impl Inputs {
    /// The inputs of a call of this component, about an event that was accepted then.
    pub(crate) fn new(component: Digest, event_id: &str, accepted_at_ms: u64) -> Self {
        Self { now_ms: accepted_at_ms, random: Random::new(event_id, component) }
    }
}

/// The data of a store that components with WASI can live in.
pub(crate) trait HasWasi: WasiView + 'static {
    /// The state of the instance, and the inputs of its call.
    fn wasi(&mut self) -> (&mut Wasi, &mut Inputs);
}

/// Lets components import WASI.
pub(crate) fn link<T: HasWasi>(linker: &mut Linker<T>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    clocks::wall_clock::add_to_linker::<_, Clocks>(linker, Clocks::view::<T>)?;
    clocks::monotonic_clock::add_to_linker::<_, Clocks>(linker, Clocks::view::<T>)?;
    random_bindings::random::add_to_linker::<_, Randoms>(linker, Randoms::view::<T>)?;
    random_bindings::insecure::add_to_linker::<_, Randoms>(linker, Randoms::view::<T>)?;
    random_bindings::insecure_seed::add_to_linker::<_, Randoms>(linker, Randoms::view::<T>)?;
    sync::io::poll::add_to_linker::<_, Io>(linker, Io::view::<T>)?;
    sync::io::streams::add_to_linker::<_, Io>(linker, Io::view::<T>)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The view of a store that the clocks have.
struct Clocks;

impl HasData for Clocks {
    type Data<'a> = clock::View<'a>;
}

impl Clocks {
    fn view<T: HasWasi>(data: &mut T) -> clock::View<'_> {
        let (wasi, inputs) = data.wasi();
        clock::View { now_ms: inputs.now_ms, handles: &mut wasi.handles }
    }
}

/// The view of a store that the random numbers have.
struct Randoms;

impl HasData for Randoms {
    type Data<'a> = &'a mut Random;
}

impl Randoms {
    fn view<T: HasWasi>(data: &mut T) -> &mut Random {
        &mut data.wasi().1.random
    }
}

/// The view of a store that streams and polling have.
struct Io;

impl HasData for Io {
    type Data<'a> = io::View<'a>;
}

impl Io {
    fn view<T: HasWasi>(data: &mut T) -> io::View<'_> {
        io::View { handles: &mut data.wasi().0.handles }
    }
}
