//! How much of its plan an organization uses, and what failed of late (contract 2.7).

use super::{Caller, Host};
use crate::{
    db::{self, emit::FailedEmit},
    domain::plan::Plan,
    error::Result,
    fail,
};

/// Failures shown. Contract 2.7.
const FAILURES_SHOWN: u32 = 10;

/// What the health call says.
#[derive(Clone, Debug)]
pub struct Health {
    /// The plan.
    pub plan: Plan,
    /// Registered events, generic and archived ones aside.
    pub registrations_used: i64,
    /// Emits accepted this UTC calendar month.
    pub emits_this_month: i64,
    /// The newest emits with a dead letter.
    pub recent_failures: Vec<FailedEmit>,
}

/// Looks at the caller's organization.
pub async fn health(host: &Host, caller: &Caller) -> Result<Health> {
    let id = &caller.organization_id;
    let mut tx = host.db.read().await?;
    let organization =
        db::organization::find(&mut tx, id).await?.ok_or_else(|| fail!(InternalError, "organization {id} is gone"))?;
    Ok(Health {
        plan: organization.plan,
        registrations_used: db::registration::count_events(&mut tx, id).await?,
        emits_this_month: db::organization::emits_in_month(&mut tx, id, &host.now().month()).await?,
        recent_failures: db::emit::recent_failures(&mut tx, id, FAILURES_SHOWN).await?,
    })
}
