//! Emitting: the hot path from a request to a row that survives power loss.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{payload, quota, refusal::announce_refusal};
pub use crate::service::accept::Accepted;
use crate::{
    db::emit::Charge,
    domain::{
        canonical::canonical_text,
        emit::{Idempotency, Subject},
        limits::{CHAIN_DEPTH_MAX, IDEMPOTENCY_KEY_CHARS_MAX},
        name::{EventName, Version},
        plan::Plan,
    },
    error::Result,
    fail,
    memory::{Emittable, OrganizationView},
    service::{
        Caller, Host,
        accept::{Check, Checked, Draft, accept, check_deliveries},
        access::readmit,
    },
};

/// An emit to be.
#[derive(Clone, Copy, Debug)]
pub struct EmitRequest<'a> {
    /// `<namespace>.<name>`.
    pub name: &'a str,
    /// An exact version; `None` is the latest published one.
    pub version: Option<&'a str>,
    /// The payload's JSON text.
    pub payload: &'a str,
    /// The caller's key for repeating the request.
    pub idempotency_key: Option<&'a str>,
}

/// Accepts an emit of a caller outside of the host. When this returns `Ok`, every matching
/// subscription gets the event. A refusal is announced to subscriptions that listen for it.
pub async fn emit(host: &Host, caller: &Caller, request: EmitRequest<'_>) -> Result<Accepted> {
    emit_in_chain(host, caller, request, 0).await
}

/// Accepts an emit that `chain_depth` others led to, as [`emit`] does.
pub async fn emit_in_chain(
    host: &Host,
    caller: &Caller,
    request: EmitRequest<'_>,
    chain_depth: u32,
) -> Result<Accepted> {
    match check_and_accept(host, caller, request, chain_depth).await {
        // Faults of the host are no judgement of the emit, and it may come again.
        Err(fault) if fault.code().status() >= 500 => Err(fault),
        Err(refusal) => {
            // A caller that is out is told only that, and its organization nothing.
            readmit(host, caller).await?;
            announce_refusal(host, caller, request.name, request.version, &refusal).await;
            Err(refusal)
        }
        accepted => accepted,
    }
}

async fn check_and_accept(
    host: &Host,
    caller: &Caller,
    request: EmitRequest<'_>,
    chain_depth: u32,
) -> Result<Accepted> {
    let again = quota::refuse_used_up(host, caller, request.idempotency_key).await?;
    let caller = again.as_ref().unwrap_or(caller);
    let event = EventName::parse(request.name)?;
    let version = request.version.map(str::parse::<Version>).transpose()?;
    let text: Arc<str> = request.payload.into();
    let payload = Some(payload::read(&text)?);
    let idempotency = idempotency(&request)?;
    if chain_depth > CHAIN_DEPTH_MAX {
        return Err(fail!(ChainDepthExceeded, "more than {CHAIN_DEPTH_MAX} emits led to this one"));
    }
    let draft = Draft { payload: text.clone(), idempotency, chain_depth, emitted_by: caller.service().to_owned() };
    accept(host, caller, draft, &mut EmitCheck { host, event, version, text, payload }).await
}

/// Checks an emit against plan, registry and schema.
struct EmitCheck<'a> {
    host: &'a Host,
    event: EventName,
    version: Option<Version>,
    /// The payload's JSON text.
    text: Arc<str>,
    /// The payload until its first check: as a value it takes many times the bytes of its text, and the ledger has to
    /// be waited for.
    payload: Option<Value>,
}

impl Check for EmitCheck<'_> {
    async fn check(&mut self, view: &OrganizationView) -> Result<Checked> {
        let (memory, plan) = (&self.host.memory, view.organization.plan);
        check_plan(plan, &self.event)?;
        let emittable = memory.emittable(view, &self.event, self.version).await?;
        self.check_payload(view, &emittable).await?;
        let subject = Subject::Custom {
            registration_id: emittable.registration_id.clone(),
            event: self.event.clone(),
            version: emittable.version,
        };
        let receivers = memory.endpoints(view, &subject).await?.len();
        check_deliveries(self.host, plan, receivers)?;
        let is_wanted = receivers > 0 || memory.wanted_lifecycle(view).await?.of_accepted();
        let is_pushed = memory.is_pushed(view, &emittable.registration_id).await?;
        Ok(Checked { subject, charge: Charge::Counted(plan.emits_per_month_max()), is_wanted, is_pushed })
    }
}

impl EmitCheck<'_> {
    /// Checks the payload against the schema: on this thread if that is quick, or else in the pool.
    async fn check_payload(&mut self, view: &OrganizationView, emittable: &Emittable) -> Result<()> {
        let validator = self.host.memory.validator(view, &emittable.registration_id).await?;
        let payload = match self.payload.take() {
            Some(payload) => payload,
            None => payload::read(&self.text)?,
        };
        if validator.is_quickly_valid(&payload) {
            return Ok(());
        }
        Ok(self.host.cpu.try_run(&view.organization.id, move || validator.check(&payload)).await??)
    }
}

fn idempotency(request: &EmitRequest<'_>) -> Result<Option<Idempotency>> {
    let Some(key) = request.idempotency_key else { return Ok(None) };
    if !Idempotency::is_key(key) {
        return Err(fail!(
            InvalidRequest,
            "an idempotency key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters and no control characters"
        ));
    }
    let event = serde_json::json!([request.name, request.version]).to_string();
    let request_hash = Sha256::new().chain_update(event).chain_update(canonical_text(request.payload)).finalize();
    Ok(Some(Idempotency { key: key.to_owned(), request_hash: hex::encode(request_hash) }))
}

/// Checks that a plan allows the event: on FREE only the generic one, by the code of an unknown event
/// (contract 2.5).
fn check_plan(plan: Plan, event: &EventName) -> Result<()> {
    if plan.emits_registered() || event.is_generic() {
        return Ok(());
    }
    Err(fail!(EventNotRegistered, "{event} is not registered; plan {} has platformxe.generic only", plan.as_str()))
}
