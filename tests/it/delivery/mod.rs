//! Deliveries: the requests that receivers get for an accepted event, and retries, replays and retention.

mod durability;
mod endpoints;
mod fairness;
mod filters;
mod flow;
mod hosts;
mod names;
mod programs;
mod replay;
mod replays;
mod retention;
mod retries;
mod secrets;
mod start_at;
mod wire;
