//! The registry: registering, reading and moving custom events.

pub(super) mod history;

use super::{Caller, Change, Host};
use crate::{
    db,
    domain::{
        id::RegistrationId,
        limits::TEXT_CHARS_MAX,
        name::{EventName, Version, check_name, check_namespace, is_reserved},
        organization::Organization,
        registration::{GENERIC_SCHEMA, GENERIC_VERSION, PLATFORM, Registration, Status},
        schema::{self, Schema},
        time::Time,
    },
    error::{Code, Error, Result},
    fail,
};

/// What is to be registered.
#[derive(Clone, Copy, Debug)]
pub struct RegisterRequest<'a> {
    /// The part before the first dot.
    pub namespace: &'a str,
    /// The part after it.
    pub name: &'a str,
    /// `MAJOR.MINOR.PATCH`.
    pub version: &'a str,
    /// JSON text of an object.
    pub payload_schema: &'a str,
    /// JSON text of an object.
    pub payload_example: Option<&'a str>,
    /// `draft`, when it is not given, or `published`.
    pub status: Option<&'a str>,
    /// Free text.
    pub description: Option<&'a str>,
}

/// Registers an event, and says so, step by step, to whoever subscribed to that; or says that it
/// was refused.
pub async fn register(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Registration> {
    match check_and_register(host, caller, request).await {
        Err(refusal) => {
            history::record_refusal(host, caller, &request, &refusal).await;
            Err(refusal)
        }
        registered => registered,
    }
}

/// The order of the checks is the contract's (2.10).
async fn check_and_register(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Registration> {
    let status = check_status(request.status)?;
    let description = check_description(request.description)?;
    let event = check_name_of(&request)?;
    let version: Version = request.version.parse()?;
    // The schema is the costly part and needs no lock, but its codes come after the quota's.
    let schema = check_schema(request.payload_schema, request.payload_example);
    let mut change = host.change(&caller.organization_id).await?;
    check_allowed(&mut change, &event).await?;
    check_quota(&mut change, &event).await?;
    let schema = schema?;
    let versions = db::registration::versions(&mut change.tx, &caller.organization_id, &event).await?;
    if versions.iter().any(|registration| registration.version == version) {
        return Err(fail!(VersionAlreadyExists, "{event}@{version} is registered already"));
    }
    let semver_bump = version.bump_from(versions.first().map(|highest| highest.version))?;
    let now = change.now;
    let registration = Registration {
        id: RegistrationId::new(now, host.randomness.id()),
        organization_id: caller.organization_id.clone(),
        event,
        version,
        status,
        description,
        payload_schema: request.payload_schema.to_owned(),
        payload_example: request.payload_example.map(str::to_owned),
        schema_hash: schema.hash,
        schema_flavour: schema.flavour.as_str().to_owned(),
        semver_bump,
        registered_by: caller.service().to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    if !change.organization.plan.versions() {
        archive_all(&mut change, versions).await?;
    }
    db::registration::insert(&mut change.tx, &caller.organization_id, &registration).await?;
    history::registered(&mut change, &registration);
    change.commit().await?;
    Ok(registration)
}

fn check_status(status: Option<&str>) -> Result<Status> {
    match status.map(Status::parse) {
        None => Ok(Status::Draft),
        Some(Some(status @ (Status::Draft | Status::Published))) => Ok(status),
        Some(_) => Err(fail!(InvalidRequest, "status has to be draft or published")),
    }
}

fn check_description(description: Option<&str>) -> Result<Option<String>> {
    match description {
        Some(text) if text.chars().count() > TEXT_CHARS_MAX || text.contains('\0') => {
            Err(fail!(InvalidRequest, "description has at most {TEXT_CHARS_MAX} characters and no NUL"))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

fn check_name_of(request: &RegisterRequest<'_>) -> Result<EventName> {
    if EventName::stored(request.namespace, request.name).is_generic() {
        return Err(fail!(CannotRegisterGenericEvent, "platformxe.generic belongs to the platform"));
    }
    check_namespace(request.namespace)?;
    if is_reserved(request.namespace) {
        return Err(fail!(ReservedNamespace, "namespace {} is reserved by the platform", request.namespace));
    }
    check_name(request.name)?;
    EventName::new(request.namespace, request.name)
}

async fn check_allowed(change: &mut Change<'_>, event: &EventName) -> Result<()> {
    let allowed = db::organization::namespaces(&mut change.tx, &change.organization.id).await?;
    if allowed.iter().any(|(namespace, _)| namespace == event.namespace()) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|(namespace, _)| namespace.as_str()).collect();
    Err(fail!(NamespaceNotAllowed, "this organization may register under {}", allowed.join(", ")))
}

/// Another version of a live event is no further registration: the quota counts events.
async fn check_quota(change: &mut Change<'_>, event: &EventName) -> Result<()> {
    let plan = change.organization.plan;
    let Some(limit) = plan.registrations_max() else { return Ok(()) };
    let organization = change.organization.id.clone();
    let states = db::registration::version_states(&mut change.tx, &organization, event).await?;
    let is_live = states.iter().any(|state| state.status != Status::Archived);
    let used = db::registration::count_events(&mut change.tx, &organization).await?;
    if limit > 0 && (is_live || used < limit) {
        return Ok(());
    }
    let plan = plan.as_str();
    Err(fail!(RegistrationQuotaExceeded, "plan {plan} allows {limit} registered events, and {used} are in use"))
}

fn check_schema(schema: &str, example: Option<&str>) -> Result<Schema> {
    let schema = schema::inspect(schema)?;
    if let Some(example) = example {
        let example = serde_json::from_str(example)
            .map_err(|cause| fail!(PayloadExampleDoesNotMatchSchema, "the example cannot be read: {cause}"))?;
        schema.validator.check(&example).map_err(|error| example_does_not_match(&error))?;
    }
    Ok(schema)
}

fn example_does_not_match(error: &Error) -> Error {
    let own = Error::new(Code::PayloadExampleDoesNotMatchSchema, "payloadExample breaks payloadSchema");
    match error.details() {
        Some(details) => own.with_details(details.clone()),
        None => own,
    }
}

/// BASIC has the latest version only (contract 6.7): what was there before is archived.
async fn archive_all(change: &mut Change<'_>, registrations: Vec<Registration>) -> Result<()> {
    for mut registration in registrations {
        if registration.status != Status::Archived {
            archive(change, &mut registration);
            db::registration::update(&mut change.tx, &change.organization.id, &registration).await?;
        }
    }
    Ok(())
}

fn archive(change: &mut Change<'_>, registration: &mut Registration) {
    registration.status = Status::Archived;
    registration.archived_at = Some(change.now);
    registration.updated_at = change.now;
    history::archived(change, registration);
}

/// The caller's registrations, the newest first.
pub async fn list(
    host: &Host,
    caller: &Caller,
    namespace: Option<&str>,
    status: Option<Status>,
) -> Result<Vec<Registration>> {
    let mut tx = host.db.read().await?;
    db::registration::list(&mut tx, &caller.organization_id, namespace, status).await
}

/// One registration of the caller's organization.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    db::registration::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)
}

fn not_found() -> Error {
    fail!(RegistrationNotFound, "this organization has no such registration")
}

/// What is to be changed; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchRequest<'a> {
    /// `published` for a draft, `archived` for what is published.
    pub status: Option<&'a str>,
    /// The new text; `Some(None)` takes it away.
    pub description: Option<Option<&'a str>>,
}

/// Changes status and description. Code `invalid_state` for an illegal move.
pub async fn patch(host: &Host, caller: &Caller, id: &str, request: PatchRequest<'_>) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(not_found)?;
    let status = match request.status.map(|text| (text, Status::parse(text))) {
        None => None,
        Some((_, Some(status))) => Some(status),
        Some((_, None)) => return Err(fail!(InvalidRequest, "status has to be draft, published or archived")),
    };
    let mut change = host.change(&caller.organization_id).await?;
    let mut registration =
        db::registration::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    if let Some(status) = status {
        let next = registration.status.move_to(status)?;
        if next == Status::Archived && registration.status != Status::Archived {
            check_archivable(&registration)?;
            archive(&mut change, &mut registration);
        }
        registration.status = next;
    }
    if let Some(description) = request.description {
        registration.description = check_description(description)?;
    }
    registration.updated_at = change.now;
    db::registration::update(&mut change.tx, &caller.organization_id, &registration).await?;
    change.commit().await?;
    Ok(registration)
}

/// Archives a registration. Once more is no mistake: a repeated request gets the stored answer.
pub async fn remove(host: &Host, caller: &Caller, id: &str) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(not_found)?;
    let mut change = host.change(&caller.organization_id).await?;
    let mut registration =
        db::registration::find(&mut change.tx, &caller.organization_id, &id).await?.ok_or_else(not_found)?;
    check_archivable(&registration)?;
    if registration.status != Status::Archived {
        archive(&mut change, &mut registration);
        db::registration::update(&mut change.tx, &caller.organization_id, &registration).await?;
        change.commit().await?;
    }
    Ok(registration)
}

fn check_archivable(registration: &Registration) -> Result<()> {
    if registration.event.is_generic() {
        return Err(fail!(CannotArchiveGenericEvent, "platformxe.generic is managed by the platform"));
    }
    Ok(())
}

/// The catch-all event that every organization has from the start (contract 2.9).
pub(super) fn generic(host: &Host, organization: &Organization, now: Time) -> Result<Registration> {
    let schema = schema::inspect(GENERIC_SCHEMA)?;
    Ok(Registration {
        id: RegistrationId::new(now, host.randomness.id()),
        organization_id: organization.id.clone(),
        event: EventName::generic(),
        version: GENERIC_VERSION,
        status: Status::Published,
        description: Some("Catch-all event: route by its kind".to_owned()),
        payload_schema: GENERIC_SCHEMA.to_owned(),
        payload_example: None,
        schema_hash: schema.hash,
        schema_flavour: schema.flavour.as_str().to_owned(),
        semver_bump: crate::domain::name::Bump::Initial,
        registered_by: PLATFORM.to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}
