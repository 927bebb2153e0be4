//! Registering a version of an event, and trying that out.

use std::sync::Arc;

use weir_schema::Compatibility;

use super::{
    archive::archive_all,
    history,
    judge::{Base, Proposal, Verdict, judge},
    request::{RegisterRequest, check_description},
};
use crate::{
    db::{self, Tx, registration::VersionState},
    domain::{
        id::RegistrationId,
        name::{EventName, check_name, check_namespace, is_reserved},
        organization::Organization,
        registration::{Conversion, Registration, Status},
        time::Time,
    },
    error::{Error, Result},
    fail,
    service::{Caller, Change, Host},
};

/// How often a proposal is judged again because another version came first. A judgement takes
/// milliseconds; more versions of one event in a row are a storm.
const JUDGEMENTS_MAX: usize = 8;

/// Registers a version of an event, and announces each step of that, or the refusal.
pub async fn register(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Registration> {
    let registered = async {
        let (change, registration) = register_in_change(host, caller, &request).await?;
        change.commit().await?;
        Ok(registration)
    };
    match registered.await {
        Err(refusal) => {
            history::announce_refusal(host, caller, &request, &refusal).await;
            Err(refusal)
        }
        registered => registered,
    }
}

/// Registers a version of an event in a change that is still to be committed. The order of the checks
/// is the contract's (2.10).
///
/// Namespace and quota are checked before the schema, which is the costly part, and again in the
/// change, in which no other task can alter them. The change also sees whether the version that the
/// proposal was compared with is still the highest.
pub(in crate::service) async fn register_in_change<'host>(
    host: &'host Host,
    caller: &Caller,
    request: &RegisterRequest<'_>,
) -> Result<(Change<'host>, Registration)> {
    let status = check_status(request.status)?;
    let description = check_description(request.description)?;
    let proposal = Arc::new(propose(request)?);
    for _ in 0..JUDGEMENTS_MAX {
        let (base, verdict) = judge_registration(host, caller, &proposal).await?;
        let mut change = host.change(&caller.organization_id).await?;
        check_namespace_of(&mut change.tx, &change.organization, &proposal.event).await?;
        let states = db::registration::version_states(&mut change.tx, &caller.organization_id, &proposal.event).await?;
        check_quota(&mut change.tx, &change.organization, &states).await?;
        if !base.is_highest_of(&states) {
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

/// Tries out what [`register`] would answer, on every plan and without a quota. Nothing is stored.
pub async fn dry_run(host: &Host, caller: &Caller, request: RegisterRequest<'_>) -> Result<Verdict> {
    check_status(request.status)?;
    check_description(request.description)?;
    let proposal = Arc::new(propose(&request)?);
    let id = &caller.organization_id;
    let mut tx = host.read(&caller.organization_id).await?;
    let organization = organization(&mut tx, caller).await?;
    check_namespace_of(&mut tx, &organization, &proposal.event).await?;
    let states = db::registration::version_states(&mut tx, id, &proposal.event).await?;
    let base = Arc::new(Base::read(&mut tx, id, &proposal, &states).await?);
    drop(tx);
    judge(host, id, host.schema_caps.of(organization.plan), &proposal, &base).await
}

/// Judges a proposal that also has to fit the quota of the caller's plan, without a change.
async fn judge_registration(host: &Host, caller: &Caller, proposal: &Arc<Proposal>) -> Result<(Arc<Base>, Verdict)> {
    let id = &caller.organization_id;
    let mut tx = host.read(&caller.organization_id).await?;
    let organization = organization(&mut tx, caller).await?;
    check_namespace_of(&mut tx, &organization, &proposal.event).await?;
    let states = db::registration::version_states(&mut tx, id, &proposal.event).await?;
    check_quota(&mut tx, &organization, &states).await?;
    let base = Arc::new(Base::read(&mut tx, id, proposal, &states).await?);
    drop(tx);
    let verdict = judge(host, id, host.schema_caps.of(organization.plan), proposal, &base).await?;
    Ok((base, verdict))
}

async fn organization(tx: &mut Tx, caller: &Caller) -> Result<Organization> {
    let id = &caller.organization_id;
    db::organization::find(tx, id).await?.ok_or_else(|| Error::gone(id))
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

fn registration(
    host: &Host,
    caller: &Caller,
    proposal: &Proposal,
    verdict: Verdict,
    status: Status,
    description: Option<String>,
    now: Time,
) -> Registration {
    let sent = proposal.payload_schema.clone();
    let (payload_schema, conversion) = match verdict.converted {
        None => (sent, None),
        Some(converted) => {
            let changes = converted.details().to_string();
            (converted.schema_text, Some(Conversion { source: sent, changes }))
        }
    };
    Registration {
        id: RegistrationId::new(now, host.randomness.id()),
        organization_id: caller.organization_id.clone(),
        event: proposal.event.clone(),
        version: proposal.version,
        status,
        description,
        payload_schema,
        conversion,
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

async fn check_namespace_of(tx: &mut Tx, organization: &Organization, event: &EventName) -> Result<()> {
    let allowed = db::organization::namespaces(tx, &organization.id).await?;
    if allowed.iter().any(|(namespace, _)| namespace == event.namespace()) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|(namespace, _)| namespace.as_str()).collect();
    Err(fail!(NamespaceNotAllowed, "this organization may register under {}", allowed.join(", ")))
}

/// Checks the quota of the plan. It counts events: another version of a live one takes no place.
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
