//! Machine code: compiled from WebAssembly, or read from where this host put it.
//!
//! Machine code runs outside of every sandbox, so it has to be exactly what the compiler made. No
//! module outside of this folder can make a [`Code`]: it comes from [`Code::compile`], or from
//! [`CodeDir::read`], which compares checksums.

mod disk;
mod machine;

pub(crate) use disk::CodeDir;
pub(crate) use machine::Code;
