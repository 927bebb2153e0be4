//! Bindings of `wit/0.1`, one module per world.
//!
//! Arguments are borrowed: an event goes into the guest's memory without a copy in between. The
//! interfaces that worlds share are generated once, with the adapter, whose imports are all of them.

pub(super) mod adapter {
    wasmtime::component::bindgen!({
        path: "../../../wit/0.1",
        world: "adapter",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

pub(super) mod router {
    wasmtime::component::bindgen!({
        path: "../../../wit/0.1",
        world: "router",
        ownership: Borrowing { duplicate_if_necessary: false },
        with: { "weir:plugin": super::adapter::weir::plugin },
    });
}

pub(super) mod transformer {
    wasmtime::component::bindgen!({
        path: "../../../wit/0.1",
        world: "transformer",
        ownership: Borrowing { duplicate_if_necessary: false },
        with: { "weir:plugin": super::adapter::weir::plugin },
    });
}
