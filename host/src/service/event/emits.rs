//! Reading emits, each with the state of its deliveries.

use crate::{
    db::{
        self,
        emit::{EmitQuery, StoredEmit},
    },
    domain::{delivery::Counts, id::EmitId},
    error::Result,
    fail,
    service::{Caller, Host, Page},
};

/// An emit with the number of its deliveries by their status.
#[derive(Clone, Debug)]
pub struct EmitView {
    /// The emit.
    pub stored: StoredEmit,
    /// Its deliveries by their status.
    pub counts: Counts,
}

/// One of the caller's emits. Code `NOT_FOUND`.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<EmitView> {
    let not_found = || fail!(NotFound, "there is no such emit");
    let id = EmitId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.read(&caller.organization_id).await?;
    let stored = db::emit::find(&mut tx, &caller.organization_id, &id).await?;
    let stored = stored.filter(|stored| stored.emit.subject.custom().is_some()).ok_or_else(not_found)?;
    let ids = [stored.emit.id.clone()];
    let counts = db::emit::delivery_counts(&mut tx, &caller.organization_id, &ids).await?;
    let counts = counts.into_iter().next().map(|(_, counts)| counts).unwrap_or_default();
    Ok(EmitView { stored, counts })
}

/// A page of the caller's emits, the newest first, and how many match.
pub async fn list(host: &Host, caller: &Caller, filter: &EmitQuery, page: &Page) -> Result<(Vec<EmitView>, i64)> {
    let mut tx = host.read(&caller.organization_id).await?;
    let organization = &caller.organization_id;
    let (rows, total) = db::emit::list(&mut tx, organization, filter, page.part()).await?;
    let ids: Vec<EmitId> = rows.iter().map(|row| row.emit.id.clone()).collect();
    let counts = db::emit::delivery_counts(&mut tx, organization, &ids).await?;
    let counts_of = |id: &EmitId| counts.iter().find(|(of, _)| of == id).map(|(_, counts)| *counts);
    let views =
        rows.into_iter().map(|stored| EmitView { counts: counts_of(&stored.emit.id).unwrap_or_default(), stored });
    Ok((views.collect(), total))
}
