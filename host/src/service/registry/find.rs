//! Finding the caller's registrations.

use crate::{
    db,
    domain::{
        id::RegistrationId,
        registration::{Registration, Status},
    },
    error::{Error, Result},
    fail,
    service::{Caller, Host},
};

/// The caller's registrations, the newest first.
pub async fn list(
    host: &Host,
    caller: &Caller,
    namespace: Option<&str>,
    status: Option<Status>,
) -> Result<Vec<Registration>> {
    let mut tx = host.read(&caller.organization_id).await?;
    db::registration::list(&mut tx, &caller.organization_id, namespace, status).await
}

/// One of the caller's registrations. Code `registration_not_found`.
pub async fn get(host: &Host, caller: &Caller, id: &str) -> Result<Registration> {
    let id = RegistrationId::parse(id).ok_or_else(not_found)?;
    let mut tx = host.read(&caller.organization_id).await?;
    db::registration::find(&mut tx, &caller.organization_id, &id).await?.ok_or_else(not_found)
}

pub(in crate::service) fn not_found() -> Error {
    fail!(RegistrationNotFound, "this organization has no such registration")
}
