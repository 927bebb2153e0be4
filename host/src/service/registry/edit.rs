//! Changing registrations: publishing, describing and archiving them.

use super::{archive::archive, find::not_found, request::check_description};
use crate::{
    db,
    domain::{
        id::RegistrationId,
        registration::{Registration, Status},
    },
    error::Result,
    fail,
    service::{Caller, Host},
};

/// A change of a registration; a field that is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchRequest<'a> {
    /// `published` for a draft, `archived` for what is published.
    pub status: Option<&'a str>,
    /// The new description; `Some(None)` removes it.
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
    let mut change = match status {
        Some(_) => host.change(&caller.organization_id).await?,
        None => host.change_beside_rules(&caller.organization_id).await?,
    };
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

/// Archives a registration. Archiving it again changes nothing and returns it.
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
