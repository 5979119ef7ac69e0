//! `reference()` and `list*()` of a deployment that runs: answered from what is stored.

use serde_json::Value;

use crate::arm::expression::{Runtime, RuntimeError};
use crate::arm::views::MANAGED_CLUSTER;
use crate::arm::{AzureError, ResourceId};
use crate::emulator::providers::managed_cluster;
use crate::emulator::reply::{Refusal, resource_not_found};
use crate::emulator::resources::read;
use crate::emulator::state::{Shared, base_of};

/// The live state of the subscription.
pub(super) struct Live<'a>(pub(super) &'a Shared);

impl Runtime for Live<'_> {
    fn reference(
        &self,
        target: &ResourceId,
        _api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, RuntimeError> {
        let resource = read(self.0, &self.0.store(), target)
            .ok_or_else(|| RuntimeError::Azure(resource_not_found(target)))?;
        Ok(if full {
            resource
        } else {
            resource.get("properties").cloned().unwrap_or_default()
        })
    }

    fn list(
        &self,
        function: &str,
        target: &ResourceId,
        _api_version: &str,
        _body: Option<&Value>,
    ) -> Result<Value, RuntimeError> {
        let store = self.0.store();
        let admin = match function.to_ascii_lowercase().as_str() {
            "listclusteradmincredential" => Some(true),
            "listclusterusercredential" => Some(false),
            _ => None,
        };
        match admin.filter(|_| target.key().is(MANAGED_CLUSTER)) {
            Some(admin) => {
                let base = base_of(&format!("127.0.0.1:{}", self.0.port));
                managed_cluster::credential(&store, target, &base, admin)
                    .map_err(|Refusal { error, .. }| RuntimeError::Azure(*error))
            }
            None => Err(RuntimeError::Azure(AzureError::new(
                "NotSupported",
                format!("The local Azure does not support `{function}` of {target}."),
            ))),
        }
    }
}
