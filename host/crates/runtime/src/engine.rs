//! Starts wasmtime's engine: every deviation from its defaults, with the reason.

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Result};

use crate::{budget::Budget, limits};

/// Milliseconds between two epochs, and so the precision of a deadline. A guest checks the epoch
/// with one load and one compare, whatever the pace.
const EPOCH_MS: u64 = 10;

/// Starts an engine for `instances` live instances with at most this budget, and the thread that ends
/// calls at their deadline.
pub(crate) fn start(instances: u32, budget: &Budget) -> Result<Engine> {
    let engine = Engine::new(&config(instances, budget))?;
    // The thread ends with the engine, so it needs no handle.
    drop(tick(&engine)?);
    Ok(engine)
}

/// The deadline of a call that begins now, in epochs from the one under way. That one is partly over,
/// so it does not count: a call gets at least its time.
pub(crate) const fn deadline_in_epochs(duration_ms: u64) -> u64 {
    duration_ms.div_ceil(EPOCH_MS) + 1
}

fn config(instances: u32, budget: &Budget) -> Config {
    let mut config = Config::new();
    config
        // Fuel is the budget that users see: it does not depend on the machine or its load.
        .consume_fuel(true)
        // Epochs are the clock: they also end a guest that burns time in calls of the host.
        .epoch_interruption(true)
        // Calls run on threads of 2 MiB, so the guest's share is fixed.
        .max_wasm_stack(limits::CALL_STACK_BYTES_MAX)
        // Instances come out of a pool, with the pages of their memory mapped copy-on-write from
        // the compiled code: a fresh one takes microseconds.
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, budget)))
        .memory_init_cow(true)
        // The same input gives the same bytes on every machine: NaNs have one bit pattern, and
        // instructions whose results may differ are not known.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        // No budget reaches 4 GiB, and 64-bit memories give up the cheap bounds checks.
        .wasm_memory64(false)
        // A component is compiled once and called often.
        .cranelift_opt_level(OptLevel::Speed)
        // Tenants see which trap it was; frames of stripped code would tell them nothing more.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    config
}

/// The pool reserves address space up front; only live instances use memory.
fn pool(instances: u32, budget: &Budget) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool
        // Room in the pool runs out by instances first: nearly all components have one memory and
        // two tables, so more of either per instance is not set aside.
        .total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(limits::CORE_INSTANCES_MAX))
        .total_memories(instances.max(limits::MEMORIES_MAX))
        .total_tables(instances.saturating_mul(4).max(limits::TABLES_MAX))
        .max_core_instances_per_component(limits::CORE_INSTANCES_MAX)
        .max_memories_per_component(limits::MEMORIES_MAX)
        .max_tables_per_component(limits::TABLES_MAX)
        // A component may have all of its memories and tables in one module.
        .max_memories_per_module(limits::MEMORIES_MAX)
        .max_tables_per_module(limits::TABLES_MAX)
        .table_elements(limits::TABLE_ELEMENTS_MAX)
        .max_memory_size(budget.memory_bytes)
        // The metadata of an interpreter's instance passes wasmtime's default of 1 MiB.
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        // A slot keeps this much memory for its next instance, cleared. Where the kernel says
        // which pages were written, only those are: a fresh instance then takes 8 instead of 20 µs.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(4 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Starts the thread that counts epochs. It holds the engine only while it counts, so it ends soon
/// after the last handle to the engine is dropped.
fn tick(engine: &Engine) -> Result<JoinHandle<()>> {
    let engine = engine.weak();
    let count = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Duration::from_millis(EPOCH_MS));
        }
    };
    Ok(thread::Builder::new().name("weir-epochs".to_owned()).spawn(count)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gets_at_least_its_time() {
        assert_eq!(deadline_in_epochs(0), 1);
        assert_eq!(deadline_in_epochs(EPOCH_MS), 2);
        assert_eq!(deadline_in_epochs(EPOCH_MS + 1), 3);
    }

    #[test]
    fn the_thread_ends_with_the_engine() {
        let engine = Engine::new(&config(1, &Budget::default())).expect("an engine starts");
        let thread = tick(&engine).expect("a thread starts");
        drop(engine);
        thread.join().expect("the thread ends");
    }
}
