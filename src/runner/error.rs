use crate::arm::{AzureError, ResourceKey};
use crate::client::kubernetes::KubernetesError;
use crate::client::{ClientError, ContainerExecError};

/// What went wrong within a step.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// The ARM API refused, or could not be reached.
    #[error(transparent)]
    Azure(#[from] ClientError),
    /// A cluster's Kubernetes API refused, or could not be reached.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// A command could not be run in a container group.
    #[error(transparent)]
    ContainerExec(#[from] ContainerExecError),
    /// A resource of a template that was deployed has no id any more.
    #[error("the template cannot be expanded")]
    Template(#[source] AzureError),
    /// The run was interrupted.
    #[error("interrupted while {operation}")]
    Interrupted {
        /// What was going on.
        operation: String,
    },
    /// It took longer than anything recorded ever did.
    #[error("gave up {operation}")]
    Deadline {
        /// What was going on.
        operation: String,
    },
    /// A probe's command did not run, in the words of whoever was to run it.
    #[error("{message}")]
    Command {
        /// The words.
        message: String,
    },
    /// A new resource needs an address that only the same deployment tells.
    #[error("`{resource}` is new and needs `{parameters}`, which only the same deployment tells")]
    AddressUnknown {
        /// The resource.
        resource: ResourceKey,
        /// The parameters that hold the addresses.
        parameters: String,
    },
    /// A container group that is not started again has failed.
    #[error("container group `{name}` failed, and its restart policy lets it be")]
    ContainerGroupFailed {
        /// The container group.
        name: String,
    },
    /// A way to run a probe that does not exist yet.
    #[error("{operation} is not supported yet")]
    Unsupported {
        /// What was asked for.
        operation: String,
    },
}
