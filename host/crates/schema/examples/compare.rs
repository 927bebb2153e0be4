//! Compares two schema files: may the new one follow the old one as a minor version?
//!
//! ```sh
//! cargo run --example compare -- old.json new.json
//! ```
//!
//! Without files it compares two schemas of its own.

use std::{env, error::Error, fs};

use weir_schema::{Compatibility, check_minor, inspect};

const OLD: &str = r#"{ "properties": { "state": { "enum": ["open", "paid", "void"] } } }"#;
const NEW: &str = r#"{ "properties": { "state": { "enum": ["open", "paid", "refunded"] } } }"#;

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = env::args().skip(1).collect();
    let (old, new) = match &files[..] {
        [old, new] => (fs::read_to_string(old)?, fs::read_to_string(new)?),
        _ => (OLD.to_owned(), NEW.to_owned()),
    };
    for text in [&old, &new] {
        inspect(text)?;
    }
    match check_minor(&old, &new, Compatibility::Declared)? {
        Ok(()) => println!("The new schema accepts everything that the old one accepted."),
        Err(refusal) => {
            for violation in &refusal.violations {
                println!("{}: {}", violation.path, violation.reason);
            }
            if let Some(payload) = &refusal.counterexample {
                println!("valid before, invalid after: {payload}");
            }
        }
    }
    Ok(())
}
