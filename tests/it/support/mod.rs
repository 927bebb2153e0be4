//! What tests share.

pub(crate) mod fixtures;
