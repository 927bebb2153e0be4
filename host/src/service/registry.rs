//! The registry: registering, reading and moving custom events.

use std::sync::Arc;

use weir_schema::Compatibility;

pub(super) mod history;

use super::{
    Caller, Change, Host,
    evolution::{self, Base, Proposal, Verdict},
};
use crate::{
    db::{self, Tx, registration::VersionState},
    domain::{
        id::RegistrationId,
        limits::TEXT_CHARS_MAX,
        name::{EventName, check_name, check_namespace, is_reserved},
        organization::Organization,
        registration::{GENERIC_SCHEMA, GENERIC_VERSION, PLATFORM, Registration, Status},
        time::Time,
    },
    error::{Error, Result},
    fail,
};

/// How often a proposal is judged again because another version came first. A judgement takes
/// milliseconds; more versions of one event in a row are a storm.
const JUDGEMENTS_MAX: usize = 8;

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
    /// `backward`, when it is not given, or `strict`: which payloads it has to go on taking, if it
    /// is a minor version.
    pub compatibility: Option<&'a str>,
}

/// Registers a version of an event, and says so, step by step, to whoever subscribed to that; or
/// says that it was refused.
pub async fn register(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Registration> {
    match check_and_register(host, caller, request).await {
        Err(refusal) => {
            history::record_refusal(host, caller, &request, &refusal).await;
            Err(refusal)
        }
        registered => registered,
    }
}

async fn check_and_register(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Registration> {
    let (change, registration) = add(host, caller, &request).await?;
    change.commit().await?;
    Ok(registration)
}

/// Registers an event in a change that is still to be committed. The order of the checks is the
/// contract's (2.10).
///
/// Allowlist and plan are looked at before the schema, which is the costly part, and again when
/// nobody else can change them; so is whether the version that everything was compared with is
/// still the highest.
pub(super) async fn add<'host>(
    host: &'host Host,
    caller: &Caller,
    request: &RegisterRequest<'_>,
) -> Result<(Change<'host>, Registration)> {
    let status = check_status(request.status)?;
    let description = check_description(request.description)?;
    let proposal = Arc::new(propose(request)?);
    for _ in 0..JUDGEMENTS_MAX {
        let (base, verdict) = judge(host, caller, &proposal, Quota::Counts).await?;
        let mut change = host.change(&caller.organization_id).await?;
        check_allowed(&mut change.tx, &change.organization, &proposal.event).await?;
        let states = db::registration::version_states(&mut change.tx, &caller.organization_id, &proposal.event).await?;
        check_quota(&mut change.tx, &change.organization, &states).await?;
        if !base.holds(&states) {
            continue;
        }
        let registration = registration(host, caller, &proposal, verdict, status, description, change.now);
        if !change.organization.plan.versions() {
            archive_all(&mut change, states).await?;
        }
        db::registration::insert(&mut change.tx, &caller.organization_id, &registration).await?;
        history::registered(&mut change, &registration);
        return Ok((change, registration));
    }
    Err(fail!(Unavailable, "versions of this event are being registered too fast; nothing was registered")
        .retry_after(1))
}

/// Tries out what [`register`] would say, on every plan and without a quota. Nothing is kept.
pub async fn dry_run(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Verdict> {
    check_status(request.status)?;
    check_description(request.description)?;
    let proposal = Arc::new(propose(&request)?);
    judge(host, caller, &proposal, Quota::IsIgnored).await.map(|(_, verdict)| verdict)
}

fn propose(request: &RegisterRequest<'_>) -> Result<Proposal> {
    let compatibility = check_compatibility(request.compatibility)?;
    let event = check_name_of(request)?;
    Ok(Proposal {
        event,
        version: request.version.parse()?,
        payload_schema: request.payload_schema.to_owned(),
        payload_example: request.payload_example.map(str::to_owned),
        compatibility,
    })
}

/// Whether a proposal takes a place of the plan's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quota {
    Counts,
    IsIgnored,
}

async fn judge(host: &Host, caller: &Caller, proposal: &Arc<Proposal>, quota: Quota) -> Result<(Arc<Base>, Verdict)> {
    let id = &caller.organization_id;
    let mut tx = host.db.read().await?;
    let organization =
        db::organization::find(&mut tx, id).await?.ok_or_else(|| fail!(InternalError, "organization {id} is gone"))?;
    check_allowed(&mut tx, &organization, &proposal.event).await?;
    if quota == Quota::Counts {
        let states = db::registration::version_states(&mut tx, id, &proposal.event).await?;
        check_quota(&mut tx, &organization, &states).await?;
    }
    let base = Arc::new(Base::read(&mut tx, id, proposal).await?);
    drop(tx);
    let verdict = evolution::judge(host, id, proposal, &base).await?;
    Ok((base, verdict))
}

fn registration(
    host: &Host,
    caller: &Caller,
    proposal: &Proposal,
    verdict: Verdict,
    status: Status,
    description: Option<String>,
    now: Time,
) -> Registration {
    Registration {
        id: RegistrationId::new(now, host.randomness.id()),
        organization_id: caller.organization_id.clone(),
        event: proposal.event.clone(),
        version: proposal.version,
        status,
        description,
        payload_schema: proposal.payload_schema.clone(),
        payload_example: proposal.payload_example.clone(),
        schema_hash: verdict.schema_hash,
        schema_flavour: verdict.schema_flavour.as_str().to_owned(),
        semver_bump: verdict.semver_bump,
        compatibility: proposal.compatibility,
        registered_by: caller.service().to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    }
}

fn check_status(status: Option<&str>) -> Result<Status> {
    match status.map(Status::parse) {
        None => Ok(Status::Draft),
        Some(Some(status @ (Status::Draft | Status::Published))) => Ok(status),
        Some(_) => Err(fail!(InvalidRequest, "status has to be draft or published")),
    }
}

/// Free text within its bound; code `invalid_request`.
pub(super) fn check_description(description: Option<&str>) -> Result<Option<String>> {
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

fn check_compatibility(word: Option<&str>) -> Result<Compatibility> {
    match word.map(Compatibility::parse) {
        None => Ok(Compatibility::default()),
        Some(Some(compatibility)) => Ok(compatibility),
        Some(None) => Err(fail!(InvalidRequest, "compatibility has to be backward or strict")),
    }
}

async fn check_allowed(tx: &mut Tx, organization: &Organization, event: &EventName) -> Result<()> {
    let allowed = db::organization::namespaces(tx, &organization.id).await?;
    if allowed.iter().any(|(namespace, _)| namespace == event.namespace()) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|(namespace, _)| namespace.as_str()).collect();
    Err(fail!(NamespaceNotAllowed, "this organization may register under {}", allowed.join(", ")))
}

/// Another version of a live event is no further registration: the quota counts events.
async fn check_quota(tx: &mut Tx, organization: &Organization, states: &[VersionState]) -> Result<()> {
    let plan = organization.plan;
    let Some(limit) = plan.registrations_max() else { return Ok(()) };
    let is_live = states.iter().any(|state| state.status != Status::Archived);
    let used = db::registration::count_events(tx, &organization.id).await?;
    if limit > 0 && (is_live || used < limit) {
        return Ok(());
    }
    let plan = plan.as_str();
    Err(fail!(RegistrationQuotaExceeded, "plan {plan} allows {limit} registered events, and {used} are in use"))
}

/// BASIC has the latest version only (contract 6.7): what was there before is archived.
async fn archive_all(change: &mut Change<'_>, states: Vec<VersionState>) -> Result<()> {
    for state in states.into_iter().filter(|state| state.status != Status::Archived) {
        let found = db::registration::find(&mut change.tx, &change.organization.id, &state.id).await?;
        let mut registration = found.ok_or_else(|| fail!(InternalError, "registration {} is gone", state.id))?;
        archive(change, &mut registration).await?;
    }
    Ok(())
}

/// Archives a registration, and with it its listing in the marketplace.
async fn archive(change: &mut Change<'_>, registration: &mut Registration) -> Result<()> {
    registration.status = Status::Archived;
    registration.archived_at = Some(change.now);
    registration.updated_at = change.now;
    history::archived(change, registration);
    let organization = &change.organization.id;
    db::registration::update(&mut change.tx, organization, registration).await?;
    db::listing::archive(&mut change.tx, organization, &registration.id, change.now).await
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

/// Code `registration_not_found`.
pub(super) fn not_found() -> Error {
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
            archive(&mut change, &mut registration).await?;
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
        archive(&mut change, &mut registration).await?;
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
    let schema = weir_schema::inspect(GENERIC_SCHEMA)?;
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
        compatibility: Compatibility::default(),
        registered_by: PLATFORM.to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}
