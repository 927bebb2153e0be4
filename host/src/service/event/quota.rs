//! Refusing emits of a month that is known to be used up, before anything is made of their payloads.
//!
//! The ledger counts, and it alone decides of the last emit that fits. What it decided is remembered with the
//! organization, so that an emit after that costs neither a check of its payload nor a write.

use crate::{
    db,
    domain::emit::Idempotency,
    error::Result,
    service::{Caller, Host, accept::over_quota, access::readmit},
};

/// Refuses an emit if the month is known to be used up, unless its idempotency key is known: then it gets its first
/// answer. Returns the caller as it is in the table, if that was asked; `None` if nothing is known. Code
/// `monthly_emit_quota_exceeded`.
pub(super) async fn refuse_used_up(host: &Host, caller: &Caller, key: Option<&str>) -> Result<Option<Caller>> {
    if !caller.organization.is_month_used_up(host.now()) {
        return Ok(None);
    }
    // A plan that was changed on another host makes this another view, which knows nothing of the month.
    let caller = readmit(host, caller).await?;
    let now = host.now();
    if !caller.organization.is_month_used_up(now) || is_known(host, &caller, key).await? {
        return Ok(Some(caller));
    }
    Err(over_quota(caller.plan, now))
}

async fn is_known(host: &Host, caller: &Caller, key: Option<&str>) -> Result<bool> {
    let Some(key) = key.filter(|key| Idempotency::is_key(key)) else { return Ok(false) };
    let mut tx = host.db.read().await?;
    Ok(db::emit::find_by_key(&mut tx, &caller.organization_id, key).await?.is_some())
}
