//! Access: whose API key a request carries, and whether it may call.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Host;
use crate::{
    db,
    domain::{
        id::OrganizationId,
        organization::{ApiKey, Environment},
        plan::Plan,
        time::Time,
    },
    error::{Error, Result},
    fail,
    memory::OrganizationView,
};

/// Characters of a key after its prefix: 32 of 62 are 190 bits.
const KEY_CHARS: usize = 32;
/// Longest text that is looked up as a key: this host makes none that is longer.
const KEY_CHARS_MAX: usize = 128;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The organization that calls, and the key that it calls with.
#[derive(Clone)]
pub struct Caller {
    /// The organization that the key belongs to.
    pub organization_id: OrganizationId,
    /// The API key.
    pub key: Arc<ApiKey>,
    /// The organization's plan.
    pub plan: Plan,
    /// The organization as it was when the key was checked.
    pub organization: Arc<OrganizationView>,
}

impl Caller {
    /// The name in `registeredBy`, `createdBy` and their like.
    pub fn service(&self) -> &str {
        &self.key.caller_service
    }

    /// The organization's revision when the key was checked.
    pub fn revision(&self) -> i64 {
        self.organization.organization.revision
    }
}

/// Draws the text of a key for an environment: `pxk_live_…`, `pxk_test_…`, `pxk_dev_…`.
pub(super) fn draw_key(host: &Host, environment: Environment) -> String {
    let mut key = format!("pxk_{}_", environment.as_str());
    let length = key.len() + KEY_CHARS;
    while key.len() < length {
        // The largest multiple of 62 in a byte: what lies above would favour the first letters.
        let [byte] = host.randomness.bytes::<1>();
        if byte < 248 {
            key.push(char::from(ALPHABET[usize::from(byte % 62)]));
        }
    }
    key
}

/// The hash of a key's text, which is all that is stored of the text.
pub(super) fn hash_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Finds the caller by the text of a key, in the table: a change of a moment ago holds. Codes
/// `UNAUTHORIZED`, `organization_inactive`.
pub async fn caller(host: &Host, key: &str) -> Result<Caller> {
    let found = host.memory.stored_key(&checked_hash(key)?).await?;
    let (key, view) = found.ok_or_else(unauthorized)?;
    admit(key, view, host.now())
}

/// Finds the caller of an emit by the text of a key, in memory if possible: the ledger notices what
/// changed meanwhile. A caller that would not be let in is looked up in the table: its organization may
/// have been switched on again on another host.
pub async fn emitter(host: &Host, text: &str) -> Result<Caller> {
    let found = host.memory.key(&checked_hash(text)?).await?;
    let (key, view) = found.ok_or_else(unauthorized)?;
    match admit(key, view, host.now()) {
        Ok(caller) => Ok(caller),
        Err(_) => caller(host, text).await,
    }
}

/// Finds a caller again, in the table: its organization may have been changed since it was found.
pub(super) async fn readmit(host: &Host, caller: &Caller) -> Result<Caller> {
    let id = &caller.organization_id;
    // The organization first: a key that is read after it is at least as new.
    let view = host.memory.stored_organization(id).await?;
    let mut tx = host.db.read().await?;
    let key = db::api_key::find(&mut tx, id, &caller.key.id).await?.ok_or_else(unauthorized)?;
    admit(Arc::new(key), view, host.now())
}

fn checked_hash(key: &str) -> Result<String> {
    if key.is_empty() || key.len() > KEY_CHARS_MAX { Err(unauthorized()) } else { Ok(hash_key(key)) }
}

fn unauthorized() -> Error {
    fail!(Unauthorized, "send a valid key as x-api-key, or as Authorization: Bearer")
}

fn admit(key: Arc<ApiKey>, view: Arc<OrganizationView>, now: Time) -> Result<Caller> {
    if !key.is_live(now) {
        return Err(unauthorized());
    }
    let organization = &view.organization;
    if !organization.is_active {
        return Err(fail!(OrganizationInactive, "the organization was switched off by the operator"));
    }
    Ok(Caller { organization_id: organization.id.clone(), key, plan: organization.plan, organization: view })
}
