//! Root keys, for the operator: how they stand, and changing them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    envelope::{Answer, ok},
    extract::Body,
};
use crate::{
    domain::vault::KeyId,
    error::Code,
    fail,
    service::organization::root_keys::{self, Status},
};

pub(super) async fn status(state: Shared) -> Answer<Value> {
    ok(object(&root_keys::status(&state.host).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RotateBody {
    key_id: Option<String>,
}

pub(super) async fn rotate(state: Shared, body: Body) -> Answer<Value> {
    let body: RotateBody = body.json(Code::BadRequest)?;
    let id = |text: &str| KeyId::parse(text).ok_or_else(|| fail!(BadRequest, "keyId is the id of a root key"));
    let expected = body.key_id.as_deref().map(id).transpose()?;
    let (rewrapped, status) = root_keys::rotate(&state.host, expected).await?;
    let mut object = object(&status);
    object["rewrapped"] = rewrapped.into();
    ok(object)
}

/// Ids of keys are hashes, and no secret.
fn object(status: &Status) -> Value {
    let text = |id: KeyId| id.to_string();
    let key = |used: &root_keys::Usage| json!({ "id": text(used.id), "organizations": used.organizations });
    json!({
        "primary": text(status.primary),
        "given": status.given.iter().copied().map(text).collect::<Vec<_>>(),
        "active": text(status.active.id),
        "activatedAt": status.active.activated_at,
        "inUse": status.usage.iter().map(key).collect::<Vec<_>>(),
        "remaining": status.remaining(),
    })
}
