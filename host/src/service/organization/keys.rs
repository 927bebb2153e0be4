//! API keys of organizations, for the operator.

use super::find::{self, parse_id};
use crate::{
    db,
    domain::{
        id::{ApiKeyId, OrganizationId},
        limits::TEXT_CHARS_MAX,
        organization::{ApiKey, Environment, SCOPES},
        time::Time,
    },
    error::{Error, Result},
    fail,
    service::{Host, access},
};

/// A key to be.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// The service that will call with it.
    pub caller_service: &'a str,
    /// A note for people.
    pub label: Option<&'a str>,
    /// What it may do; `None` is everything.
    pub scopes: Option<&'a [String]>,
    /// The environment that it calls from, which its prefix shows.
    pub environment: Environment,
    /// When it ends by itself; `None` is never.
    pub expires_at: Option<Time>,
}

/// Creates a key, whose text is shown here and never again.
pub async fn create(host: &Host, id: &str, new: NewKey<'_>) -> Result<(ApiKey, String)> {
    let id = parse_id(id)?;
    let mut change = host.change(&id).await?;
    let (key, text) = draw(host, &id, &new, change.now)?;
    db::api_key::insert(&mut change.tx, &id, &key, &access::hash_key(&text)).await?;
    change.commit().await?;
    Ok((key, text))
}

/// Draws a key and its text; nothing is stored.
pub(super) fn draw(host: &Host, id: &OrganizationId, new: &NewKey<'_>, now: Time) -> Result<(ApiKey, String)> {
    check_text("callerService", new.caller_service)?;
    new.label.map_or(Ok(()), |text| check_text("label", text))?;
    let scopes = match new.scopes {
        None => SCOPES.map(str::to_owned).to_vec(),
        Some(scopes) => scopes.to_vec(),
    };
    if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(fail!(BadRequest, "there is no scope {unknown:?}; there are {}", SCOPES.join(", ")));
    }
    let key = ApiKey {
        id: ApiKeyId::new(now, host.randomness.id()),
        organization_id: id.clone(),
        caller_service: new.caller_service.to_owned(),
        label: new.label.map(str::to_owned),
        scopes,
        environment: new.environment,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    Ok((key, access::draw_key(host, new.environment)))
}

/// An organization's keys, without their secrets, the newest first.
pub async fn list(host: &Host, id: &str) -> Result<Vec<ApiKey>> {
    let organization = find::get(host, id).await?;
    let mut tx = host.db.read().await?;
    db::api_key::list(&mut tx, &organization.id).await
}

/// Ends a key at once; ending it again changes nothing.
pub async fn revoke(host: &Host, id: &str, key: &str) -> Result<()> {
    let (id, key) = key_ids(id, key)?;
    let mut change = host.change(&id).await?;
    read(&mut change.tx, &id, &key).await?;
    db::api_key::revoke(&mut change.tx, &id, &key, change.now).await?;
    change.commit().await
}

/// Creates a successor with the same rights; the old key ends after `grace_seconds`.
pub async fn rotate(host: &Host, id: &str, key: &str, grace_seconds: u32) -> Result<(ApiKey, String)> {
    let (id, key) = key_ids(id, key)?;
    let mut change = host.change(&id).await?;
    let old = read(&mut change.tx, &id, &key).await?;
    if !old.is_live(change.now) {
        return Err(fail!(InvalidState, "the key has ended and cannot be rotated"));
    }
    let ends_at = change.now.plus_millis(i64::from(grace_seconds) * 1_000);
    let new = NewKey {
        caller_service: &old.caller_service,
        label: old.label.as_deref(),
        scopes: Some(&old.scopes),
        environment: old.environment,
        expires_at: old.expires_at,
    };
    let (successor, text) = draw(host, &id, &new, change.now)?;
    db::api_key::insert(&mut change.tx, &id, &successor, &access::hash_key(&text)).await?;
    db::api_key::revoke(&mut change.tx, &id, &key, ends_at).await?;
    change.commit().await?;
    Ok((successor, text))
}

fn key_ids(id: &str, key: &str) -> Result<(OrganizationId, ApiKeyId)> {
    let key = ApiKeyId::parse(key).ok_or_else(no_key)?;
    Ok((parse_id(id)?, key))
}

async fn read(tx: &mut db::Tx, id: &OrganizationId, key: &ApiKeyId) -> Result<ApiKey> {
    db::api_key::find(tx, id, key).await?.ok_or_else(no_key)
}

fn no_key() -> Error {
    fail!(NotFound, "the organization has no such key")
}

/// Checks a text for people. Code `BAD_REQUEST`.
pub(super) fn check_text(field: &str, text: &str) -> Result<()> {
    let fits = !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(fail!(BadRequest, "{field} has 1 to {TEXT_CHARS_MAX} characters and no control characters"))
    }
}
