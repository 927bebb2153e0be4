//! What happens after an event is accepted.

pub mod outbound;
