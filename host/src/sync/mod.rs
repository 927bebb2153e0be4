//! Waiting for each other: locks by key, and a pool of threads for work that occupies a core.

mod cpu_pool;
mod keyed_lock;

pub use cpu_pool::CpuPool;
pub use keyed_lock::{KeyedGuard, KeyedLock};
