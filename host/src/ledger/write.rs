//! A request to the ledger: the rows to write, and the way back for the outcome.

use std::collections::HashSet;

use tokio::sync::oneshot;

use crate::{
    db::emit::{Acceptance, NewEmit, Routed},
    domain::{delivery::Settled, emit::Emit, id::EmitId},
    error::{Error, Result},
};

pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// A request to the ledger: the rows to write, and the way back for the outcome.
pub(super) enum Write {
    Accept(NewEmit, Reply<Acceptance>),
    Route(Vec<Routed>, Reply<HashSet<EmitId>>),
    Settle(Box<Settled>, Reply<bool>),
    Announce(Vec<Emit>, Reply<()>),
}

impl Write {
    pub(super) fn is_accept(&self) -> bool {
        matches!(self, Self::Accept(..))
    }

    /// Whether a client's request or an emit waits for the write.
    pub(super) fn is_urgent(&self) -> bool {
        !matches!(self, Self::Settle(..))
    }

    /// Bytes that the write adds to a batch, roughly.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Accept(new, _) => new.emit.payload.len(),
            Self::Route(routed, _) => routed.iter().map(|routed| 256 * (1 + routed.deliveries.len())).sum(),
            Self::Settle(..) => 512,
            Self::Announce(events, _) => events.iter().map(|event| 512 + event.payload.len()).sum(),
        }
    }

    /// Replies with the error.
    pub(super) fn fail(self, error: &Error) {
        // The receiving end may be gone, if a client hung up: then the reply is not needed.
        match self {
            Self::Accept(_, reply) => drop(reply.send(Err(error.share()))),
            Self::Route(_, reply) => drop(reply.send(Err(error.share()))),
            Self::Settle(_, reply) => drop(reply.send(Err(error.share()))),
            Self::Announce(_, reply) => drop(reply.send(Err(error.share()))),
        }
    }
}
