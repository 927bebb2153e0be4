//! The root keys that a host was given: the one that wraps data keys, and older ones that still open
//! what they wrapped.

use super::{
    id::OrganizationId,
    vault::{DataKey, KeyId, RootKey, VaultError, sealed_with},
};

/// A set of at least one root key. Each prints as `***`.
#[derive(Clone, Debug)]
pub struct RootKeys {
    primary: RootKey,
    others: Vec<RootKey>,
}

impl RootKeys {
    /// Takes the key that wraps, and further ones that only open. A key that is given twice counts once.
    pub fn new(primary: RootKey, others: impl IntoIterator<Item = RootKey>) -> Self {
        let mut keys = Self { primary, others: Vec::new() };
        for key in others {
            if keys.find(key.id()).is_none() {
                keys.others.push(key);
            }
        }
        keys
    }

    /// Reads a file with one key per line, of which the first one wraps. Lines that are empty or begin with
    /// `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut keys = lines.map(RootKey::parse).collect::<Result<Vec<_>, _>>()?.into_iter();
        let primary = keys.next().ok_or(VaultError::MalformedRootKey)?;
        Ok(Self::new(primary, keys))
    }

    /// The key that wraps.
    pub fn primary(&self) -> &RootKey {
        &self.primary
    }

    /// The ids of all keys, the key that wraps first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        std::iter::once(&self.primary).chain(&self.others).map(RootKey::id)
    }

    /// A key by its id.
    pub fn find(&self, id: KeyId) -> Option<&RootKey> {
        std::iter::once(&self.primary).chain(&self.others).find(|key| key.id() == id)
    }

    /// Opens a wrapped data key with the root key that wrapped it.
    pub fn unwrap(&self, organization: &OrganizationId, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        let needed = sealed_with(wrapped)?;
        self.find(needed).ok_or(VaultError::UnknownRootKey(needed))?.unwrap(organization, wrapped)
    }
}

impl From<RootKey> for RootKeys {
    fn from(primary: RootKey) -> Self {
        Self::new(primary, [])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vault::NONCE_BYTES;

    fn key(byte: u8) -> RootKey {
        RootKey::new([byte; 32])
    }

    fn organization() -> OrganizationId {
        OrganizationId::stored("org_a".to_owned())
    }

    #[test]
    fn the_key_that_wrapped_opens() {
        let keys = RootKeys::new(key(1), [key(2), key(3)]);
        for byte in 1..=3 {
            let wrapped = key(byte).wrap(&organization(), &DataKey::new([9; 32]), [0; NONCE_BYTES]);
            assert!(keys.unwrap(&organization(), &wrapped).is_ok(), "key {byte}");
        }
        let wrapped = key(4).wrap(&organization(), &DataKey::new([9; 32]), [0; NONCE_BYTES]);
        let error = keys.unwrap(&organization(), &wrapped).expect_err("no such key");
        assert_eq!(error, VaultError::UnknownRootKey(key(4).id()));
        assert!(error.to_string().contains(&key(4).id().to_string()));
    }

    #[test]
    fn a_repeated_key_counts_once() {
        let keys = RootKeys::new(key(1), [key(2), key(1), key(2)]);
        assert_eq!(keys.ids().collect::<Vec<_>>(), [key(1).id(), key(2).id()]);
    }

    #[test]
    fn a_file_has_a_key_a_line() {
        let file = format!("# this year's\n{}\n\n  # before\n  {}\r\n", key(1).reveal(), "02".repeat(32));
        let keys = RootKeys::parse(&file).expect("legal");
        assert_eq!(keys.primary().id(), key(1).id());
        assert_eq!(keys.ids().count(), 2);
        for wrong in ["", "\n# nothing\n", "short\n", &format!("{} trailing\n", key(1).reveal())] {
            assert!(RootKeys::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn root_keys_do_not_print() {
        assert_eq!(format!("{:?}", RootKeys::new(key(1), [key(2)])), "RootKeys { primary: ***, others: [***] }");
    }
}
