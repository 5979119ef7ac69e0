use crate::arm::ResourceId;
use crate::arm::views::ViewError;

/// Why a question has no prediction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// A party of the question is not among the resources.
    #[error("{party} is not in the template")]
    UnknownParty {
        /// The party, in words.
        party: String,
    },
    /// A resource refers to one that is not among the resources.
    #[error("`{referrer}` refers to `{resource}`, which is not in the template")]
    Missing {
        /// What is referred to.
        resource: ResourceId,
        /// Who refers to it.
        referrer: ResourceId,
    },
    /// A subnet has no free address for what the template puts into it.
    #[error("subnet `{subnet}` has no free address for {party}")]
    SubnetFull {
        /// The subnet.
        subnet: ResourceId,
        /// What needs the address.
        party: String,
    },
    /// The answer depends on something that the analysis does not model.
    #[error("the answer depends on {what}, which the analysis does not model")]
    Unsupported {
        /// What it depends on.
        what: String,
    },
    /// A resource cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
}
