//! Emitting: the hot path from a request to a row that survives power loss.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Caller, Host, Page, access,
    directory::{self, Emittable, Entry},
    lifecycle,
};
use crate::{
    db::{
        self,
        emit::{EmitQuery, StoredEmit},
        ledger::{Acceptance, Charge, NewEmit},
    },
    domain::{
        delivery::Counts,
        emit::{Emit, Idempotency, Subject},
        id::EmitId,
        limits::{CHAIN_DEPTH_MAX, IDEMPOTENCY_KEY_CHARS_MAX, PAYLOAD_BYTES_MAX},
        name::{EventName, Version},
    },
    error::{Error, Result},
    fail,
};

/// How often an emit is checked again because its organization was changed meanwhile. Changes of
/// one organization take about a millisecond each; more in a row is a storm.
const CHECKS_MAX: usize = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct EmitRequest<'a> {
    /// `<namespace>.<name>`.
    pub name: &'a str,
    /// An exact version, or the latest published one.
    pub version: Option<&'a str>,
    /// The payload's JSON text.
    pub payload: &'a str,
    /// The caller's key for replays.
    pub idempotency_key: Option<&'a str>,
    /// How many emits led to this one: 0 for a request from the outside.
    pub chain_depth: u32,
}

/// What was accepted, now or the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmitAnswer {
    /// The emit.
    pub id: EmitId,
    /// The name that it is routed under.
    pub canonical_name: String,
}

/// Accepts an emit. When this returns `Ok`, every matching subscription gets the event. A refusal
/// is said to whoever subscribed to that.
pub async fn emit(host: &Host, caller: &Caller, request: EmitRequest<'_>) -> Result<EmitAnswer> {
    match accept(host, caller, request).await {
        Err(refusal) => {
            lifecycle::record_refusal(host, caller, &request, &refusal).await;
            Err(refusal)
        }
        accepted => accepted,
    }
}

async fn accept(host: &Host, caller: &Caller, request: EmitRequest<'_>) -> Result<EmitAnswer> {
    let event = EventName::parse(request.name)?;
    let version = request.version.map(str::parse::<Version>).transpose()?;
    let payload = Arc::new(parse_payload(request.payload)?);
    let idempotency = idempotency(&request, &payload)?;
    if request.chain_depth > CHAIN_DEPTH_MAX {
        return Err(fail!(ChainDepthExceeded, "more than {CHAIN_DEPTH_MAX} emits led to this one"));
    }
    let mut caller = caller.clone();
    for _ in 0..CHECKS_MAX {
        let entry = directory::organization(host, &caller.organization_id, 0).await?;
        if entry.organization.revision != caller.revision {
            caller = access::readmit(host, &caller).await?;
        }
        let emittable = match check(host, &entry, &event, version, &payload).await {
            Ok(emittable) => emittable,
            Err(refusal) => return repeated(host, &caller, idempotency.as_ref(), refusal).await,
        };
        let now = host.now();
        let emit = Arc::new(Emit {
            id: EmitId::new(now, host.randomness.id()),
            organization_id: caller.organization_id.clone(),
            subject: Subject::Custom {
                registration_id: emittable.registration_id.clone(),
                event: event.clone(),
                version: emittable.version,
            },
            payload: request.payload.into(),
            idempotency: idempotency.clone(),
            chain_depth: request.chain_depth,
            emitted_by: caller.service().to_owned(),
            accepted_at: now,
            revision: entry.organization.revision,
            source: None,
        });
        let new = NewEmit {
            emit: emit.clone(),
            charge: Charge::Counted(entry.organization.plan.emits_per_month_max()),
            is_wanted: is_wanted(host, &entry, &emit.subject).await?,
            is_pushed: directory::is_pushed(host, &entry, &emittable.registration_id).await?,
        };
        return match host.ledger.accept(new).await? {
            Acceptance::Accepted => Ok(EmitAnswer { id: emit.id.clone(), canonical_name: emit.event_type() }),
            Acceptance::Duplicate { id, event_type } => Ok(EmitAnswer { id, canonical_name: event_type }),
            Acceptance::KeyReused => {
                Err(fail!(IdempotencyKeyReused, "the idempotency key was used before with another request"))
            }
            Acceptance::OverQuota => Err(over_quota(&entry)),
            Acceptance::Stale => {
                host.directory.forget(&caller.organization_id);
                continue;
            }
        };
    }
    Err(fail!(Unavailable, "the organization is being changed too fast; nothing was accepted").retry_after(1))
}

/// Whether there is anything to do for routing: somebody may want the event, or word of it.
async fn is_wanted(host: &Host, entry: &Entry, subject: &Subject) -> Result<bool> {
    Ok(directory::emit_events(host, entry).await?.of_accepted()
        || !directory::targets(host, entry, subject).await?.is_empty())
}

