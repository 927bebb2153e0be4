//! Signatures without secrets: the key stays in the host.

use std::sync::Arc;

use crate::runtime::ports::{KeyForm, Sign};

/// Signs for the subscription of a call. Worlds that do not sign have nobody who would.
#[derive(Clone, Default)]
pub(in crate::runtime) struct Signing(Option<Arc<dyn Sign>>);

impl Signing {
    pub(in crate::runtime) fn with(signer: Arc<dyn Sign>) -> Self {
        Self(Some(signer))
    }

    pub(in crate::runtime) fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<Vec<u8>> {
        let Some(signer) = &self.0 else {
            return Vec::new();
        };
        signer.hmac_sha256(form, data).into_iter().map(|signature| signature.to_vec()).collect()
    }
}
