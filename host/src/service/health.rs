//! Health: how much of its plan an organization uses (contract 2.7), and how much waits on the host.

use std::time::Duration;

use super::{Caller, Host};
use crate::{
    db::{self, emit::FailedEmit},
    domain::{plan::Plan, time::Time},
    error::{Error, Result},
};

/// Failures shown. Contract 2.7.
const FAILURES_SHOWN: u32 = 10;

/// The state of an organization.
#[derive(Clone, Debug)]
pub struct Health {
    /// The organization's plan.
    pub plan: Plan,
    /// Registered events, generic and archived ones aside.
    pub registrations_used: i64,
    /// Emits accepted this UTC calendar month.
    pub emits_this_month: i64,
    /// The newest emits with a dead letter.
    pub recent_failures: Vec<FailedEmit>,
}

/// Reads the state of the caller's organization.
pub async fn health(host: &Host, caller: &Caller) -> Result<Health> {
    let id = &caller.organization_id;
    let mut tx = host.read(id).await?;
    let organization = db::organization::find(&mut tx, id).await?.ok_or_else(|| Error::gone(id))?;
    Ok(Health {
        plan: organization.plan,
        registrations_used: db::registration::count_events(&mut tx, id).await?,
        emits_this_month: db::organization::emits_in_month(&mut tx, id, &host.now().month()).await?,
        recent_failures: db::emit::recent_failures(&mut tx, id, FAILURES_SHOWN).await?,
    })
}

/// The state of the host, for the operator.
#[derive(Clone, Debug)]
pub struct Status {
    /// The kind of database.
    pub database: &'static str,
    /// The newest migration.
    pub migration_level: i64,
    /// Emits that wait for routing, and since when the oldest waits.
    pub routing: (i64, Option<Time>),
    /// Deliveries that are owed, and since when the oldest is owed.
    pub deliveries: (i64, Option<Time>),
    /// Calls of components since the host started, and the durations of all together.
    pub component_calls: (u64, Duration),
}

/// Reads how much waits on the host.
pub async fn status(host: &Host) -> Result<Status> {
    let usage = host.runtime.usage();
    let mut tx = host.db.read().await?;
    Ok(Status {
        database: host.db.kind(),
        migration_level: db::migrate::level(),
        routing: db::emit::unrouted(&mut tx).await?,
        deliveries: db::delivery::unfinished(&mut tx).await?,
        component_calls: (usage.calls, usage.busy),
    })
}
