//! Components: the answer to a caller whose component is refused.

use weir_runtime::{LoadError, StartError};

use crate::error::{Code, Error};

/// The code says why the bytes of a component were refused.
impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        let code = match error {
            LoadError::TooLarge { .. } => Code::ComponentTooLarge,
            LoadError::Invalid(_) => Code::ComponentInvalid,
            LoadError::TooComplex(_) => Code::ComponentTooComplex,
            LoadError::WorldUnsupported { .. } => Code::WorldUnsupported,
            LoadError::ImportUnknown(_) => Code::ImportUnknown,
            LoadError::TrapsOnStart(_) => Code::ComponentTrapsOnStart,
            LoadError::Unavailable(_) => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

/// A runtime that does not start is a fault of the host.
impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::internal(error)
    }
}
