//! The compiled form of a schema, and the check of a payload against it.

use std::fmt;

use jsonschema::{
    Draft, Keyword, PatternOptions, ValidationError, error::ValidationErrorKind, json::Node, options_for,
};
use serde_json::{Value, json};

use crate::{
    document::Document,
    error::{Error, POINTER_CHARS_SHOWN, PayloadError, Result, shortened},
    expansion, formats,
    keywords::OPENAPI_DIALECT,
    limits::{
        CHECK_DEPTH_MAX, CHECK_NESTING_MAX, CHECK_STEPS_MAX, EXPLAIN_STEPS_MAX, PAYLOAD_ERROR_CHARS_MAX,
        PAYLOAD_ERRORS_SHOWN_MAX, QUICK_CHECK_STEPS_MAX, SCHEMA_PATTERN_COMPILED_BYTES_MAX, SCHEMA_PATTERN_PLACES_MAX,
    },
    number::Factors,
    pattern,
    rules::{pattern_of_texts, patterns_of_names},
    view::{self, Meter, Metered, Prices, View},
};

/// A compiled schema that checks payloads.
///
/// It is `Send` and `Sync`, and meant to be compiled once and shared in an `Arc`. Formats are asserted,
/// unknown ones ignored.
pub struct Validator {
    compiled: jsonschema::Validator<Metered>,
    prices: Prices,
    depth_max: u16,
    approximate_bytes: usize,
}

/// Compiles a schema whose references stay in the document and whose branches are few;
/// [`Error::SchemaInvalid`].
///
/// Formats are asserted, unknown ones ignored. Regular expressions run in linear time and have
/// neither look-around nor back-references. OpenAPI's `nullable` adds `null` to the types beside
/// it, and as in OpenAPI does nothing without a `type`.
pub(crate) fn compile(document: &Document<'_>, text_bytes: usize) -> Result<Validator> {
    let depth_max = depth_max(expansion::check(document)?);
    let patterns = PatternOptions::regex()
        .size_limit(SCHEMA_PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(SCHEMA_PATTERN_COMPILED_BYTES_MAX);
    let compiled = formats::asserted(options_for::<Metered>())
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(patterns)
        .with_keyword("multipleOf", |_, divisor, _| multiple_of(divisor))
        .build(&translated(document))
        .map_err(|error| refusal(&error))?;
    let approximate_bytes = approximate_bytes(document, text_bytes);
    Ok(Validator { compiled, prices: prices(document), depth_max, approximate_bytes })
}

impl Validator {
    /// Whether a payload is found to be valid within [`QUICK_CHECK_STEPS_MAX`] steps, which take some
    /// hundred microseconds at worst. `false` says that the payload is invalid or that the steps did
    /// not suffice: then [`check`](Self::check) tells.
    pub fn is_quickly_valid(&self, payload: &Value) -> bool {
        let meter = self.meter(QUICK_CHECK_STEPS_MAX);
        self.compiled.is_valid(View::new(payload, &meter)) && !meter.is_spent()
    }

    /// Checks a payload.
    ///
    /// # Errors
    ///
    /// [`PayloadInvalid`](Error::PayloadInvalid) with the first [`PAYLOAD_ERRORS_SHOWN_MAX`] places
    /// where the payload breaks the schema. A check that takes more than [`CHECK_STEPS_MAX`] steps, or
    /// would follow the payload deeper than [`CHECK_DEPTH_MAX`] (less where long chains of branches
    /// apply at each level), refuses the payload too, with one error that names no keyword.
    pub fn check(&self, payload: &Value) -> Result<()> {
        let meter = self.meter(CHECK_STEPS_MAX);
        let valid = self.compiled.is_valid(View::new(payload, &meter));
        if meter.is_spent() {
            let errors = vec![given_up("the payload is too large or too deep to be checked against this schema")];
            return Err(Error::PayloadInvalid { errors });
        }
        if valid { Ok(()) } else { Err(Error::PayloadInvalid { errors: self.errors(payload) }) }
    }

    fn meter(&self, steps: u32) -> Meter {
        Meter::new(steps, self.prices, self.depth_max)
    }

    /// Estimates the memory that the validator takes, in bytes, for caches that are bounded by it.
    pub fn approximate_bytes(&self) -> usize {
        self.approximate_bytes
    }

    /// The errors of a payload that is known to be invalid. Separate from the verdict, since finding
    /// them is many times slower.
    fn errors(&self, payload: &Value) -> Vec<PayloadError> {
        let meter = self.meter(EXPLAIN_STEPS_MAX);
        let errors = self.compiled.iter_errors(View::new(payload, &meter));
        let shown: Vec<_> =
            errors.filter(view::counts).take(PAYLOAD_ERRORS_SHOWN_MAX).map(|error| payload_error(&error)).collect();
        if shown.is_empty() {
            return vec![given_up("the payload breaks the schema, but is too large to say where")];
        }
        shown
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").finish_non_exhaustive()
    }
}

/// The error of a check that ran out of steps.
fn given_up(message: &str) -> PayloadError {
    PayloadError { path: String::new(), keyword: String::new(), message: message.to_owned() }
}

fn payload_error(error: &ValidationError<'_>) -> PayloadError {
    let message = match error.kind() {
        // The inner error is about the name of a member, which the view shows. Values it hides.
        ValidationErrorKind::PropertyNames { error } => error.to_string(),
        _ => error.masked().to_string(),
    };
    PayloadError {
        path: shortened(error.instance_path().as_str(), POINTER_CHARS_SHOWN),
        keyword: error.kind().keyword().to_owned(),
        message: shortened(&message, PAYLOAD_ERROR_CHARS_MAX),
    }
}

fn refusal(error: &ValidationError<'_>) -> Error {
    let reason = match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => format!(
            "the pattern is no regular expression, has look-around or back-references, \
             or takes more than {SCHEMA_PATTERN_COMPILED_BYTES_MAX} bytes when compiled"
        ),
        _ => shortened(&error.to_string(), PAYLOAD_ERROR_CHARS_MAX),
    };
    Error::schema(error.instance_path().as_str(), reason)
}

