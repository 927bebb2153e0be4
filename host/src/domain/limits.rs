//! Every bound of the host: a name, a value and the reason. A test by the constant's name in
//! lower case (or listed in `tests/it/rules/limits.rs`) reaches each of them.

/// Bytes of a payload, as received. Contract: 256 KB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Bytes of a request body. Room for the largest payload, its envelope and white space, so that
/// an oversized payload is answered by its own code.
pub const REQUEST_BODY_BYTES_MAX: usize = 1_048_576;
/// Levels of nested `properties` and `items` in a schema, the root being 1. Contract.
pub const SCHEMA_DEPTH_MAX: usize = 5;
/// Keys of all `properties` maps of a schema together. Contract.
pub const SCHEMA_PROPERTIES_MAX: usize = 50;
/// Characters of an idempotency key: longer ones are mistakes, and the key stands in an index.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Characters of a free text such as a description or a display name.
pub const TEXT_CHARS_MAX: usize = 4_096;
/// Characters of a URL: what common servers accept in a request line.
pub const URL_CHARS_MAX: usize = 2_048;
/// Event types of one subscription.
pub const EVENT_TYPES_MAX: usize = 100;
/// Characters of one event type: prefix, ids, name and version fit twice.
pub const EVENT_TYPE_CHARS_MAX: usize = 256;
/// Violations shown for one refused payload. Contract 2.5.
pub const PAYLOAD_ERRORS_SHOWN_MAX: usize = 20;
/// Rows of one page of a list. Contract 1.9.
pub const PAGE_ROWS_MAX: u32 = 100;
/// Rows of a page when the caller does not say. Python's clients assume it.
pub const PAGE_ROWS_DEFAULT: u32 = 20;
/// Links of a chain of emits caused by components. Contract 2.5.
pub const CHAIN_DEPTH_MAX: u32 = 50;