/// Whether the plan, the registry and the schema allow the emit, and of which registration it is.
async fn check(
    host: &Host,
    entry: &Entry,
    event: &EventName,
    version: Option<Version>,
    payload: &Arc<Value>,
) -> Result<Arc<Emittable>> {
    check_plan(entry, event)?;
    let emittable = directory::emittable(host, entry, event, version).await?;
    let validator = directory::validator(host, entry, &emittable.registration_id).await?;
    if !validator.is_quickly_valid(payload) {
        let payload = payload.clone();
        host.compute.run(&entry.organization.id, move || validator.check(&payload)).await??;
    }
    Ok(emittable)
}

/// The answer to an emit that would be refused now: the first answer, if the same request was
/// accepted before the registry changed. A client that lost that answer gets it.
async fn repeated(
    host: &Host,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    refusal: Error,
) -> Result<EmitAnswer> {
    let Some(idempotency) = idempotency else { return Err(refusal) };
    let mut tx = host.db.read().await?;
    match db::emit::find_by_key(&mut tx, &caller.organization_id, &idempotency.key).await? {
        Some(first) if first.request_hash == idempotency.request_hash => {
            Ok(EmitAnswer { id: first.id, canonical_name: first.event_type })
        }
        _ => Err(refusal),
    }
}

fn parse_payload(text: &str) -> Result<Value> {
    if text.len() > PAYLOAD_BYTES_MAX {
        return Err(fail!(PayloadTooLarge, "the payload has {} bytes; {PAYLOAD_BYTES_MAX} are allowed", text.len()));
    }
    if !text.starts_with('{') {
        return Err(fail!(InvalidRequest, "payload has to be an object"));
    }
    // What is well-formed JSON and still no value here is too deep, or has a number that no
    // floating-point number comes near.
    serde_json::from_str(text).map_err(|cause| fail!(PayloadInvalid, "the payload cannot be read: {cause}"))
}

fn idempotency(request: &EmitRequest<'_>, payload: &Value) -> Result<Option<Idempotency>> {
    let Some(key) = request.idempotency_key else { return Ok(None) };
    if !Idempotency::is_key(key) {
        return Err(fail!(
            InvalidRequest,
            "an idempotency key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters and no control characters"
        ));
    }
    let asked = serde_json::json!([request.name, request.version, payload]);
    Ok(Some(Idempotency { key: key.to_owned(), request_hash: weir_schema::canonical_hash(&asked) }))
}

/// Contract 2.5: on FREE only the generic event can be emitted, and there is no code of its own.
fn check_plan(entry: &Entry, event: &EventName) -> Result<()> {
    let plan = entry.organization.plan;
    if plan.emits_registered() || event.is_generic() {
        return Ok(());
    }
    Err(fail!(EventNotRegistered, "{event} is not registered; plan {} has platformxe.generic only", plan.as_str()))
}

fn over_quota(entry: &Entry) -> Error {
    let plan = entry.organization.plan;
    let limit = plan.emits_per_month_max().unwrap_or(i64::MAX);
    fail!(MonthlyEmitQuotaExceeded, "plan {} allows {limit} emits in a UTC calendar month", plan.as_str())
}

/// An emit with how its deliveries stand.
#[derive(Clone, Debug)]
pub struct EmitView {
    /// The emit.
    pub stored: StoredEmit,
    /// Its deliveries.
    pub counts: Counts,
}

/// One emit of the caller's organization.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<EmitView> {
    let not_found = || fail!(NotFound, "there is no such emit");
    let id = EmitId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.db.read().await?;
    let stored = db::emit::find(&mut tx, &caller.organization_id, &id).await?;
    let stored = stored.filter(|stored| stored.emit.subject.custom().is_some()).ok_or_else(not_found)?;
    let ids = [stored.emit.id.clone()];
    let counts = db::emit::delivery_counts(&mut tx, &caller.organization_id, &ids).await?;
    let counts = counts.into_iter().next().map(|(_, counts)| counts).unwrap_or_default();
    Ok(EmitView { stored, counts })
}

/// A page of the caller's emits, the newest first, and how many match.
pub async fn list(host: &Host, caller: &Caller, filter: &EmitQuery, page: Page) -> Result<(Vec<EmitView>, i64)> {
    let mut tx = host.db.read().await?;
    let organization = &caller.organization_id;
    let (rows, total) = db::emit::list(&mut tx, organization, filter, page.limit, page.offset()).await?;
    let ids: Vec<EmitId> = rows.iter().map(|row| row.emit.id.clone()).collect();
    let counts = db::emit::delivery_counts(&mut tx, organization, &ids).await?;
    let counts_of = |id: &EmitId| counts.iter().find(|(of, _)| of == id).map(|(_, counts)| *counts);
    let views =
        rows.into_iter().map(|stored| EmitView { counts: counts_of(&stored.emit.id).unwrap_or_default(), stored });
    Ok((views.collect(), total))
}
