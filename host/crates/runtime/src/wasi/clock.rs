//! Clocks that stand still at the time when the event was accepted.

use wasmtime::{
    Result,
    component::{Resource, ResourceTable},
};
use wasmtime_wasi::p2::{
    DynPollable,
    bindings::clocks::{monotonic_clock, wall_clock},
};

use super::io;

const MILLIS_PER_SECOND: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// The clocks of one store.
pub(super) struct View<'a> {
    /// The time of the call, in milliseconds since the Unix epoch.
    pub(super) now_ms: u64,
    pub(super) handles: &'a mut ResourceTable,
}

impl wall_clock::Host for View<'_> {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(self.now_ms))
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(1))
    }
}

fn datetime(milliseconds: u64) -> wall_clock::Datetime {
    let nanoseconds = (milliseconds % MILLIS_PER_SECOND) * NANOS_PER_MILLI;
    wall_clock::Datetime {
        seconds: milliseconds / MILLIS_PER_SECOND,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    }
}

impl monotonic_clock::Host for View<'_> {
    /// The same time as on the wall: a clock that starts at zero surprises programs that look back.
    fn now(&mut self) -> Result<monotonic_clock::Instant> {
        Ok(self.now_ms.saturating_mul(NANOS_PER_MILLI))
    }

    fn resolution(&mut self) -> Result<monotonic_clock::Instant> {
        Ok(NANOS_PER_MILLI)
    }

    fn subscribe_instant(&mut self, _when: monotonic_clock::Instant) -> Result<Resource<DynPollable>> {
        io::ready(self.handles)
    }

    fn subscribe_duration(&mut self, _duration: monotonic_clock::Duration) -> Result<Resource<DynPollable>> {
        io::ready(self.handles)
    }
}
