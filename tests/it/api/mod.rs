//! The API over HTTP, by resource.

mod accounts;
mod auth;
mod bad_input;
mod deliveries;
mod emit;
mod emits;
mod event_log;
mod evolution;
mod explain;
mod federation;
mod filters;
mod health;
mod idempotency;
mod intake;
mod isolation;
mod lifecycle;
mod marketplace;
mod quota;
mod rate_limit;
mod registry;
mod repeated_names;
mod repeats;
mod routes;
mod shares;
mod subscriptions;
mod terms;
mod trials;
mod versions;
mod webhooks;

pub(crate) use routes::{ROUTES, Route, Who};
