//! The built-in webhook adapter: an event becomes one signed HTTP POST.
//!
//! The contract's sections 7.1 and 7.5 say what goes over the wire. [`request`] decides all of it, and
//! knows the host only as a closure that signs; this file connects it with the host.

mod body;
mod config;
mod request;

use weir_adapter::{Event, Failure, Guest, Request, context, signing};

struct Webhook;

impl Guest for Webhook {
    fn prepare(event: Event, target_url: String) -> Result<Request, Failure> {
        let config = config::parse(&context::config()).map_err(Failure::Reject)?;
        let attempted_at_s = context::attempted_at_ms() / 1_000;
        Ok(request::build(&event, target_url, attempted_at_s, config, signing::hmac_sha256))
    }
}

weir_adapter::export!(Webhook);
