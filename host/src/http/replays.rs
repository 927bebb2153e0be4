//! Replays of a subscription: `/api/v1/event-subscriptions/{id}/replay` (contract 5.1).

use serde_json::{Value, json};

use super::{
    Shared,
    caller::Manager,
    envelope::{Answer, ok},
    extract::{Body, Params},
    members::Members,
};
use crate::{
    domain::time::Time,
    error::{Code, Result},
    service::delivery::replay::{self, Events},
};

/// Go reads the first three counts, TypeScript the last two. When this is answered nothing has been
/// sent yet, so nothing has succeeded or failed.
pub(super) async fn replay(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Value> {
    let members = Members::of(&body, Code::BadRequest)?;
    let request = Events {
        from: time(&members, "from")?,
        to: time(&members, "to")?,
        includes_delivered: members.optional(&["all"], "true or false")?.unwrap_or(false),
    };
    let taken = replay::events(&state.host, &caller, &id, request).await?;
    ok(json!({
        "replayedCount": taken.count,
        "successCount": 0,
        "failedCount": 0,
        "replayed": taken.count,
        "failed": 0,
        "countComplete": taken.is_complete,
        "replayId": taken.id,
    }))
}

fn time(members: &Members<'_>, name: &str) -> Result<Option<Time>> {
    let text: Option<String> = members.optional(&[name], "a text")?;
    let read = |text: String| Time::parse(&text).ok_or_else(|| members.error(format!("{name} is no RFC 3339 time")));
    text.map(read).transpose()
}
