//! The host's root keys and their rotation, for the operator: `/api/admin/v1/root-keys`.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{time::Time, vault::KeyId},
    error::{Code, Result},
    fail,
    http::{
        envelope::{Answer, ok},
        extract::Body,
        state::Shared,
    },
    service::organization::root_keys::{self, Status, Usage},
};

/// Which root keys there are and what they wrap. Ids of keys are hashes and no secrets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RootKeys {
    /// The key that this host is configured to use.
    primary: String,
    /// All keys that this host was given.
    given: Vec<String>,
    /// The key that wraps new data keys.
    active: String,
    activated_at: Time,
    in_use: Vec<KeyInUse>,
    /// Organizations whose data keys another key than the active one wraps.
    remaining: i64,
}

/// A root key and the number of organizations whose data keys it wraps.
#[derive(Serialize)]
struct KeyInUse {
    id: String,
    organizations: i64,
}

impl From<Status> for RootKeys {
    fn from(status: Status) -> Self {
        Self {
            primary: status.primary.to_string(),
            given: status.given.iter().map(KeyId::to_string).collect(),
            active: status.active.id.to_string(),
            activated_at: status.active.activated_at,
            in_use: status.usage.iter().map(Into::into).collect(),
            remaining: status.remaining(),
        }
    }
}

impl From<&Usage> for KeyInUse {
    fn from(usage: &Usage) -> Self {
        Self { id: usage.id.to_string(), organizations: usage.organizations }
    }
}

pub(in crate::http) async fn status(state: Shared) -> Answer<RootKeys> {
    ok(root_keys::status(&state.host).await?.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotate {
    /// The key that the operator expects to become the active one.
    key_id: Option<String>,
}

impl Rotate {
    fn expected(&self) -> Result<Option<KeyId>> {
        let parse = |text: &str| KeyId::parse(text).ok_or_else(|| fail!(BadRequest, "keyId is the id of a root key"));
        self.key_id.as_deref().map(parse).transpose()
    }
}

/// What one round of a rotation did, and what is left.
#[derive(Serialize)]
pub(in crate::http) struct Rotated {
    #[serde(flatten)]
    keys: RootKeys,
    /// Data keys that this round wrapped anew.
    rewrapped: i64,
}

/// Runs one round of a rotation. The operator's client repeats it until nothing remains.
pub(in crate::http) async fn rotate(state: Shared, body: Body) -> Answer<Rotated> {
    let body: Rotate = body.json(Code::BadRequest)?;
    let (rewrapped, status) = root_keys::rotate(&state.host, body.expected()?).await?;
    ok(Rotated { keys: status.into(), rewrapped })
}
