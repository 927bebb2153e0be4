//! The built-in relay adapter: an event that an organization pushes to a federation group becomes one
//! signed HTTP POST to an external peer.
//!
//! The contract's section 7.2 says what goes over the wire, with the headers of 7.1 and 7.5 beside it.
//! [`request`] decides all of it; this file connects it with the host.

mod request;

use weir_adapter::{Event, Failure, Guest, Request, context, signing};

struct Relay;

impl Guest for Relay {
    fn prepare(event: Event, target_url: String) -> Result<Request, Failure> {
        let attempted_at_s = context::attempted_at_ms() / 1_000;
        request::build(&event, target_url, attempted_at_s, signing::hmac_sha256).map_err(Failure::Reject)
    }
}

weir_adapter::export!(Relay);
