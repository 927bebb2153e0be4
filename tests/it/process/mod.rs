//! The binary itself, as a process: its commands, its end, and what survives it.

mod commands;
mod crash;
mod dev;
mod faults;
mod guard;
mod host;
mod quota;
mod repeats;
mod root_keys;
