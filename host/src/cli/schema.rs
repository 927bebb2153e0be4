//! `weir schema check`: checks whether one schema file may follow another as its next version.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use serde_json::{Value, json};
use weir_schema::{Compatibility, Refusal};

use crate::{
    config::{SchemaCheckArgs, SchemaCommand},
    error::{Error, Result},
    fail,
};

/// Exit code if the new schema may not follow.
const INCOMPATIBLE: u8 = 1;
/// Exit code if a file cannot be read, or holds no schema that could be registered.
const UNREADABLE: u8 = 2;

/// The result of a check.
enum Verdict {
    Compatible,
    /// For `--patch`: more than descriptions differs.
    NoPatch,
    Incompatible(Refusal),
}

/// Runs the command to its end.
pub(super) fn run(command: &SchemaCommand) -> ExitCode {
    let SchemaCommand::Check(args) = command;
    match check(args) {
        Ok(verdict) => {
            let answer = if args.json { as_json(&verdict).to_string() } else { in_words(args, &verdict) };
            // The exit code counts even if the reader of stdout is gone.
            drop(writeln!(io::stdout(), "{answer}"));
            if matches!(verdict, Verdict::Compatible) { ExitCode::SUCCESS } else { ExitCode::from(INCOMPATIBLE) }
        }
        Err(error) => {
            eprintln!("weir: {}", super::explain(&error));
            ExitCode::from(UNREADABLE)
        }
    }
}

/// Checks both schemas as a registration does, and then the bump from one to the other.
fn check(args: &SchemaCheckArgs) -> Result<Verdict> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    if args.patch {
        let is_patch = weir_schema::is_patch_equal(&old, &new)?;
        return Ok(if is_patch { Verdict::Compatible } else { Verdict::NoPatch });
    }
    let mode = if args.strict { Compatibility::Strict } else { Compatibility::Declared };
    let verdict = weir_schema::check_minor(&old, &new, mode)?;
    Ok(verdict.map_or_else(Verdict::Incompatible, |()| Verdict::Compatible))
}

/// Reads a file and checks that it holds a schema that could be registered: the text is that of 2020-12.
fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|cause| fail!(BadRequest, "cannot read {shown}: {cause}"))?;
    let converted = weir_schema::convert(&text).map_err(|error| in_file(path, &error.into()))?;
    let text = converted.map_or(text, |converted| converted.schema_text);
    weir_schema::inspect(&text).map_err(|error| in_file(path, &error.into()))?;
    Ok(text)
}

fn in_file(path: &Path, error: &Error) -> Error {
    fail!(InvalidJsonSchema, "{}: {}", path.display(), super::explain(error))
}

fn as_json(verdict: &Verdict) -> Value {
    let (mut answer, details) = match verdict {
        Verdict::Compatible => (json!({ "compatible": true }), json!({})),
        Verdict::NoPatch => (json!({ "compatible": false }), json!({})),
        Verdict::Incompatible(refusal) => {
            (json!({ "compatible": false, "proven": !refusal.is_unproven() }), refusal.details())
        }
    };
    if let (Some(answer), Value::Object(details)) = (answer.as_object_mut(), details) {
        answer.extend(details);
    }
    answer
}

fn in_words(args: &SchemaCheckArgs, verdict: &Verdict) -> String {
    let new = args.new.display();
    match verdict {
        Verdict::Compatible if args.patch => format!("patch: {new} changes nothing but descriptions"),
        Verdict::Compatible => format!("compatible: {new} takes everything that was valid"),
        Verdict::NoPatch => format!("no patch: {new} changes more than descriptions"),
        Verdict::Incompatible(refusal) => refusal_in_words(&new.to_string(), refusal),
    }
}

fn refusal_in_words(new: &str, refusal: &Refusal) -> String {
    let mut lines = vec![if refusal.is_unproven() {
        format!("not proven: {new} may refuse payloads that were valid")
    } else {
        format!("incompatible: {new} refuses payloads that were valid")
    }];
    for violation in &refusal.violations {
        let path = if violation.path.is_empty() { "(root)" } else { &violation.path };
        lines.push(format!("  {path}: {}", violation.reason));
    }
    if let Some(payload) = &refusal.counterexample {
        lines.push(format!("valid before, invalid after:\n{payload:#}"));
    }
    lines.join("\n")
}
