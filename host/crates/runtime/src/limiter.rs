//! Bounds the memory of one store: the sum over all of its memories, as a component may have many.

use wasmtime::{ResourceLimiter, Result};

use crate::limits;

/// Counts the memory and table elements of a store's instances, and refuses more than the budget.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    refused: bool,
}

impl Limiter {
    pub(crate) const fn new(memory_bytes_max: usize) -> Self {
        Self { memory_bytes_max, memory_bytes: 0, table_elements: 0, refused: false }
    }

    /// Sets the bound for the next call of an instance, which keeps the memory that it has.
    pub(crate) const fn begin(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = memory_bytes_max;
        self.refused = false;
    }

    /// Bytes of all memories together. They never shrink, so this is the peak as well.
    pub(crate) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Whether the guest asked for more than it may have in this call: most languages trap right after.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }

    /// Adds a growth to a sum if it stays within `max`.
    fn grow(sum: &mut usize, current: usize, desired: usize, max: usize) -> bool {
        let grown = sum.saturating_add(desired.saturating_sub(current));
        if grown > max {
            return false;
        }
        *sum = grown;
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // What the module itself rules out fails anyway and must not count.
        if desired <= self.memory_bytes_max && maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::grow(&mut self.memory_bytes, current, desired, self.memory_bytes_max);
        self.refused |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired <= limits::TABLE_ELEMENTS_MAX && maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::grow(&mut self.table_elements, current, desired, limits::TABLE_ELEMENTS_MAX);
        self.refused |= !granted;
        Ok(granted)
    }

    fn instances(&self) -> usize {
        limits::CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        limits::TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        limits::MEMORIES_MAX as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_over_all_memories_counts() {
        let mut limiter = Limiter::new(10);
        assert!(limiter.memory_growing(0, 6, None).expect("answers"));
        assert!(!limiter.memory_growing(0, 6, None).expect("answers"));
        assert!(limiter.refused());
        assert!(limiter.memory_growing(6, 10, None).expect("answers"));
        assert_eq!(limiter.memory_bytes(), 10);
    }

    #[test]
    fn a_modules_own_maximum_is_no_refusal() {
        let mut limiter = Limiter::new(10);
        assert!(!limiter.memory_growing(0, 6, Some(5)).expect("answers"));
        assert!(!limiter.refused());
        assert_eq!(limiter.memory_bytes(), 0);
    }

    #[test]
    fn table_elements_max() {
        let mut limiter = Limiter::new(0);
        assert!(limiter.table_growing(0, limits::TABLE_ELEMENTS_MAX, None).expect("answers"));
        assert!(!limiter.table_growing(0, 1, None).expect("answers"));
    }
}
