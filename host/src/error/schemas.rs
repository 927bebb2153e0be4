//! The refusals of `weir-schema` as rows of the error table.

use super::{Code, Error};

impl From<weir_schema::Error> for Error {
    fn from(refusal: weir_schema::Error) -> Self {
        use weir_schema::Error as Refusal;
        let (code, message) = match &refusal {
            Refusal::SchemaTooDeep { .. } => (Code::SchemaTooDeep, refusal.to_string()),
            Refusal::SchemaTooWide { .. } => (Code::SchemaTooWide, refusal.to_string()),
            Refusal::SchemaInvalid { .. } => (Code::InvalidJsonSchema, refusal.to_string()),
            Refusal::PayloadInvalid { .. } => (Code::PayloadInvalid, format!("{refusal} of the event")),
            Refusal::FilterInvalid { .. } => (Code::FilterInvalid, refusal.to_string()),
            Refusal::FilterNeverMatches { .. } => (Code::FilterNeverMatches, refusal.to_string()),
        };
        Self::new(code, message).with_details(refusal.details())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use weir_schema::{Filter, inspect};

    use super::*;

    fn shown(refusal: weir_schema::Error) -> (String, Option<Value>) {
        let error = Error::from(refusal);
        (error.message(), error.details().cloned())
    }

    #[test]
    fn refusals_of_schemas_have_their_codes() {
        let refused = |schema: &Value| shown(inspect(&schema.to_string()).expect_err("refused"));
        let deep = (0..6).fold(json!({}), |inner, _| json!({ "items": inner }));
        let reason = "the schema has 6 levels, more than 5";
        let details = json!({ "pointer": "/items/items/items/items/items", "reason": reason });
        let message = format!("schema_too_deep: at /items/items/items/items/items: {reason}");
        assert_eq!(refused(&deep), (message, Some(details)));
        let members: Value = (0..51).map(|number| (format!("p{number}"), json!({}))).collect();
        let reason = "the schema declares 51 properties, more than 50";
        let details = json!({ "pointer": "/properties", "reason": reason });
        let wide = format!("schema_too_wide: at /properties: {reason}");
        assert_eq!(refused(&json!({ "properties": members })), (wide, Some(details)));
        let reason = "only the root of a schema may have an $id";
        let details = json!({ "pointer": "/items", "reason": reason });
        let invalid = (format!("invalid_json_schema: at /items: {reason}"), Some(details));
        assert_eq!(refused(&json!({ "items": { "$id": "x" } })), invalid);
    }

    #[test]
    fn a_refused_payload_has_its_code() {
        let schema = inspect(r#"{"required":["a"]}"#).expect("legal");
        let message = "payload_invalid: the payload does not match the schema of the event".to_owned();
        let found = json!({ "path": "", "keyword": "required", "message": "\"a\" is a required property" });
        let refused = schema.validator.check(&json!({})).expect_err("invalid");
        assert_eq!(shown(refused), (message, Some(json!({ "errors": [found] }))));
    }

    #[test]
    fn refused_filters_have_their_codes() {
        let invalid = Filter::parse(r#"{"a":[]}"#).expect_err("no filter");
        let reason = "a list has at least one alternative";
        let details = json!({ "path": "/a", "reason": reason });
        assert_eq!(shown(invalid), (format!("filter_invalid: at /a: {reason}"), Some(details)));
        let filter = Filter::parse(r#"{"totl":[1]}"#).expect("a filter");
        let schema = json!({ "properties": { "total": {} }, "additionalProperties": false });
        let never = filter.check_against(&[&schema]).expect_err("never");
        let reason = "the schema has no such member";
        let details = json!({ "path": "/totl", "nearest": "/total", "reason": reason });
        let message = format!("filter_never_matches: at /totl: {reason}; did you mean /total?");
        assert_eq!(shown(never), (message, Some(details)));
    }
}
