//! What can go wrong between a command for a container and its output.

use std::time::Duration;

use crate::client::error::{Cause, ClientError};

/// Why a command in a container group has no output. No message holds the session's password or the
/// path of its URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerExecError {
    /// The ARM API refused, or could not be reached.
    #[error(transparent)]
    Azure(#[from] ClientError),
    /// An argument cannot be typed.
    #[error("cannot {operation}: {reason}")]
    Invalid {
        /// The operation, for example ``run `/bin/sh` in container group `g` ``.
        operation: String,
        /// What is wrong.
        reason: String,
    },
    /// The container does not run.
    #[error("cannot {operation}: its container `{container}` is `{state}`{}", exit(.exit_code))]
    NotRunning {
        /// The operation.
        operation: String,
        /// The container.
        container: String,
        /// Its state, or its group's, in Azure's word.
        state: String,
        /// The exit status of a container that ended.
        exit_code: Option<i64>,
    },
    /// No connection to the session.
    #[error("cannot {operation}: no connection to `{host}`")]
    Connect {
        /// The operation.
        operation: String,
        /// Where the session is served: scheme, host and port.
        host: String,
        /// What the layers below say.
        #[source]
        cause: Cause,
    },
    /// What answers at the session's URL does not speak WebSocket.
    #[error("cannot {operation}: `{host}` {reason}")]
    Handshake {
        /// The operation.
        operation: String,
        /// Where the session is served.
        host: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The session ended before a shell answered: the image has none, or the session was refused.
    #[error("cannot {operation}: no shell answered before the session ended{}", quoted(.said))]
    NoShell {
        /// The operation.
        operation: String,
        /// The last that the session said, or how it ended.
        said: String,
    },
    /// The session ended while the command was typed or ran; it may have run.
    #[error("the output was lost when trying to {operation}{}", quoted(.said))]
    OutputLost {
        /// The operation.
        operation: String,
        /// The last that the session said, or how it ended.
        said: String,
    },
    /// It took longer than it may.
    #[error("cannot {operation}: no end within {after:?}, while {waiting}{}", quoted(.said))]
    TimedOut {
        /// The operation.
        operation: String,
        /// The bound.
        after: Duration,
        /// What was waited for.
        waiting: String,
        /// The last that the session said.
        said: String,
    },
}

fn exit(code: &Option<i64>) -> String {
    code.map(|code| format!(" (exit status {code})"))
        .unwrap_or_default()
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}
