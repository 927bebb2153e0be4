//! The lifecycle events about registrations, in the order of the catalog (contract 2.1).

use serde_json::{Value, json};

use super::request::RegisterRequest;
use crate::{
    domain::{
        lifecycle::{
            CUSTOM_EVENT_GENERIC_SEEDED, CUSTOM_EVENT_INVALIDATED, CUSTOM_EVENT_MATERIALISED, CUSTOM_EVENT_PERSISTED,
            CUSTOM_EVENT_QUOTA_EXCEEDED, CUSTOM_EVENT_REGISTERED, CUSTOM_EVENT_REQUESTED, CUSTOM_EVENT_VALIDATED,
            CUSTOM_EVENT_VALIDATION_FAILED, Lifecycle, entity,
        },
        name::{EventName, Version},
        registration::Registration,
    },
    error::{Code, Error},
    service::{Caller, Change, Host, announce::announce_alone},
};

/// The events of a registration that succeeded.
const STEPS: [&str; 5] = [
    CUSTOM_EVENT_REQUESTED,
    CUSTOM_EVENT_VALIDATED,
    CUSTOM_EVENT_PERSISTED,
    CUSTOM_EVENT_MATERIALISED,
    CUSTOM_EVENT_REGISTERED,
];

/// Announces each step of a registration that succeeded.
pub(super) fn registered(change: &mut Change<'_>, registration: &Registration) {
    for step in STEPS {
        change.announce(about(registration, step));
    }
}

/// Announces that a registration was archived.
pub(super) fn archived(change: &mut Change<'_>, registration: &Registration) {
    change.announce(about(registration, CUSTOM_EVENT_INVALIDATED));
}

/// The event that an organization got its generic event.
pub(in crate::service) fn seeded(generic: &Registration) -> Lifecycle {
    about(generic, CUSTOM_EVENT_GENERIC_SEEDED)
}

fn about(registration: &Registration, name: &'static str) -> Lifecycle {
    let data = json!({
        "organizationId": registration.organization_id,
        "registrationId": registration.id,
        "canonicalName": registration.canonical_name(),
        "namespace": registration.event.namespace(),
        "name": registration.event.name(),
        "version": registration.version.to_string(),
        "status": registration.status.as_str(),
    });
    Lifecycle::about(entity::CUSTOM_EVENT, registration.id.as_str(), name, data)
}

/// Announces that a registration was refused. An error of announcing is logged, and the refusal stays.
pub(super) async fn announce_refusal(host: &Host, caller: &Caller, request: &RegisterRequest<'_>, refusal: &Error) {
    let outcome = match refusal.code() {
        // Faults of the host are no judgement of the schema, and the request may come again.
        Code::InternalError | Code::Unavailable => return,
        Code::RegistrationQuotaExceeded => CUSTOM_EVENT_QUOTA_EXCEEDED,
        _ => CUSTOM_EVENT_VALIDATION_FAILED,
    };
    let data = refused(caller, request, refusal);
    let event = |name| Lifecycle { name, entity: None, data: data.clone() };
    let events = vec![event(CUSTOM_EVENT_REQUESTED), event(outcome)];
    if let Err(error) = announce_alone(host, &caller.organization_id, events).await {
        tracing::warn!(error = ?error, "the refusal of a registration could not be announced");
    }
}

fn refused(caller: &Caller, request: &RegisterRequest<'_>, refusal: &Error) -> Value {
    // The event repeats only texts that can be a name: others may be of any length.
    let event = EventName::new(request.namespace, request.name).ok();
    let version: Option<Version> = request.version.parse().ok();
    let canonical =
        event.as_ref().zip(version).map(|(event, version)| event.canonical(&caller.organization_id, version));
    json!({
        "organizationId": caller.organization_id,
        "registrationId": null,
        "canonicalName": canonical,
        "namespace": event.as_ref().map(EventName::namespace),
        "name": event.as_ref().map(EventName::name),
        "version": version.map(|version| version.to_string()),
        "errorCode": refusal.code().as_str(),
        "errorMessage": refusal.message(),
    })
}
