//! Replays: of one delivery, `/api/v1/deliveries/{id}/replay`, of many dead letters,
//! `/api/v1/dead-letters/replay` (contract 14.2), and of the events of a time to a subscription,
//! `/api/v1/event-subscriptions/{id}/replay` (contract 5.1).

use serde::Serialize;

use super::{body, view};
use crate::{
    domain::{id::ReplayId, time::Time},
    error::{Code, Result},
    http::{
        caller::Manager,
        envelope::{Answer, ok},
        extract::{self, Body, Params},
        fields::Fields,
        state::Shared,
    },
    service::delivery::replay::{self, Events, Taken},
};

pub(in crate::http) async fn one(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<view::Delivery> {
    let body: body::Replay = body.json(Code::BadRequest)?;
    ok(replay::delivery(&state.host, &caller, &id, body.which()).await?.into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ReplayedDeadLetters {
    replayed_count: i64,
}

pub(in crate::http) async fn dead_letters(
    state: Shared,
    Manager(caller): Manager,
    body: Body,
) -> Answer<ReplayedDeadLetters> {
    let body: body::ReplayDeadLetters = body.json(Code::BadRequest)?;
    let replayed_count = replay::dead_letters(&state.host, &caller, &body.request()?).await?;
    ok(ReplayedDeadLetters { replayed_count })
}

/// The counts of a replay of events, for all clients: Go reads the first three, TypeScript `replayed` and
/// `failed`. The replay is yet to run when this is answered, so nothing has succeeded or failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ReplayedEvents {
    replayed_count: u64,
    success_count: u64,
    failed_count: u64,
    replayed: u64,
    failed: u64,
    /// Whether `replayed` counts all events of the time; counting stops after many.
    count_complete: bool,
    /// `None` when there is nothing to replay.
    replay_id: Option<ReplayId>,
}

impl From<Taken> for ReplayedEvents {
    fn from(taken: Taken) -> Self {
        Self {
            replayed_count: taken.count,
            success_count: 0,
            failed_count: 0,
            replayed: taken.count,
            failed: 0,
            count_complete: taken.is_complete,
            replay_id: taken.id,
        }
    }
}

pub(in crate::http) async fn events(
    state: Shared,
    Manager(caller): Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<ReplayedEvents> {
    let fields = Fields::of(&body, Code::BadRequest)?;
    let request = Events {
        from: time(&fields, "from")?,
        to: time(&fields, "to")?,
        includes_delivered: fields.optional(&["all"], "true or false")?.unwrap_or(false),
    };
    ok(replay::events(&state.host, &caller, &id, request).await?.into())
}

fn time(fields: &Fields<'_>, name: &str) -> Result<Option<Time>> {
    let text: Option<String> = fields.optional(&[name], "a text")?;
    text.map(|text| extract::time(name, &text)).transpose()
}
