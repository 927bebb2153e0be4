//! Archiving registrations.

use super::history;
use crate::{
    db::{self, registration::VersionState},
    domain::registration::{Registration, Status},
    error::{Error, Result},
    service::Change,
};

/// Archives all versions of an event: on BASIC an event has its latest version only (contract 6.7).
pub(super) async fn archive_all(change: &mut Change<'_>, states: Vec<VersionState>) -> Result<()> {
    for state in states.into_iter().filter(|state| state.status != Status::Archived) {
        let found = db::registration::find(&mut change.tx, &change.organization.id, &state.id).await?;
        let mut registration = found.ok_or_else(|| Error::gone(&state.id))?;
        archive(change, &mut registration).await?;
    }
    Ok(())
}

/// Archives a registration, and its listing in the marketplace if it has one.
pub(super) async fn archive(change: &mut Change<'_>, registration: &mut Registration) -> Result<()> {
    registration.status = Status::Archived;
    registration.archived_at = Some(change.now);
    registration.updated_at = change.now;
    history::archived(change, registration);
    let organization = &change.organization.id;
    db::registration::update(&mut change.tx, organization, registration).await?;
    db::listing::archive(&mut change.tx, organization, &registration.id, change.now).await
}
