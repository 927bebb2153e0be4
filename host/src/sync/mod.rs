//! Waiting for each other: locks by key, places that keys share in turns, and a pool of threads for work that
//! occupies a core.

mod cpu_pool;
mod keyed_lock;
mod turns;

pub use cpu_pool::CpuPool;
pub use keyed_lock::{KeyedGuard, KeyedLock};
pub use turns::{Place, TurnBounds, Turns};
