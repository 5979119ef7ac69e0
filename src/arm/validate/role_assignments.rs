//! Role assignments: the name is a GUID, the role and the principal are given.

use uuid::Uuid;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource};

use super::{invalid, is_known};

/// A role assignment on its own.
pub(super) fn assignment(resource: &Resource, view: &View<'_>) -> Result<(), AzureError> {
    let name = resource.id.name();
    if Uuid::try_parse(name).is_err() {
        return Err(AzureError::new(
            "InvalidRoleAssignmentId",
            format!(
                "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
            ),
        ));
    }
    if view.text("roleDefinitionId").is_none() {
        return Err(invalid(view, "roleDefinitionId", "it is missing"));
    }
    let principal = view
        .text("principalId")
        .ok_or_else(|| invalid(view, "principalId", "it is missing"))?;
    if is_known(&principal) && Uuid::try_parse(&principal).is_err() {
        return Err(AzureError::new(
            "InvalidPrincipalId",
            format!(
                "A valid principal ID must be provided for role assignment: '{principal}' is not a GUID."
            ),
        ));
    }
    Ok(())
}
