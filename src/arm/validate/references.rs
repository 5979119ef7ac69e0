//! What a resource refers to exists, in its region.

use serde_json::Value;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource, ResourceId};

use super::{Existing, is_known};

/// A region's name in one spelling: `West Europe` is `westeurope`.
fn region(text: &str) -> String {
    text.replace(' ', "").to_ascii_lowercase()
}

/// The location of a resource.
pub(super) fn location(resource: &Resource) -> Option<&str> {
    resource.member("location").and_then(Value::as_str)
}

/// The target of the reference `{"id": ...}` in `view`; `None` where there is none, or where it is
/// unknown until deployed.
///
/// # Errors
/// `InvalidResourceReference` when the target is not there, or in another region than `location`.
pub(super) fn target(
    view: &View<'_>,
    referrer: &ResourceId,
    location: Option<&str>,
    existing: Existing<'_>,
) -> Result<Option<Resource>, AzureError> {
    let Some(text) = view.text("id").filter(|text| is_known(text)) else {
        return Ok(None);
    };
    let found = ResourceId::parse(&text)
        .ok()
        .and_then(|target| existing(&target))
        .filter(|target| {
            let other = self::location(target);
            !matches!((location, other), (Some(a), Some(b)) if region(a) != region(b))
        });
    found.map(Some).ok_or_else(|| {
        AzureError::new(
            "InvalidResourceReference",
            format!(
                "Resource {text} referenced by resource {referrer} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
            ),
        )
    })
}
