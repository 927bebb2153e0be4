//! What receivers see of an accepted event, and what becomes of it when they do not answer.

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
