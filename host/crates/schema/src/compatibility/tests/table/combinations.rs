//! Adding and removing a member: open or closed, required, required with a default, or optional,
//! for declared members and for all. The 24 combinations, from their meaning:
//!
//! - A required member that is added breaks senders that do not send it. A default is an annotation
//!   and sends nothing.
//! - An optional member that is added to a closed object was forbidden before, so no payload has it.
//!   In an open object a payload may have it with another type: undeclared, so it counts in strict
//!   mode only.
//! - A member that is removed from an open object may still be sent, and is accepted. In a closed one
//!   it is refused.

use serde_json::{Value, json};

use super::{Row, Verdict, check};

/// The way in which the schema declares the member that is added or removed.
#[derive(Clone, Copy, PartialEq)]
enum Presence {
    Required,
    RequiredWithDefault,
    Optional,
}

fn without(is_open: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": { "id": { "type": "string" } },
        "required": ["id"],
    });
    if !is_open {
        schema["additionalProperties"] = json!(false);
    }
    schema
}

fn with(is_open: bool, presence: Presence) -> Value {
    let mut schema = without(is_open);
    schema["properties"]["note"] = match presence {
        Presence::RequiredWithDefault => json!({ "type": "string", "default": "none" }),
        Presence::Required | Presence::Optional => json!({ "type": "string" }),
    };
    if presence != Presence::Optional {
        schema["required"] = json!(["id", "note"]);
    }
    schema
}

fn row(change: &'static str, is_open: bool, is_added: bool, presence: Presence, verdict: Verdict) -> Row {
    let (without, with) = (without(is_open), with(is_open, presence));
    let (old, new) = if is_added { (without, with) } else { (with, without) };
    Row { change, old, new, verdict }
}

pub(super) fn rows() -> Vec<Row> {
    use Presence::{Optional, Required, RequiredWithDefault};
    let lacks = || Verdict::Refused(json!({ "id": "1" }));
    let sends = || Verdict::Refused(json!({ "id": "1", "note": "x" }));
    let differs = Verdict::AcceptedUnlessStrict(json!({ "id": "1", "note": 7 }));
    vec![
        row("open, added, required", true, true, Required, lacks()),
        row("open, added, required with a default", true, true, RequiredWithDefault, lacks()),
        row("open, added, optional", true, true, Optional, differs),
        row("open, removed, required", true, false, Required, Verdict::Accepted),
        row("open, removed, required with a default", true, false, RequiredWithDefault, Verdict::Accepted),
        row("open, removed, optional", true, false, Optional, Verdict::Accepted),
        row("closed, added, required", false, true, Required, lacks()),
        row("closed, added, required with a default", false, true, RequiredWithDefault, lacks()),
        row("closed, added, optional", false, true, Optional, Verdict::Accepted),
        row("closed, removed, required", false, false, Required, sends()),
        row("closed, removed, required with a default", false, false, RequiredWithDefault, sends()),
        row("closed, removed, optional", false, false, Optional, sends()),
    ]
}

/// There are twelve rows, each in two modes.
#[test]
fn the_24_combinations() {
    let rows = rows();
    assert_eq!(rows.len() * super::MODES.len(), 24);
    check(&rows);
}
