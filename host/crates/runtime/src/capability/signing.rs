//! Signatures without secrets: the key stays in the host.

use std::sync::Arc;

/// Which part of a secret is the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// The whole secret as UTF-8.
    Text,
    /// The base64 part after `whsec_`, decoded.
    Decoded,
}

/// Signs with the secrets of one receiver, which a component never sees.
pub trait Sign: Send + Sync {
    /// HMAC-SHA256 of the data with each live secret that has the form, the newest first.
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]>;
}

/// The signer of a call; none in worlds that do not sign.
#[derive(Clone, Default)]
pub(crate) struct Signing(Option<Arc<dyn Sign>>);

impl Signing {
    pub(crate) fn with(signer: Arc<dyn Sign>) -> Self {
        Self(Some(signer))
    }

    pub(crate) fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<Vec<u8>> {
        let Some(signer) = &self.0 else {
            return Vec::new();
        };
        signer.hmac_sha256(form, data).into_iter().map(|signature| signature.to_vec()).collect()
    }
}
