//! Why a lab cannot start, and how the errors of its parts reach the fabric's caller.

use std::io;

use crate::emulator::fabric::FabricError;

use super::helper::HelperError;
use super::netlink::NetlinkError;

/// Why a lab cannot start on this host.
#[derive(Debug, thiserror::Error)]
#[error("{stage} failed ({cause})")]
pub struct LabError {
    /// What was being done.
    pub stage: String,
    /// The errno of the system call that failed.
    pub source: io::Error,
    /// What on this host causes it, as far as probing can tell.
    pub cause: String,
    /// What would help.
    pub remedy: String,
}

impl LabError {
    /// The errno of the system call that failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

/// A step of the start that failed, before its cause is looked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Helper(#[from] HelperError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    #[error("{0}: {1}")]
    Host(&'static str, io::Error),
}

impl StartError {
    /// What was being done, and what the system said to it.
    pub(super) fn parts(self) -> (String, io::Error) {
        match self {
            StartError::Helper(error) => (error.stage.word().to_owned(), error.source),
            StartError::Netlink(error) => (error.operation.to_owned(), error.source),
            StartError::Host(stage, source) => (stage.to_owned(), source),
        }
    }
}

pub(super) fn fabric_error(
    operation: impl Into<String>,
    message: impl std::fmt::Display,
) -> FabricError {
    FabricError {
        operation: operation.into(),
        message: message.to_string(),
    }
}

impl From<HelperError> for FabricError {
    fn from(error: HelperError) -> FabricError {
        fabric_error(error.stage.word(), error.source)
    }
}

impl From<NetlinkError> for FabricError {
    fn from(error: NetlinkError) -> FabricError {
        let NetlinkError {
            operation,
            source,
            detail,
        } = error;
        let message = if detail.is_empty() {
            source.to_string()
        } else {
            format!("{source} ({detail})")
        };
        fabric_error(operation, message)
    }
}
