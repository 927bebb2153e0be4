//! The parts that the built-in adapters share: the connection with the host, JSON that keeps a payload byte
//! for byte, and the signatures that every request carries in any format.

pub mod event;
pub mod json;
pub mod signed;

#[expect(missing_docs, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1",
        world: "adapter",
        pub_export_macro: true,
        default_bindings_module: "weir_adapter::bindings",
    });
}

pub use bindings::{
    export,
    exports::weir::plugin::delivery::{Event, Failure, Guest, Request},
    weir::plugin::{
        context,
        signing::{self, KeyForm},
    },
};
