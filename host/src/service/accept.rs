//! Accepting an event: the one loop for all that organizations emit, and for what their other
//! applications have to say.
//!
//! An event is checked against the organization as it is remembered, and offered to the ledger. If
//! what the check depends on was changed meanwhile, on this host or another, its caller is admitted
//! again and the event is checked again.

use std::{future::Future, sync::Arc};

use super::{Caller, Host, access::readmit};
use crate::{
    db::{
        self,
        emit::{Acceptance, Charge, NewEmit},
    },
    domain::{
        emit::{Emit, Idempotency, Subject},
        id::EmitId,
        plan::Plan,
        time::Time,
    },
    error::{Error, Result},
    fail,
    memory::OrganizationView,
};

/// How often an event is checked because the rules of its organization were changed meanwhile. Changes of
/// one organization take about a millisecond each; more in a row are a storm.
const CHECKS_MAX: usize = 8;

/// An event to be accepted.
pub(super) struct Draft {
    /// The payload, byte for byte as received.
    pub(super) payload: Arc<str>,
    /// The caller's key for repeating the request.
    pub(super) idempotency: Option<Idempotency>,
    /// How many emits led to this one.
    pub(super) chain_depth: u32,
    /// The service that emits it.
    pub(super) emitted_by: String,
}

/// The result of a [`Check`].
pub(super) struct Checked {
    /// What kind of event it is.
    pub(super) subject: Subject,
    /// Whether it counts toward the month.
    pub(super) charge: Charge,
    /// Whether routing has anything to do: a subscription matches, or one listens for lifecycle events
    /// about emits.
    pub(super) is_wanted: bool,
    /// Whether it is to be relayed.
    pub(super) is_pushed: bool,
}

/// An event that was accepted, now or by the first request with the same idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The id of the emit.
    pub id: EmitId,
    /// The name that it is routed under.
    pub event_type: String,
}

/// Checks an event against an organization.
pub(super) trait Check {
    /// Checks the event as of the view's revision; an error refuses it.
    fn check(&mut self, view: &OrganizationView) -> impl Future<Output = Result<Checked>> + Send;
}

/// Accepts an event if it passes `check`, which is repeated when the organization was changed. When
/// this returns `Ok`, the event survives power loss.
pub(super) async fn accept(host: &Host, caller: &Caller, draft: Draft, check: &mut impl Check) -> Result<Accepted> {
    let mut caller = caller.clone();
    for _ in 0..CHECKS_MAX {
        let checked = match check.check(&caller.organization).await {
            Ok(checked) => checked,
            Err(refusal) => {
                let again = readmit(host, &caller).await?;
                if again.revision() == caller.revision() {
                    return repeated(host, &caller, draft.idempotency.as_ref(), refusal).await;
                }
                // What is remembered was out of date, and the refusal with it.
                caller = again;
                continue;
            }
        };
        let new = new_emit(host, &caller, &draft, checked);
        let emit = new.emit.clone();
        match host.ledger.accept(new).await? {
            Acceptance::Accepted { .. } => return Ok(Accepted { id: emit.id.clone(), event_type: emit.event_type() }),
            Acceptance::Duplicate { id, event_type } => return Ok(Accepted { id, event_type }),
            Acceptance::KeyReused => {
                return Err(fail!(IdempotencyKeyReused, "the idempotency key was used before with another request"));
            }
            Acceptance::OverQuota => {
                caller.organization.note_month_used_up(emit.accepted_at);
                return Err(over_quota(caller.plan, emit.accepted_at));
            }
            Acceptance::Stale => caller = readmit(host, &caller).await?,
        }
    }
    Err(fail!(Unavailable, "the organization is being changed too fast; nothing was accepted").retry_after(1))
}

fn new_emit(host: &Host, caller: &Caller, draft: &Draft, checked: Checked) -> NewEmit {
    let now = host.now();
    let emit = Emit {
        id: EmitId::new(now, host.randomness.id()),
        organization_id: caller.organization_id.clone(),
        subject: checked.subject,
        payload: draft.payload.clone(),
        idempotency: draft.idempotency.clone(),
        chain_depth: draft.chain_depth,
        emitted_by: draft.emitted_by.clone(),
        accepted_at: now,
        revision: caller.revision(),
        source: None,
    };
    NewEmit {
        emit: Arc::new(emit),
        rules_revision: caller.organization.organization.rules_revision,
        charge: checked.charge,
        is_wanted: checked.is_wanted,
        is_pushed: checked.is_pushed,
    }
}

/// The answer to an event that would be refused now: the first answer, if the same request was
/// accepted before the organization was changed. A client that lost that answer gets it again.
async fn repeated(host: &Host, caller: &Caller, idempotency: Option<&Idempotency>, refusal: Error) -> Result<Accepted> {
    let Some(idempotency) = idempotency else { return Err(refusal) };
    let mut tx = host.db.read().await?;
    match db::emit::find_by_key(&mut tx, &caller.organization_id, &idempotency.key).await? {
        Some(first) if first.request_hash == idempotency.request_hash => {
            Ok(Accepted { id: first.id, event_type: first.event_type })
        }
        _ => Err(refusal),
    }
}

/// Checks that the plan allows so many deliveries of one event.
pub(super) fn check_deliveries(host: &Host, plan: Plan, count: usize) -> Result<()> {
    let limit = host.subscriptions_max.of(plan);
    if count <= limit {
        return Ok(());
    }
    Err(fail!(
        SubscriptionQuotaExceeded,
        "{count} subscriptions match this event, and plan {} allows {limit}: remove some, or have the plan raised",
        plan.as_str()
    ))
}

/// The refusal of an emit in a month that is used up.
pub(super) fn over_quota(plan: Plan, now: Time) -> Error {
    let limit = plan.emits_per_month_max().unwrap_or(i64::MAX);
    fail!(MonthlyEmitQuotaExceeded, "plan {} allows {limit} emits in a UTC calendar month", plan.as_str())
        .retry_after(now.seconds_to_next_month())
}
