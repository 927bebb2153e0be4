//! Security: rotating root keys, and the outbound guard.

mod guard;
mod root_keys;
