//! Keys: who may call, and what keeps secrets secret.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Caller, Host, directory};
use crate::{
    db::{self, Tx},
    domain::{
        headers::StaticHeaders,
        id::OrganizationId,
        organization::{ApiKey, Environment, Organization},
        signature::Secret,
        vault::{DataKey, Purpose, VaultError},
    },
    error::{Error, Result},
    fail,
};

/// Characters of a key after its prefix: 32 of 62 are 190 bits.
const KEY_CHARS: usize = 32;
/// Longest text that is looked up as a key: anything longer is none of ours.
const KEY_CHARS_MAX: usize = 128;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Draws a key for an environment: `pxk_live_…`, `pxk_test_…`, `pxk_dev_…`.
pub fn draw_key(host: &Host, environment: Environment) -> String {
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

/// What is stored of a key.
pub fn hash_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Finds who calls, from the table: what was changed a moment ago holds. Codes `UNAUTHORIZED`,
/// `organization_inactive`.
pub async fn caller(host: &Host, key: &str) -> Result<Caller> {
    let found = find_key(host, &checked_hash(key)?).await?;
    let (key, organization) = found.ok_or_else(unauthorized)?;
    admit(host, Arc::new(key), &organization)
}

/// Finds who emits, from memory if possible: the ledger notices what changed meanwhile.
pub async fn emitter(host: &Host, key: &str) -> Result<Caller> {
    let found = directory::key(host, &checked_hash(key)?).await?;
    let (key, entry) = found.ok_or_else(unauthorized)?;
    admit(host, key, &entry.organization)
}

/// Looks at a caller's key again, in the table: what it was admitted on was older than what is
/// known now.
pub(super) async fn readmit(host: &Host, caller: &Caller) -> Result<Caller> {
    let mut tx = host.db.read().await?;
    let key = db::api_key::find(&mut tx, &caller.organization_id, &caller.key.id).await?.ok_or_else(unauthorized)?;
    let organization = db::organization::find(&mut tx, &caller.organization_id).await?.ok_or_else(unauthorized)?;
    admit(host, Arc::new(key), &organization)
}

fn checked_hash(key: &str) -> Result<String> {
    if key.is_empty() || key.len() > KEY_CHARS_MAX { Err(unauthorized()) } else { Ok(hash_key(key)) }
}

fn unauthorized() -> Error {
    fail!(Unauthorized, "send a valid key as x-api-key, or as Authorization: Bearer")
}

fn admit(host: &Host, key: Arc<ApiKey>, organization: &Organization) -> Result<Caller> {
    if !key.is_live(host.now()) {
        return Err(unauthorized());
    }
    if !organization.is_active {
        return Err(fail!(OrganizationInactive, "the organization was switched off by the operator"));
    }
    Ok(Caller {
        organization_id: organization.id.clone(),
        key,
        plan: organization.plan,
        revision: organization.revision,
    })
}

/// A key and its organization, by the key's hash.
pub(super) async fn find_key(host: &Host, key_hash: &str) -> Result<Option<(ApiKey, Organization)>> {
    let mut tx = host.db.read().await?;
    let Some(key) = db::api_key::find_by_hash(&mut tx, key_hash).await? else { return Ok(None) };
    let organization = db::organization::find(&mut tx, &key.organization_id)
        .await?
        .ok_or_else(|| fail!(InternalError, "organization {} is gone", key.organization_id))?;
    Ok(Some((key, organization)))
}

/// The organization's data key, unwrapped.
pub(super) async fn data_key(host: &Host, tx: &mut Tx, organization: &OrganizationId) -> Result<DataKey> {
    let wrapped = db::organization::data_key(tx, organization)
        .await?
        .ok_or_else(|| fail!(InternalError, "organization {organization} is gone"))?;
    host.root_keys.unwrap(organization, &wrapped).map_err(|cause| match cause {
        // Somebody rotated before this host was given the new key; with it, all is well again.
        VaultError::UnknownRootKey(_) => {
            fail!(Unavailable, "this host lacks a root key; nothing was accepted").caused_by(cause)
        }
        cause => Error::internal(cause),
    })
}

/// Encrypts the signing secret of a subscription.
pub(super) fn seal_secret(host: &Host, key: &DataKey, organization: &OrganizationId, secret: &Secret) -> Vec<u8> {
    key.seal(organization, Purpose::SigningSecret, secret.reveal().as_bytes(), host.randomness.bytes())
}

/// Decrypts the signing secret of a subscription.
pub(super) fn open_secret(key: &DataKey, organization: &OrganizationId, sealed: &[u8]) -> Result<Secret> {
    let opened = key.open(organization, Purpose::SigningSecret, sealed).map_err(Error::internal)?;
    let text = String::from_utf8(opened).map_err(Error::internal)?;
    Ok(Secret::stored(text))
}

/// Encrypts static headers; none are nothing to encrypt.
pub(super) fn seal_headers(
    host: &Host,
    key: &DataKey,
    organization: &OrganizationId,
    headers: &StaticHeaders,
) -> Option<Vec<u8>> {
    let seal = || key.seal(organization, Purpose::Headers, &headers.reveal(), host.randomness.bytes());
    (!headers.is_empty()).then(seal)
}

/// Decrypts static headers.
pub(super) fn open_headers(
    key: &DataKey,
    organization: &OrganizationId,
    sealed: Option<&[u8]>,
) -> Result<StaticHeaders> {
    let Some(sealed) = sealed else { return Ok(StaticHeaders::default()) };
    let opened = key.open(organization, Purpose::Headers, sealed).map_err(Error::internal)?;
    StaticHeaders::stored(&opened).ok_or_else(|| Error::internal("stored headers are malformed"))
}
