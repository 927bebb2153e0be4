//! The bounds of one call.

use crate::limits;

/// How much one call of a component may use. A call that wants more ends; the host goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Fuel, roughly instructions: the bound that users see, as it does not depend on the machine.
    pub fuel: u64,
    /// Milliseconds on the clock: the bound of last resort.
    pub duration_ms: u64,
    /// Bytes of all memories of the instance together. A runtime reserves address space for the
    /// budget that it was started with, so a call never gets more than that one has.
    pub memory_bytes: usize,
    /// Bytes of the answer. The guest may hand twice as much to one call of the host.
    pub output_bytes: usize,
    /// Log lines that are kept.
    pub log_lines: usize,
    /// Bytes of all log lines that are kept.
    pub log_bytes: usize,
}

/// The bounds of [`limits`].
impl Default for Budget {
    fn default() -> Self {
        Self {
            fuel: limits::CALL_FUEL_MAX,
            duration_ms: limits::CALL_DURATION_MS_MAX,
            memory_bytes: limits::CALL_MEMORY_BYTES_MAX,
            output_bytes: limits::CALL_OUTPUT_BYTES_MAX,
            log_lines: limits::CALL_LOG_LINES_MAX,
            log_bytes: limits::CALL_LOG_BYTES_MAX,
        }
    }
}
