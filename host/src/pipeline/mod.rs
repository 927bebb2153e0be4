//! What is done to an event between its acceptance and the answer of a receiver: `choose` asks a
//! router who gets it, `prepare` runs the program of a delivery up to a request, `judge` says what an
//! attempt came to.
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
