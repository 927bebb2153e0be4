//! Trials of an endpoint with a test event: `/api/v1/event-subscriptions/{id}/test` and
//! `/api/v1/webhooks/{id}/test` (contract C22).

use serde::Serialize;

use crate::{
    error::Code,
    http::{
        envelope::{Answer, ok},
        extract::{Body, Params},
        fields::Fields,
        state::Shared,
        subscription::View,
    },
    service::{Caller, delivery::trial},
};

/// The answer of an endpoint to a test event, under the names of all clients. A trial that fails is
/// still a successful request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Trial {
    success: bool,
    response_status: Option<u16>,
    response_time_ms: u32,
    delivered: bool,
    status_code: Option<u16>,
    response_time: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

impl From<trial::Trial> for Trial {
    fn from(trial: trial::Trial) -> Self {
        let is_success = trial.error_message.is_none();
        Self {
            success: is_success,
            response_status: trial.response_status,
            response_time_ms: trial.duration_ms,
            delivered: is_success,
            status_code: trial.response_status,
            response_time: trial.duration_ms,
            error: trial.error_message.clone(),
            error_message: trial.error_message,
        }
    }
}

pub(in crate::http) async fn test<V: View>(
    state: Shared,
    caller: V::Manager,
    Params(id): Params<String>,
    body: Body,
) -> Answer<Trial> {
    let caller: Caller = caller.into();
    Fields::of(&body, Code::BadRequest)?;
    ok(trial::run(&state.host, &caller, &id).await?.into())
}
