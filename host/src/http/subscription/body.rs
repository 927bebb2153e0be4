//! Requests for subscriptions. Their fields are read one by one: Python forwards names as they are
//! written there, so most fields have two spellings.

use serde_json::{Map, Value};

use super::view::View;
use crate::{
    error::Result,
    fail,
    http::fields::Fields,
    service::subscription::{Edit, NewSubscription, SubscribeRequest},
};

/// The names under which clients send whether a subscription is active (contract C12).
const ACTIVE: [&str; 4] = ["isActive", "is_active", "active", "enabled"];
const START_AT: [&str; 2] = ["startAt", "start_at"];

pub(super) fn subscribe(fields: &Fields<'_>) -> Result<SubscribeRequest> {
    refuse_components(fields)?;
    Ok(SubscribeRequest {
        name: fields.required(&["name"], "a text")?,
        version: fields.optional(&["version"], "a text")?,
        edit: Edit {
            webhook_url: Some(fields.required(&["webhookUrl", "webhook_url"], "a text")?),
            name: fields.optional(&["displayName", "display_name"], "a text")?,
            ..edit_of_any(fields)?
        },
        start_at: fields.optional(&START_AT, "a text")?,
    })
}

pub(super) fn create<V: View>(fields: &Fields<'_>) -> Result<NewSubscription> {
    let edit = edit::<V>(fields)?;
    if let Some(name) = V::missing(&edit) {
        return Err(fields.error(format!("{name} is missing")));
    }
    let start_at = fields.optional(&START_AT, "a text")?;
    Ok(NewSubscription { kind: V::KIND, edit, start_at, wrong: fields.wrong })
}

pub(super) fn patch<V: View>(fields: &Fields<'_>) -> Result<Edit> {
    if let Some(name) = fields.first_of(&START_AT) {
        return Err(fields.error(format!("{name} belongs to the creation; later there is replay")));
    }
    edit::<V>(fields)
}

/// A new signing secret, drawn by the host if none is given.
pub(super) struct Rotate {
    pub(super) secret: Option<String>,
    /// How long the old secret signs as well.
    pub(super) overlap_seconds: i64,
}

pub(super) fn rotate(fields: &Fields<'_>) -> Result<Rotate> {
    let overlap = fields.optional(&["overlapSeconds", "overlap_seconds"], "a whole number")?;
    let secret = fields.optional(&["secret"], "a text")?;
    Ok(Rotate { secret, overlap_seconds: overlap.unwrap_or(0) })
}

fn edit<V: View>(fields: &Fields<'_>) -> Result<Edit> {
    refuse_components(fields)?;
    Ok(Edit {
        event_types: fields.optional(V::EVENT_TYPES, "a list of texts")?,
        webhook_url: fields.optional(V::URL, "a text")?,
        ..edit_of_any(fields)?
    })
}

/// Reads the fields whose names are the same in every view.
fn edit_of_any(fields: &Fields<'_>) -> Result<Edit> {
    let texts = |names: &[&str]| {
        fields.get::<Map<String, Value>>(names, "an object of texts").and_then(|field| {
            field.map(|object| object.map(|object| pairs(fields, names[0], object)).transpose()).transpose()
        })
    };
    Ok(Edit {
        event_types: None,
        webhook_url: None,
        name: fields.optional(&["name"], "a text")?,
        is_active: is_active(fields)?,
        secret: fields.optional(&["secret"], "a text")?,
        filter: fields.raw(&["filter"])?.map(|filter| filter.map(str::to_owned)),
        labels: texts(&["labels"])?,
        signature_scheme: fields.get(&["signatureScheme", "signature_scheme"], "a text")?,
        retry_schedule: fields.get(&["retrySchedule", "retry_schedule"], "a list of whole seconds")?,
        max_in_flight: fields.get(&["maxInFlight", "max_in_flight"], "a whole number")?,
        rate_limit_per_second: fields.get(&["rateLimitPerSecond", "rate_limit_per_second"], "a whole number")?,
        headers: texts(&["headers"])?,
    })
}

fn pairs(fields: &Fields<'_>, name: &str, object: Map<String, Value>) -> Result<Vec<(String, String)>> {
    let pair = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        _ => Err(fields.error(format!("{name} has to be an object of texts"))),
    };
    object.into_iter().map(pair).collect()
}

/// Reads `status` and all names of `isActive`, which have to agree.
fn is_active(fields: &Fields<'_>) -> Result<Option<bool>> {
    let flag = fields.optional(&ACTIVE, "true or false")?;
    let status: Option<String> = fields.optional(&["status"], "a text")?;
    let by_status = match status.as_deref() {
        None => None,
        Some("ACTIVE") => Some(true),
        Some("PAUSED") => Some(false),
        Some(_) => return Err(fields.error("status has to be ACTIVE or PAUSED")),
    };
    match (flag, by_status) {
        (Some(flag), Some(status)) if flag != status => Err(fields.error("status and isActive say different things")),
        (flag, status) => Ok(flag.or(status)),
    }
}

/// Refuses a request that names a component: none can be uploaded yet.
fn refuse_components(fields: &Fields<'_>) -> Result<()> {
    match fields.first_of(&["component", "componentId", "transformer", "adapter"]) {
        Some(name) => Err(fail!(ComponentNotFound, "{name}: there is no such component")),
        None => Ok(()),
    }
}
