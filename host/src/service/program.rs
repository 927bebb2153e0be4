//! Programs of deliveries, ready to be run.

use std::sync::Arc;

use weir_runtime::{Component, Digest, Origin};

use super::Host;
use crate::{
    db,
    domain::{id::ProgramId, program::ProgramStep},
    error::{Error, Result},
    fail,
    pipeline::{Stage, Steps},
};

/// The components of a program. They come from memory in all but the first moments after a start.
pub async fn steps(host: &Host, id: &ProgramId) -> Result<Steps> {
    let program = host.memory.program(id).await?;
    let transformer = match &program.transformer {
        Some(step) => Some(stage(host, step).await?),
        None => None,
    };
    Ok(Steps { transformer, handler: stage(host, &program.handler).await? })
}

async fn stage(host: &Host, step: &ProgramStep) -> Result<Stage> {
    Ok(Stage { component: component(host, step.digest).await?, config: step.config.clone() })
}

/// A component by its digest: one that the runtime holds, or made of the stored bytes. The table has
/// the built-in components of every release that used it, so an upgrade changes no delivery.
async fn component(host: &Host, digest: Digest) -> Result<Component> {
    if let Some(component) = host.runtime.find(digest, Origin::BuiltIn) {
        return Ok(component);
    }
    let mut tx = host.db.read().await?;
    let wasm = db::component::wasm(&mut tx, &digest).await?;
    drop(tx);
    let wasm: Arc<[u8]> = wasm.ok_or_else(|| fail!(InternalError, "component {digest} is not in the table"))?.into();
    let runtime = host.runtime.clone();
    let load = move || runtime.load(&wasm, Origin::BuiltIn);
    Ok(tokio::task::spawn_blocking(load).await.map_err(Error::internal)??)
}
