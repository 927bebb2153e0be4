//! What receivers see of an accepted event, and what becomes of it when they do not answer.

mod fairness;
mod filters;
mod hosts;
mod replay;
mod retries;
mod secrets;
mod start_at;
mod wire;
