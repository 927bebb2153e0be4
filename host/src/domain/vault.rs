//! Secrets at rest: every organization has a data key, and the root key wraps the data keys.
//!
//! The root key comes from the operator and never encrypts a secret itself, so that changing it
//! re-wraps one small row for each organization. Everything is sealed with XChaCha20-Poly1305,
//! whose nonces are long enough to be drawn at random. A sealed text names the key it needs, and
//! is bound to its organization and purpose: moved to another row, it does not open.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};

use super::id::OrganizationId;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which must be fresh randomness each time.
pub const NONCE_BYTES: usize = 24;

/// The layout of a sealed text: version, key id, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_AT: usize = 1 + KEY_ID_BYTES;
const CIPHERTEXT_AT: usize = NONCE_AT + NONCE_BYTES;

/// A nonce: 24 bytes that no two texts sealed with the same key may share.
pub type Nonce = [u8; NONCE_BYTES];

/// The purpose of a sealed secret. A secret that was sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The secret that signs deliveries.
    SigningSecret,
    /// The static headers of a subscription or an external peer.
    Headers,
    /// The answer to a request with an idempotency key, kept for repetitions of the request.
    StoredAnswer,
}

impl Purpose {
    /// A part of the text that a seal authenticates: a changed word would open nothing that is stored.
    const fn as_str(self) -> &'static str {
        match self {
            Self::SigningSecret => "signing-secret",
            Self::Headers => "headers",
            Self::StoredAnswer => "stored-answer",
        }
    }
}

/// Why a sealed text does not open, or a key cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The root key's text is not 32 bytes of base64 or hex.
    #[error("a root key is {KEY_BYTES} bytes, written as 64 hex digits or as base64")]
    MalformedRootKey,
    /// The bytes are no sealed text of a version that this host knows.
    #[error("the stored bytes are no sealed secret of a known version")]
    Malformed,
    /// The text was sealed with another key than the one given.
    #[error("the secret was sealed with key {needed}, not with {given}")]
    OtherKey {
        /// The key that sealed the text.
        needed: KeyId,
        /// The key that was to open it.
        given: KeyId,
    },
    /// The data key was wrapped with a root key that the host was not given.
    #[error("it is wrapped with root key {0}, which this host was not given")]
    UnknownRootKey(KeyId),
    /// The bytes were changed, or belong to another organization or purpose.
    #[error("the secret does not open: it was changed or moved")]
    Refused,
}

/// Identifies a key: the first 8 hex digits of the key's SHA-256. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    /// Reads 8 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Takes the bytes of the id in a sealed text.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes of the id in a sealed text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The operator's key. Prints as `***`.
#[derive(Clone)]
pub struct RootKey(Key);

/// An organization's key. Prints as `***`.
#[derive(Clone)]
pub struct DataKey(Key);

impl RootKey {
    /// Takes 32 bytes of fresh randomness.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Key::new(bytes))
    }

    /// Reads 64 hex digits, or base64 with its padding. Space around it is dropped, since keys
    /// come from files that end in a line feed.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self::new).ok_or(VaultError::MalformedRootKey)
    }

    /// The text that [`parse`](Self::parse) reads, for the key file.
    pub fn reveal(&self) -> String {
        STANDARD.encode(self.0.bytes)
    }

    /// The id of the key, for logs and for wrapped data keys.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// Wraps an organization's data key for its row.
    pub fn wrap(&self, organization: &OrganizationId, data_key: &DataKey, nonce: Nonce) -> Vec<u8> {
        self.0.seal(&binding(organization, WRAPPED_KEY), &data_key.0.bytes, nonce)
    }

    /// Opens what [`wrap`](Self::wrap) made for the same organization.
    pub fn unwrap(&self, organization: &OrganizationId, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let bytes = self.0.open(&binding(organization, WRAPPED_KEY), wrapped)?;
        bytes.try_into().map(DataKey::new).map_err(|_| VaultError::Malformed)
    }
}

impl DataKey {
    /// Takes 32 bytes of fresh randomness.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Key::new(bytes))
    }

    /// Seals a secret for a row of the organization whose key this is.
    pub fn seal(&self, organization: &OrganizationId, purpose: Purpose, secret: &[u8], nonce: Nonce) -> Vec<u8> {
        self.0.seal(&binding(organization, purpose.as_str()), secret, nonce)
    }

    /// Opens what [`seal`](Self::seal) made for the same organization and purpose.
    pub fn open(&self, organization: &OrganizationId, purpose: Purpose, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.0.open(&binding(organization, purpose.as_str()), sealed)
    }
}

/// The id of the key that sealed a text: it tells which rows are still to be wrapped with a new root key.
pub fn sealed_with(sealed: &[u8]) -> Result<KeyId, VaultError> {
    match sealed {
        [VERSION, rest @ ..] if sealed.len() > CIPHERTEXT_AT => {
            rest.first_chunk().copied().map(KeyId).ok_or(VaultError::Malformed)
        }
        _ => Err(VaultError::Malformed),
    }
}

/// The purpose of a wrapped data key, beside those of [`Purpose`].
const WRAPPED_KEY: &str = "data-key";

/// The text to which a sealed text is bound. Ids contain no line feed, so no two bindings are alike.
fn binding(organization: &OrganizationId, purpose: &str) -> Vec<u8> {
    format!("weir/{VERSION}\n{organization}\n{purpose}").into_bytes()
}

