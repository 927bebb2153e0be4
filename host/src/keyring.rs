//! The keyring: the root keys of this host, and the organizations' data keys that they wrap.

use crate::{
    clock::Randomness,
    db::{Tx, organization},
    domain::{
        headers::StaticHeaders,
        id::OrganizationId,
        root_keys::RootKeys,
        signature::Secret,
        vault::{DataKey, Purpose, VaultError},
    },
    error::{Error, Result},
    fail,
};

/// Opens the data keys of organizations with the root keys that this host was given.
#[derive(Clone)]
pub struct Keyring {
    root_keys: RootKeys,
    randomness: Randomness,
}

impl Keyring {
    /// A keyring whose nonces come from `randomness`.
    pub fn new(root_keys: RootKeys, randomness: Randomness) -> Self {
        Self { root_keys, randomness }
    }

    /// The root keys that this host was given.
    pub fn root_keys(&self) -> &RootKeys {
        &self.root_keys
    }

    /// Reads an organization's data key and unwraps it. Code `unavailable` when this host lacks the
    /// root key.
    pub async fn open(&self, tx: &mut Tx, organization: &OrganizationId) -> Result<OrganizationKey> {
        let wrapped = organization::data_key(tx, organization).await?.ok_or_else(|| Error::gone(organization))?;
        let key = self.root_keys.unwrap(organization, &wrapped).map_err(|cause| match cause {
            // Another host rotated before this one was given the new key; with it, all is well again.
            VaultError::UnknownRootKey(_) => {
                fail!(Unavailable, "this host lacks a root key; nothing was accepted").caused_by(cause)
            }
            cause => Error::internal(cause),
        })?;
        Ok(OrganizationKey { organization: organization.clone(), key, randomness: self.randomness.clone() })
    }
}

/// Seals and opens the secrets of one organization.
#[derive(Clone)]
pub struct OrganizationKey {
    organization: OrganizationId,
    key: DataKey,
    randomness: Randomness,
}

impl OrganizationKey {
    /// Encrypts a signing secret.
    pub fn seal_secret(&self, secret: &Secret) -> Vec<u8> {
        self.seal(Purpose::SigningSecret, secret.reveal().as_bytes())
    }

    /// Decrypts a signing secret.
    pub fn open_secret(&self, sealed: &[u8]) -> Result<Secret> {
        let text = String::from_utf8(self.open(Purpose::SigningSecret, sealed)?).map_err(Error::internal)?;
        Ok(Secret::stored(text))
    }

    /// Encrypts static headers; `None` if there are none.
    pub fn seal_headers(&self, headers: &StaticHeaders) -> Option<Vec<u8>> {
        (!headers.is_empty()).then(|| self.seal(Purpose::Headers, &headers.reveal()))
    }

    /// Decrypts static headers.
    pub fn open_headers(&self, sealed: Option<&[u8]>) -> Result<StaticHeaders> {
        let Some(sealed) = sealed else { return Ok(StaticHeaders::default()) };
        let opened = self.open(Purpose::Headers, sealed)?;
        StaticHeaders::stored(&opened).ok_or_else(|| Error::internal("stored headers are malformed"))
    }

    /// Encrypts the body of an answer that is kept for repeated requests.
    pub fn seal_answer(&self, body: &[u8]) -> Vec<u8> {
        self.seal(Purpose::StoredAnswer, body)
    }

    /// Decrypts the body of a kept answer.
    pub fn open_answer(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        self.open(Purpose::StoredAnswer, sealed)
    }

    fn seal(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        self.key.seal(&self.organization, purpose, plain, self.randomness.bytes())
    }

    fn open(&self, purpose: Purpose, sealed: &[u8]) -> Result<Vec<u8>> {
        self.key.open(&self.organization, purpose, sealed).map_err(Error::internal)
    }
}
