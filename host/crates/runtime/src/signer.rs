//! What the runtime needs from the rest of the host.

/// Which part of a secret is the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The whole secret as UTF-8.
    Text,
    /// The base64 part after `whsec_`, decoded.
    Decoded,
}

/// Signs with the secrets of one subscription, which a component never sees.
pub trait Sign: Send + Sync {
    /// HMAC-SHA256 of the data with each live secret that has the form, the newest first.
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]>;
}
