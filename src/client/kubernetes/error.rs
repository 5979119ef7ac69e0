//! What can go wrong between a request to a cluster and its result.

use std::time::Duration;

use crate::client::error::Cause;
use crate::client::watch::Interrupt;

/// Why an operation on a cluster has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// No client can be made.
    #[error("cannot use the cluster: {reason}")]
    Setup {
        /// What is wrong.
        reason: String,
    },
    /// An argument is no Kubernetes object of the kind that is wanted.
    #[error("cannot {operation}: {reason}")]
    Invalid {
        /// The operation, for example ``create pod `p` ``.
        operation: String,
        /// What is wrong.
        reason: String,
    },
    /// No answer came.
    #[error("cannot {operation}")]
    Transport {
        /// The operation.
        operation: String,
        /// What the layers below say.
        #[source]
        cause: Cause,
    },
    /// The API refused; reason and message are its own.
    #[error("cannot {operation}: {reason} ({status}): {message}")]
    Refused {
        /// The operation.
        operation: String,
        /// The HTTP status; 0 where the API gave none.
        status: u16,
        /// The machine-readable reason, for example `NotFound`.
        reason: String,
        /// The message.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("cannot {operation}: {reason}")]
    Protocol {
        /// The operation.
        operation: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A pod will not run.
    #[error("pod `{name}` will not run: {reason}")]
    PodFailed {
        /// The pod.
        name: String,
        /// Why, in Kubernetes' words.
        reason: String,
    },
    /// A command's output did not arrive; the command may have run.
    #[error("the output was lost when trying to {operation}: {reason}")]
    OutputLost {
        /// The operation.
        operation: String,
        /// How the connection ended.
        reason: String,
    },
    /// The operation took longer than it may.
    #[error("cannot {operation}: no end within {after:?}")]
    TimedOut {
        /// The operation.
        operation: String,
        /// The bound.
        after: Duration,
    },
    /// The caller cancelled.
    #[error("cancelled while waiting to {operation}")]
    Cancelled {
        /// The operation.
        operation: String,
    },
    /// The deadline passed.
    #[error("the deadline passed while waiting to {operation}, last seen as `{state}`")]
    Deadline {
        /// The operation.
        operation: String,
        /// The last state that was seen.
        state: String,
    },
}

impl KubernetesError {
    pub(super) fn of(operation: &str, error: kube::Error) -> KubernetesError {
        let operation = operation.to_owned();
        match error {
            kube::Error::Api(status) => KubernetesError::Refused {
                operation,
                status: status.code,
                reason: status.reason,
                message: status.message,
            },
            error => KubernetesError::Transport {
                operation,
                cause: Cause::of(&error),
            },
        }
    }

    pub(super) fn interrupted(interrupt: Interrupt, operation: &str, state: &str) -> Self {
        let operation = operation.to_owned();
        match interrupt {
            Interrupt::Cancelled => KubernetesError::Cancelled { operation },
            Interrupt::Deadline => KubernetesError::Deadline {
                operation,
                state: state.to_owned(),
            },
        }
    }
}
