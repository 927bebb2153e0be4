//! The time that the check of a payload adds to an accept.

use std::{hint::black_box, time::Instant};

use anyhow::Result;
use serde_json::json;

/// So many checks that the clock's own cost does not show.
const CHECKS: u32 = 200_000;

/// Microseconds of one check against the example of the platform's documentation, on one core
/// that the machine gives to other work as well.
pub(crate) fn micros() -> Result<f64> {
    let schema = json!({
        "type": "object",
        "properties": {
            "propertyId": { "type": "string", "maxLength": 64 },
            "subjectId": { "type": "string", "maxLength": 64 },
            "favoritedAt": { "type": "string", "format": "date-time" },
        },
        "required": ["propertyId", "subjectId"],
        "additionalProperties": false,
    });
    let payload = json!({ "propertyId": "p_123", "subjectId": "sub_456", "favoritedAt": "2026-05-04T10:00:00Z" });
    let validator = weir_schema::inspect(&schema.to_string())?.validator;
    validator.check(&payload)?;
    let begun = Instant::now();
    for _ in 0..CHECKS {
        black_box(validator.is_quickly_valid(black_box(&payload)));
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_is_valid_and_takes_time() {
        assert!(super::micros().expect("the example is sound") > 0.0);
    }
}
