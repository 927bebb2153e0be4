//! Signs for components, which never see a secret.

use std::sync::Arc;

use weir_runtime::{KeyForm, Sign};

use crate::domain::{
    signature::{Secret, hmac_sha256},
    subscription::Endpoint,
    time::Time,
};

/// Signs with the secrets of an endpoint that are live at the time of an attempt.
pub(super) struct Signer {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) now: Time,
}

impl Sign for Signer {
    fn hmac_sha256(&self, form: KeyForm, data: &[u8]) -> Vec<[u8; 32]> {
        let sign = |secret: &Secret| match form {
            KeyForm::Text => Some(hmac_sha256(secret.platform_key(), &[data])),
            KeyForm::Decoded => secret.standard_key().map(|key| hmac_sha256(&key, &[data])),
        };
        self.endpoint.secrets.live_at(self.now).filter_map(sign).collect()
    }
}
