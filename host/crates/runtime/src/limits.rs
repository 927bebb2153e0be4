//! Every bound of the runtime: a name, a value and the reason. A test by the constant's name in
//! lower case (or listed in `tests/it/rules/limits.rs`) reaches each of them.

/// Fuel of one call, roughly its instructions: a hundred times what a Python or JavaScript guest
/// needs for a small rewrite, and some twenty milliseconds of a core.
pub const CALL_FUEL_MAX: u64 = 200_000_000;
/// Milliseconds of one call. Far longer than the fuel lasts, so that only a call that keeps the
/// host busy, or one on an overloaded host, ends by the clock instead of by its fuel.
pub const CALL_DURATION_MS_MAX: u64 = 1_000;
/// Bytes of all memories of an instance together: interpreted guests start with some 30 MB.
pub const CALL_MEMORY_BYTES_MAX: usize = 128 << 20;
/// Bytes that a call may answer: a body with the largest payload in it twice, and room to spare.
pub const CALL_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Lines that are kept of one call; more are counted only.
pub const CALL_LOG_LINES_MAX: usize = 100;
/// Bytes of all lines that are kept of one call, as they are stored beside the delivery.
pub const CALL_LOG_BYTES_MAX: usize = 16_384;
/// Bytes of one line; the rest of it is cut off.
pub const LOG_LINE_BYTES_MAX: usize = 1_024;
/// Bytes of a component's reason to fail; the rest of it is cut off.
pub const FAILURE_MESSAGE_BYTES_MAX: usize = 1_024;
/// Headers of one request: common servers refuse more than 100, and the host adds some itself.
pub const REQUEST_HEADERS_MAX: usize = 64;
/// Attributes that one answer may carry: they are stored with every delivery.
pub const ATTRIBUTES_MAX: usize = 64;
/// Milliseconds that a router may put a delivery off: a week; a longer delay is a mistake.
pub const ROUTER_DELAY_MS_MAX: u64 = 7 * 24 * 3_600_000;
/// Bytes of random numbers that a guest may ask for at once. It may ask again.
pub const RANDOM_BYTES_MAX: u64 = 65_536;
/// Handles (streams, pollables) that an instance may hold, as each costs the host memory.
pub const INSTANCE_HANDLES_MAX: usize = 1_024;
/// Core instances of one component: Python guests have about 40.
pub const CORE_INSTANCES_MAX: u32 = 64;
/// Memories of one component.
pub const MEMORIES_MAX: u32 = 16;
/// Tables of one component: Python guests have about as many as core instances.
pub const TABLES_MAX: u32 = 64;
/// Elements of all tables of an instance together: Python guests have some 60,000.
pub const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Bytes of stack of one call. Calls run on threads with 2 MiB, on top of the host's own frames.
pub const CALL_STACK_BYTES_MAX: usize = 512 << 10;
/// Bytes of an uploaded component: interpreters with their libraries are 12 to 18 MB.
pub const COMPONENT_BYTES_MAX: usize = 32 << 20;
/// Instances that live at the same time. Each reserves address space, not memory.
pub const INSTANCES_MAX: u32 = 1_000;
/// Idle instances of built-in components, all organizations together: a quarter of all
/// instances, so that idle ones never starve calls.
pub const IDLE_INSTANCES_MAX: usize = 250;
/// Idle instances of one built-in component for one organization: more calls than that run at
/// once only for a moment.
pub const IDLE_INSTANCES_PER_ORGANIZATION_MAX: usize = 8;
/// Bytes of memory with which an instance may stay idle; larger ones served a rare large payload.
pub const IDLE_INSTANCE_MEMORY_BYTES_MAX: usize = 4 << 20;
/// Bytes of compiled code kept in memory: some ten interpreters, or thousands of Rust components.
pub const CODE_CACHE_BYTES_MAX: usize = 512 << 20;
/// Bytes of compiled code kept on disk, where it saves seconds of compiling per interpreter.
pub const CODE_CACHE_DISK_BYTES_MAX: u64 = 4 << 30;
