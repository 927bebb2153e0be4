//! The pipeline: the steps between an accepted event and a receiver's answer. `choose` asks a router which
//! endpoints get the event, `prepare` runs the program of a delivery up to a request, `judge` says what
//! becomes of the delivery.
//!
//! Nothing here loops over a table or opens a transaction: routing, delivery and relaying do that, and
//! services use the same steps for tests of an endpoint.

pub mod choose;
pub mod judge;
pub mod prepare;

mod event_view;
mod signer;

pub use choose::{Choice, choose, choose_quickly};
pub use judge::{Judgement, Then};
pub use prepare::{Input, Prepared, Stage, Steps, prepare};
