//! The binary as a process: its commands, how it stops, and that nothing accepted is lost when it is killed.

mod commands;
mod crash;
mod dev;
mod faults;
mod guard;
mod host;
mod quota;
mod repeats;
mod root_keys;