/// `multipleOf` for numbers of any size. `jsonschema` divides floats, and so rounds integers beyond 2⁵³
/// and divisors beyond that too.
struct MultipleOf {
    divisor: Factors,
    message: String,
}

/// Compiles a `multipleOf`, whose value was checked with the meta-schema.
fn multiple_of(divisor: &Value) -> Result<Box<dyn for<'i> Keyword<'i, Metered>>, ValidationError<'static>> {
    let number = divisor.as_number().ok_or_else(|| ValidationError::schema("multipleOf is a number"))?;
    let message = format!("value is not a multiple of {number}");
    Ok(Box::new(MultipleOf { divisor: Factors::of(number), message }))
}

impl<'i> Keyword<'i, Metered> for MultipleOf {
    fn validate(&self, value: View<'i>) -> Result<(), ValidationError<'i>> {
        if self.is_valid(value) { Ok(()) } else { Err(ValidationError::custom(self.message.clone())) }
    }

    fn is_valid(&self, value: View<'i>) -> bool {
        value.as_number().is_none_or(|number| Factors::of(number).is_multiple_of(self.divisor))
    }
}

/// The schema in plain JSON Schema, which `jsonschema` knows: without `nullable`.
fn translated(document: &Document<'_>) -> Value {
    let mut schema = document.root().clone();
    for pointer in nullable(document) {
        if let Some(types) = schema.pointer_mut(&pointer).and_then(|schema| schema.get_mut("type")) {
            admit_null(types);
        }
    }
    if let Some(map) =
        schema.as_object_mut().filter(|map| map.get("$schema").is_some_and(|dialect| dialect == OPENAPI_DIALECT))
    {
        // The dialect's vocabulary only annotates, apart from `nullable`, which is translated above.
        map.shift_remove("$schema");
    }
    schema
}

fn nullable(document: &Document<'_>) -> Vec<String> {
    let schemas = document.objects().filter(|(_, schema)| schema.get("nullable") == Some(&Value::Bool(true)));
    schemas.map(|(place, _)| document.pointer(place)).collect()
}

fn admit_null(types: &mut Value) {
    match types {
        Value::String(single) if single != "null" => *types = json!([single, "null"]),
        Value::Array(several) if !several.contains(&json!("null")) => several.push(json!("null")),
        _ => {}
    }
}

/// The depth to which a schema with a chain of this length follows payloads.
fn depth_max(chain: usize) -> u16 {
    u16::try_from(CHECK_NESTING_MAX / chain).map_or(CHECK_DEPTH_MAX, |depth| depth.min(CHECK_DEPTH_MAX))
}

/// The price of reading texts and names, by the patterns that may read them. A schema with expensive
/// patterns checks less text before its steps are used up.
fn prices(document: &Document<'_>) -> Prices {
    /// Places of a pattern that are as fast to try as one step is to take.
    const PLACES_PER_STEP: usize = 8;
    let (mut of_texts, mut of_names) = (0, 0);
    for (_, schema) in document.objects() {
        let expression = schema.get("format").filter(|format| *format == "regex");
        of_texts = of_texts
            .max(pattern_of_texts(schema).map_or(0, pattern::places))
            .max(expression.map_or(0, |_| SCHEMA_PATTERN_PLACES_MAX));
        of_names = of_names.max(patterns_of_names(schema).map(pattern::places).sum());
    }
    Prices { text: 1 + of_texts / PLACES_PER_STEP, name: 1 + of_names / PLACES_PER_STEP }
}

/// Measured: a compiled schema takes about a dozen times its text and some hundred bytes for each
/// subschema, a pattern what its engine caches.
fn approximate_bytes(document: &Document<'_>, text_bytes: usize) -> usize {
    const PER_SUBSCHEMA: usize = 512;
    const PER_PATTERN: usize = 32 * 1_024;
    let patterns: usize = document
        .objects()
        .map(|(_, schema)| patterns_of_names(schema).count() + usize::from(pattern_of_texts(schema).is_some()))
        .sum();
    12 * text_bytes + document.len() * PER_SUBSCHEMA + patterns * PER_PATTERN
}
