//! seam: written by the arm work package
//!
//! Azure's refusals (R26 to R75 of the semantics), worded as Azure words them: the same code refuses a
//! resource in the emulator and in a check.

use super::{AzureError, Resource};

/// Checks one resource on its own: what its resource provider refuses in the body of a PUT.
///
/// # Errors
/// The provider's error.
pub fn resource(_resource: &Resource) -> Result<(), AzureError> {
    unimplemented!("seam")
}

/// Checks one resource against the others that exist beside it: a subnet's delegation, a service range
/// that overlaps a subnet, a network security group that does not exist ...
///
/// # Errors
/// The provider's error.
pub fn against(
    _resource: &Resource,
    _existing: &dyn Fn(&super::ResourceId) -> Option<Resource>,
) -> Result<(), AzureError> {
    unimplemented!("seam")
}
