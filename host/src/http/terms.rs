//! What event subscriptions and webhooks have in common on the wire (contract 14.3): members that
//! are read, and members that are shown.

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    State,
    envelope::{Answer, ok},
    extract::Body,
    members::Members,
};
use crate::{
    domain::{retry::RetrySchedule, signature::Secret, subscription::Subscription},
    error::{Code, Result},
    fail,
    service::{
        Caller,
        delivery::trial,
        subscription::{self, Edit},
    },
};

/// The names under which clients know whether a subscription is active (contract C12).
const ACTIVE: [&str; 4] = ["isActive", "is_active", "active", "enabled"];

/// What is asked for beside events and a URL, which have names of their own in each view.
pub(super) fn asked(members: &Members<'_>) -> Result<Edit> {
    let texts = |names: &[&str]| {
        members.get::<Map<String, Value>>(names, "an object of texts").and_then(|said| {
            said.map(|object| object.map(|object| pairs(members, names[0], object)).transpose()).transpose()
        })
    };
    Ok(Edit {
        event_types: None,
        webhook_url: None,
        name: members.optional(&["name"], "a text")?,
        is_active: active(members)?,
        secret: members.optional(&["secret"], "a text")?,
        filter: members.raw(&["filter"])?.map(|filter| filter.map(str::to_owned)),
        labels: texts(&["labels"])?,
        signature_scheme: members.get(&["signatureScheme", "signature_scheme"], "a text")?,
        retry_schedule: members.get(&["retrySchedule", "retry_schedule"], "a list of whole seconds")?,
        max_in_flight: members.get(&["maxInFlight", "max_in_flight"], "a whole number")?,
        rate_limit_per_second: members.get(&["rateLimitPerSecond", "rate_limit_per_second"], "a whole number")?,
        headers: texts(&["headers"])?,
    })
}

fn pairs(members: &Members<'_>, name: &str, object: Map<String, Value>) -> Result<Vec<(String, String)>> {
    let pair = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        _ => Err(members.error(format!("{name} has to be an object of texts"))),
    };
    object.into_iter().map(pair).collect()
}

/// Whether the subscription is to be active, by whichever name; all of them together have to agree.
fn active(members: &Members<'_>) -> Result<Option<bool>> {
    let flag = members.optional(&ACTIVE, "true or false")?;
    let status: Option<String> = members.optional(&["status"], "a text")?;
    let by_status = match status.as_deref() {
        None => None,
        Some("ACTIVE") => Some(true),
        Some("PAUSED") => Some(false),
        Some(_) => return Err(members.error("status has to be ACTIVE or PAUSED")),
    };
    match (flag, by_status) {
        (Some(flag), Some(status)) if flag != status => Err(members.error("status and isActive say different things")),
        (flag, status) => Ok(flag.or(status)),
    }
}

/// Refuses a creation that lacks what it needs.
pub(super) fn needs(members: &Members<'_>, needed: &[(&str, bool)]) -> Result<()> {
    match needed.iter().find(|(_, is_there)| !is_there) {
        Some((name, _)) => Err(members.error(format!("{name} is missing"))),
        None => Ok(()),
    }
}

/// No component can be uploaded yet, so naming one names none.
pub(super) fn refuse_components(members: &Members<'_>) -> Result<()> {
    match members.first_of(&["component", "componentId", "transformer", "adapter"]) {
        Some(member) => Err(fail!(ComponentNotFound, "{member}: there is no such component")),
        None => Ok(()),
    }
}

/// What was accepted before can only be asked for at the beginning; later there is replay.
pub(super) fn refuse_start(members: &Members<'_>) -> Result<()> {
    match members.first_of(&["startAt", "start_at"]) {
        Some(member) => Err(members.error(format!("{member} belongs to the creation; later there is replay"))),
        None => Ok(()),
    }
}

/// Replaces a secret as the body says.
pub(super) async fn rotate(state: &State, caller: &Caller, id: &str, body: &Body) -> Result<(Subscription, Secret)> {
    let members = Members::of(body, Code::BadRequest)?;
    let overlap = members.optional(&["overlapSeconds", "overlap_seconds"], "a whole number")?;
    let secret = members.optional(&["secret"], "a text")?;
    subscription::rotate(&state.host, caller, id, secret, overlap.unwrap_or(0)).await
}

/// Sends a test to the endpoint. The answer has the names of all clients (contract C22); that it
/// failed is an answer and no error.
pub(super) async fn test(state: &State, caller: &Caller, id: &str) -> Answer<Value> {
    let trial = trial::run(&state.host, &*state.endpoints, caller, id).await?;
    let is_success = trial.error_message.is_none();
    let mut data = json!({
        "success": is_success,
        "responseStatus": trial.response_status,
        "responseTimeMs": trial.duration_ms,
        "delivered": is_success,
        "statusCode": trial.response_status,
        "responseTime": trial.duration_ms,
    });
    if let Some(message) = trial.error_message {
        data["error"] = message.as_str().into();
        data["errorMessage"] = message.into();
    }
    ok(data)
}

/// A subscription as either view shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    members: Value,
    /// As it was sent.
    filter: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Shown {
    /// The members of a view, and those that all have in common.
    pub(super) fn of(mut members: Value, subscription: &Subscription) -> Self {
        let terms = &subscription.terms;
        let labels: Map<String, Value> =
            terms.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let common = json!({
            "labels": labels,
            "signatureScheme": terms.signature_scheme.as_str(),
            "retrySchedule": terms.retry_schedule.as_ref().map(RetrySchedule::steps_s),
            "maxInFlight": terms.max_in_flight,
            "rateLimitPerSecond": terms.rate_limit_per_second,
            "headerNames": subscription.header_names,
            "startAt": subscription.start_at,
            "previousSecretUntil": subscription.previous_secret_until,
            "disabledAt": subscription.disabled.as_ref().map(|disabled| disabled.at),
            "disabledReason": subscription.disabled.as_ref().map(|disabled| &disabled.reason),
            "lastTriggeredAt": subscription.last_triggered_at,
            "createdAt": subscription.created_at,
            "updatedAt": subscription.updated_at,
        });
        if let (Value::Object(members), Value::Object(common)) = (&mut members, common) {
            members.extend(common);
        }
        let filter = terms.filter.as_deref().and_then(|text| RawValue::from_string(text.to_owned()).ok());
        Self { members, filter, secret: None }
    }

    /// The same with a secret that is shown this once.
    pub(super) fn with_secret(mut self, secret: &Secret) -> Self {
        self.secret = Some(secret.reveal().to_owned());
        self
    }
}
