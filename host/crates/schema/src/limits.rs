//! Every bound of this crate: a name, a value and the reason.
//!
//! A bound whose reason says *Contract* is one that Weir promises to its callers. The others keep
//! time, memory and stack bounded for every schema, payload and filter, however it was made.

/// Bytes of a schema's text. Fifty properties with long descriptions fit many times.
pub const SCHEMA_TEXT_BYTES_MAX: usize = 262_144;
/// Levels of objects and arrays in one another that a schema may describe, unless other caps are
/// set: an object of scalars has 1. Contract.
pub const SCHEMA_DEPTH_MAX: usize = 5;
/// Keys of all `properties` maps of a schema together, unless other caps are set. Contract.
pub const SCHEMA_PROPERTIES_MAX: usize = 50;
/// Subschemas of a schema, whatever caps are set. Fifty properties with branches and annotations stay far
/// below, and some hundred do too.
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
/// Steps of a quick check, as a thread that serves may make it: some hundred microseconds at worst, and
/// more than any payload of a few kilobytes takes. Longer checks belong on other threads.
pub const QUICK_CHECK_STEPS_MAX: u32 = 10_000;
/// Steps to find the errors of a payload: fewer, because each error takes memory.
pub const EXPLAIN_STEPS_MAX: u32 = 4_000_000;
/// How deep a check follows a payload: each level costs stack. Only recursive schemas follow
/// further than their own levels.
pub const CHECK_DEPTH_MAX: u16 = 64;
/// Levels of a payload times the longest chain of branches and references that applies to one value:
/// so many calls nest at once, and each costs up to three kilobytes of stack in a development build. So a
/// recursive schema whose chain is longer than four follows payloads less deep.
pub const CHECK_NESTING_MAX: usize = 256;
/// Violations shown for one refused payload. Contract 2.5.
pub const PAYLOAD_ERRORS_SHOWN_MAX: usize = 20;
/// Characters of one message about a refused payload: it may name members, which may be long.
pub const PAYLOAD_ERROR_CHARS_MAX: usize = 300;
/// Steps of the proof that a new schema takes what the old one took, where a step is a look at a
/// rule or at some states of a pattern. Schemas with fifty properties take some hundred to some
/// thousand; these take about twenty milliseconds.
pub const COMPARISON_STEPS_MAX: u32 = 100_000;
/// Earlier versions that a new one is compared with: each is read again, which takes up to some
/// milliseconds. Patches need not be among them, since they allow what the version before allows.
pub const CHAIN_VERSIONS_MAX: usize = 100;
/// Steps of all these proofs together: ten of the longest, and a hundred of the usual ones.
pub const CHAIN_STEPS_MAX: u32 = 10 * COMPARISON_STEPS_MAX;
/// How deep the steps of that proof nest: each level costs stack. Fifteen levels of branches in
/// one another stay below.
pub const COMPARISON_DEPTH_MAX: usize = 100;
/// Steps of the search for a payload that shows why the proof failed: most are found within some
/// hundred.
pub const COUNTEREXAMPLE_STEPS_MAX: u32 = 200_000;
/// Bytes of that payload as JSON: as many as Weir takes. A larger one would be no use to show.
pub const COUNTEREXAMPLE_BYTES_MAX: usize = 262_144;
/// Violations shown for one refused schema, as many as for a refused payload.
pub const SCHEMA_VIOLATIONS_SHOWN_MAX: usize = 20;
/// Changes shown for a schema that was converted from another draft.
pub const CONVERSIONS_SHOWN_MAX: usize = 50;
/// Bytes of the JSON pointer of a subschema when a schema is converted, which keeps the pointers of all.
pub const CONVERTED_POINTER_BYTES_MAX: usize = 2_048;
/// Bytes of a filter without white space: a thousand of them go into one call of Weir's router, and are
/// read for every event. `EventBridge` takes half as many.
pub const FILTER_BYTES_MAX: usize = 4_096;
/// Alternatives of a filter, each value of a list counted: every one of them is compared with every
/// item of a list in the payload.
pub const FILTER_ALTERNATIVES_MAX: usize = 100;
/// Levels of objects in a filter: more than any schema has, and few enough for the stack.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Ways in which branches of a schema may be combined when a filter is checked against it. A union
/// of a hundred types stays below; beyond that, branches are ignored.
pub const FILTER_SHAPES_MAX: usize = 256;
/// Steps of one check of a filter against a schema: milliseconds. A filter that is not refused by
/// then may match.
pub const FILTER_STEPS_MAX: u32 = 2_000;
