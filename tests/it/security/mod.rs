//! Secrets at rest, and who is kept out: root keys, the outbound guard, the listener.

mod guard;
mod root_keys;
