//! Why a call gave no answer, and who is to blame.

use wasmtime::{Error, PoolConcurrencyLimitError, Trap, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

use crate::{capability::log::cut, limiter::Limiter, limits::FAILURE_MESSAGE_BYTES_MAX};

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The component asks to be called again.
    Retry {
        /// The component's reason.
        message: String,
        /// Milliseconds to wait at least; absent when the component leaves it to the host.
        after_ms: Option<u64>,
    },
    /// The component refuses for good, for this reason.
    Reject(String),
    /// The call broke off, or its answer was not taken.
    Fault {
        /// The kind of fault.
        kind: FaultKind,
        /// The fault in words.
        message: String,
    },
}

impl Failure {
    /// The reason in words, at most [`FAILURE_MESSAGE_BYTES_MAX`] bytes.
    pub fn message(&self) -> &str {
        let (Self::Retry { message, .. } | Self::Reject(message) | Self::Fault { message, .. }) = self;
        message
    }

    /// Who has to mend it: a component answers for its own refusals.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Fault { kind, .. } => kind.blame(),
            Self::Retry { .. } | Self::Reject(_) => Blame::Guest,
        }
    }

    pub(crate) fn fault(kind: FaultKind, message: impl Into<String>) -> Self {
        Self::Fault { kind, message: cut(message.into(), FAILURE_MESSAGE_BYTES_MAX) }
    }
}

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The component used up its fuel.
    OutOfFuel,
    /// The component used up its time; on an overloaded host, through no fault of its own.
    Deadline,
    /// The component asked for more memory, or more handles, than it may have.
    Memory,
    /// The component used up its stack.
    Stack,
    /// The component trapped, panicked or exited.
    Trap,
    /// The component's answer is too large, malformed, or not for it to give.
    Output,
    /// The host has no room for one more instance at the moment.
    Capacity,
    /// The host failed in any other way.
    Host,
}

/// Who has to mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The author of the component.
    Guest,
    /// The operator of the host; the same call may work later.
    Host,
}

impl FaultKind {
    /// Who has to mend a fault of this kind.
    pub const fn blame(self) -> Blame {
        match self {
            Self::Capacity | Self::Host => Blame::Host,
            _ => Blame::Guest,
        }
    }

    /// The word for attempts, statistics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfFuel => "out_of_fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Trap => "trap",
            Self::Output => "output",
            Self::Capacity => "capacity",
            Self::Host => "host",
        }
    }
}

/// Makes a failure of wasmtime's error. No other function knows the kinds of these.
pub(crate) fn classify(error: &Error, limiter: &Limiter) -> Failure {
    let (kind, message) = if let Some(trap) = error.downcast_ref::<Trap>() {
        of_trap(*trap, limiter)
    } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
        (FaultKind::Trap, format!("the component exited with code {}", exit.0))
    } else if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        (FaultKind::Capacity, format!("the host is full: {full}"))
    } else if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        (FaultKind::Memory, "the component holds too many handles".to_owned())
    } else if limiter.refused() {
        (FaultKind::Memory, format!("{MEMORY}: {error:#}"))
    } else if error.is::<std::io::Error>() {
        (FaultKind::Host, format!("the host failed: {error:#}"))
    } else {
        // The remaining errors are about values that cannot be taken over from the guest: strings that
        // are no UTF-8, pointers out of bounds, lists beyond what the host copies, functions of another
        // type.
        (FaultKind::Output, format!("what the component hands over does not fit: {error:#}"))
    };
    Failure::fault(kind, message)
}

const MEMORY: &str = "the component was refused more memory";

fn of_trap(trap: Trap, limiter: &Limiter) -> (FaultKind, String) {
    match trap {
        Trap::OutOfFuel => (FaultKind::OutOfFuel, "the component used up its fuel".to_owned()),
        Trap::Interrupt => (FaultKind::Deadline, "the component used up its time".to_owned()),
        Trap::StackOverflow => (FaultKind::Stack, "the component used up its stack".to_owned()),
        Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::ListOutOfBounds
        | Trap::StringOutOfBounds
        | Trap::UnalignedPointer => (FaultKind::Output, format!("the answer is malformed: {trap}")),
        // Most languages trap when an allocation fails, so this says more than the trap does.
        _ if limiter.refused() => (FaultKind::Memory, format!("{MEMORY}: {trap}")),
        _ => (FaultKind::Trap, trap.to_string()),
    }
}
