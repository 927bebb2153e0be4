//! What one call may use.

use crate::domain::limits;

/// What one call of a component may use. More than that ends the call, not the host.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Fuel, roughly instructions: the deterministic budget that users see.
    pub fuel: u64,
    /// Milliseconds on the clock: the budget of last resort.
    pub duration_ms: u64,
    /// Bytes of all memories together.
    pub memory_bytes: usize,
    /// Bytes of the answer, and of what one call of the host may be handed.
    pub output_bytes: usize,
    /// Log lines kept.
    pub log_lines: usize,
    /// Bytes of all log lines kept.
    pub log_bytes: usize,
}

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
