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
/// Characters of an organization's slug: what DNS allows for one label.
pub const SLUG_CHARS_MAX: usize = 63;
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

// Schemas, secrets, retries and outgoing requests.

/// Bytes of a schema's text. Fifty properties with long descriptions fit many times.
pub const SCHEMA_TEXT_BYTES_MAX: usize = 262_144;
/// Subschemas of a schema. Fifty properties with branches and annotations stay far below.
pub const SCHEMA_SUBSCHEMAS_MAX: usize = 2_000;
/// How deep subschemas and references nest when a schema is walked: walking uses the stack.
pub const SCHEMA_NESTING_MAX: usize = 128;
/// Subschemas that apply to one value through branches and references. A union of a hundred
/// types stays below; references that double thirty times do not.
pub const SCHEMA_EXPANSION_MAX: usize = 1_000;
/// Branches and references that follow one another at one value: each costs stack at each check.
pub const SCHEMA_CHAIN_MAX: usize = 24;
/// Different regular expressions of a schema: as many as it may have properties.
pub const SCHEMA_PATTERNS_MAX: usize = 50;
/// Bytes of a regular expression's text.
pub const SCHEMA_PATTERN_BYTES_MAX: usize = 1_024;
/// Characters of a regular expression with its repetitions written out, as `(ab){3}` has six:
/// the slowest text costs time in proportion to them. E-mail addresses take 130.
pub const SCHEMA_PATTERN_PLACES_MAX: usize = 1_024;
/// Bytes of a compiled regular expression. Classes of letters in all scripts fit four times.
pub const SCHEMA_PATTERN_COMPILED_BYTES_MAX: usize = 128 * 1_024;
/// Steps of one check of a payload, where a step is a look at a value or a byte of a text (more
/// where expensive patterns read it): never much more than a second. Payloads of the largest size
/// take some hundred thousand; a recursive schema could take any number.
pub const CHECK_STEPS_MAX: u32 = 16_000_000;
/// Steps to find out what is wrong with a payload: fewer, because what is found takes memory.
pub const EXPLAIN_STEPS_MAX: u32 = 4_000_000;
/// How deep a check follows a payload: each level costs stack. Only recursive schemas follow
/// further than their own levels.
pub const CHECK_DEPTH_MAX: u16 = 64;
/// Characters of one message about a refused payload: it may name members, which may be long.
pub const PAYLOAD_ERROR_CHARS_MAX: usize = 300;
/// Characters of a signing secret that a caller chose: fewer are guessed, more help nobody.
pub const SECRET_CHARS_MIN: usize = 8;
/// See [`SECRET_CHARS_MIN`]. Contract 7.5.
pub const SECRET_CHARS_MAX: usize = 256;
/// Steps of a retry schedule. Contract 14.3.
pub const RETRY_STEPS_MAX: usize = 20;
/// Seconds of one step of a retry schedule: a day. Contract 14.3.
pub const RETRY_STEP_SECONDS_MAX: u32 = 86_400;
/// Headers of an outgoing request that an adapter may set.
pub const OUTBOUND_HEADERS_MAX: usize = 64;
/// Bytes of their names and values. Common servers refuse more than this.
pub const OUTBOUND_HEADER_BYTES_MAX: usize = 8_192;
/// Bytes of the body of an outgoing request: the largest payload fits twice into its envelope,
/// which repeats it (contract 7.1), and three times with escapes.
pub const OUTBOUND_BODY_BYTES_MAX: usize = 1_048_576;
/// Bytes that are read of the body of an answer. Contract 7.1 ignores it; reading a little keeps
/// the connection.
pub const OUTBOUND_ANSWER_BYTES_MAX: usize = 65_536;
/// Bytes that are kept of the body of an answer, for the owner of the target to see.
pub const SNIPPET_BYTES_MAX: usize = 1_024;
/// Idle connections kept to one target: as many deliveries as are in flight to a busy one.
pub const OUTBOUND_IDLE_CONNECTIONS_MAX: usize = 128;
