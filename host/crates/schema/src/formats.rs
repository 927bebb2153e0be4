//! The formats that payloads are checked for, where they differ from those of `jsonschema`.

use std::sync::LazyLock;

use jsonschema::{Draft, EmailOptions, ValidationOptions, Validator, json::Json, options};
use serde_json::{Value, json};

/// Asserts formats. Everything that compiles a schema goes through here, so that a format means the same
/// everywhere.
pub(crate) fn asserted<R, F: Json>(options: ValidationOptions<'_, R, F>) -> ValidationOptions<'_, R, F> {
    options.should_validate_formats(true).with_format("email", is_email)
}

/// Whether a text is an address, and nothing beside it. `jsonschema` also takes a name in front, as in
/// `Ann <ann@example.com>`, and white space of any length in place of the name.
fn is_email(text: &str) -> bool {
    static BARE: LazyLock<Option<Validator>> = LazyLock::new(|| {
        let bare = EmailOptions::default().without_display_text();
        let options = options().with_draft(Draft::Draft202012).should_validate_formats(true).with_email_options(bare);
        options.build(&json!({ "format": "email" })).ok()
    });
    !text.contains(" <") && BARE.as_ref().is_some_and(|bare| bare.is_valid(&Value::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_has_nothing_beside_it() {
        for address in ["a@b", "first.last+tag@mail.example.com", "\"a b\"@example.com", "a@[127.0.0.1]", "\"\"@a"] {
            assert!(is_email(address), "{address}");
        }
        for text in ["", "a", "@b", "a@", "Ann <ann@example.com>", "   <ann@example.com>", " <a@b> ", "ä@b", "a@b c"] {
            assert!(!is_email(text), "{text}");
        }
    }
}
