//! The functions of `wit/0.1` that components import, each with a view of the part of a store that it
//! needs.

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::adapter::weir::plugin::{context, log, signing, types};
use crate::{
    capability::{
        self,
        log::{Collector, Level},
        signing::{KeyForm, Signing},
    },
    store::StoreData,
};

/// Adds the interfaces that every world may import.
pub(super) fn link_common(linker: &mut Linker<StoreData>) -> Result<()> {
    types::add_to_linker::<_, Types>(linker, |_| TypesView)?;
    context::add_to_linker::<_, Context>(linker, |data| ContextView(&data.call.context))?;
    log::add_to_linker::<_, Log>(linker, |data| LogView(&mut data.call.logs))
}

/// Adds the interface that only adapters may import.
pub(super) fn link_signing(linker: &mut Linker<StoreData>) -> Result<()> {
    signing::add_to_linker::<_, Signer>(linker, |data| SigningView(&data.call.signing))
}

struct Types;
struct TypesView;

impl HasData for Types {
    type Data<'a> = TypesView;
}

impl types::Host for TypesView {}

struct Context;
struct ContextView<'a>(&'a capability::context::Context);

impl HasData for Context {
    type Data<'a> = ContextView<'a>;
}

impl context::Host for ContextView<'_> {
    fn config(&mut self) -> String {
        self.0.config.to_string()
    }

    fn subscription_id(&mut self) -> Option<String> {
        self.0.subscription_id.as_ref().map(ToString::to_string)
    }

    fn attempt(&mut self) -> u32 {
        self.0.attempt
    }

    fn attempted_at_ms(&mut self) -> u64 {
        self.0.attempted_at_ms
    }
}

struct Log;
struct LogView<'a>(&'a mut Collector);

impl HasData for Log {
    type Data<'a> = LogView<'a>;
}

impl log::Host for LogView<'_> {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.0.write(level, message);
    }
}

struct Signer;
struct SigningView<'a>(&'a Signing);

impl HasData for Signer {
    type Data<'a> = SigningView<'a>;
}

impl signing::Host for SigningView<'_> {
    fn hmac_sha256(&mut self, key: signing::KeyForm, data: Vec<u8>) -> Vec<Vec<u8>> {
        let form = match key {
            signing::KeyForm::Text => KeyForm::Text,
            signing::KeyForm::Decoded => KeyForm::Decoded,
        };
        self.0.hmac_sha256(form, &data)
    }
}