#[derive(Clone)]
struct Key {
    bytes: [u8; KEY_BYTES],
    id: KeyId,
}

impl Key {
    fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let hash = Sha256::digest(bytes);
        Self { bytes, id: KeyId([hash[0], hash[1], hash[2], hash[3]]) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.bytes.into())
    }

    fn seal(&self, binding: &[u8], secret: &[u8], nonce: Nonce) -> Vec<u8> {
        let ciphertext = self
            .cipher()
            .encrypt(&nonce.into(), Payload { msg: secret, aad: binding })
            .expect("a secret is far shorter than the 256 GiB that the cipher takes");
        let mut sealed = Vec::with_capacity(CIPHERTEXT_AT + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend(self.id.0);
        sealed.extend(nonce);
        sealed.extend(ciphertext);
        sealed
    }

    fn open(&self, binding: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let needed = sealed_with(sealed)?;
        if needed != self.id {
            return Err(VaultError::OtherKey { needed, given: self.id });
        }
        let nonce: &Nonce = sealed[NONCE_AT..].first_chunk().ok_or(VaultError::Malformed)?;
        let payload = Payload { msg: &sealed[CIPHERTEXT_AT..], aad: binding };
        self.cipher().decrypt(&(*nonce).into(), payload).map_err(|_| VaultError::Refused)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = [9; NONCE_BYTES];

    fn organization(name: &str) -> OrganizationId {
        OrganizationId::stored(format!("org_{name}"))
    }

    #[test]
    fn what_is_sealed_opens() {
        let (root, data, org) = (RootKey::new([1; 32]), DataKey::new([2; 32]), organization("a"));
        let wrapped = root.wrap(&org, &data, NONCE);
        let sealed = data.seal(&org, Purpose::Headers, b"x-key: 1", NONCE);
        let unwrapped = root.unwrap(&org, &wrapped).expect("opens");
        assert_eq!(unwrapped.open(&org, Purpose::Headers, &sealed), Ok(b"x-key: 1".to_vec()));
        assert_eq!(data.open(&org, Purpose::Headers, &data.seal(&org, Purpose::Headers, b"", NONCE)), Ok(vec![]));
    }

    #[test]
    fn a_sealed_secret_does_not_open_elsewhere() {
        let (data, here, there) = (DataKey::new([2; 32]), organization("a"), organization("b"));
        let sealed = data.seal(&here, Purpose::SigningSecret, b"secret", NONCE);
        assert_eq!(data.open(&there, Purpose::SigningSecret, &sealed), Err(VaultError::Refused));
        assert_eq!(data.open(&here, Purpose::Headers, &sealed), Err(VaultError::Refused));
        let root = RootKey::new([1; 32]);
        let wrapped = root.wrap(&here, &data, NONCE);
        assert_eq!(root.unwrap(&there, &wrapped).map(|_| ()), Err(VaultError::Refused));
    }

    #[test]
    fn another_key_is_named() {
        let (old, new, org) = (RootKey::new([1; 32]), RootKey::new([3; 32]), organization("a"));
        let wrapped = old.wrap(&org, &DataKey::new([2; 32]), NONCE);
        assert_eq!(sealed_with(&wrapped), Ok(old.id()));
        let error = new.unwrap(&org, &wrapped).expect_err("another key");
        assert_eq!(error, VaultError::OtherKey { needed: old.id(), given: new.id() });
        assert!(error.to_string().contains(&old.id().to_string()));
    }

    #[test]
    fn no_bit_can_be_changed_and_no_byte_be_lost() {
        let (data, org) = (DataKey::new([2; 32]), organization("a"));
        let sealed = data.seal(&org, Purpose::SigningSecret, b"secret", NONCE);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(data.open(&org, Purpose::SigningSecret, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(data.open(&org, Purpose::SigningSecret, &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn root_keys_are_read_from_hex_and_base64() {
        let key = RootKey::new(std::array::from_fn(|index| u8::try_from(index).expect("small")));
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        for text in [hex, &hex.to_uppercase(), &format!(" {hex}\n"), &key.reveal()] {
            assert_eq!(RootKey::parse(text).map(|key| key.id()), Ok(key.id()), "{text}");
        }
        for wrong in ["", "00", &hex[2..], &format!("{hex}00"), "not a key", &"A".repeat(40)] {
            assert_eq!(RootKey::parse(wrong).map(|_| ()), Err(VaultError::MalformedRootKey), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_id_is_the_beginning_of_the_hash() {
        let id = RootKey::new([0; 32]).id().to_string();
        assert_eq!(id, hex::encode(Sha256::digest([0; 32]))[..8]);
        assert_eq!(KeyId::parse(&id), Some(RootKey::new([0; 32]).id()));
        for wrong in ["", "00", "zzzzzzzz", "0000000000"] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(format!("{:?} {:?}", RootKey::new([1; 32]), DataKey::new([2; 32])), "*** ***");
    }

    /// A text that was sealed once has to open for ever.
    #[test]
    fn the_layout_is_stable() {
        let sealed = DataKey::new([2; 32]).seal(&organization("a"), Purpose::SigningSecret, b"secret", NONCE);
        let expected =
            "0175877bb4090909090909090909090909090909090909090909090909b1cda810f2f977c26b50d7d394f248a975ed22213a41";
        assert_eq!(hex::encode(sealed), expected);
    }
}
