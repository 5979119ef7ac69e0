//! Microsoft.ManagedIdentity: user-assigned identities, there at once (recorded traffic, section 11).

use serde_json::json;
use uuid::Uuid;

use crate::arm::Resource;
use crate::emulator::body;
use crate::emulator::state::Shared;

pub(super) fn accept(shared: &Shared, resource: &mut Resource, previous: Option<&Resource>) {
    body::default(&mut resource.body, "tags", json!({}));
    let kept = |name: &str| {
        previous
            .and_then(|previous| previous.properties().get(name).cloned())
            .unwrap_or_else(|| json!(Uuid::new_v4().to_string()))
    };
    let (principal, client) = (kept("principalId"), kept("clientId"));
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "tenantId", shared.tenant.as_str());
    body::set(properties, "principalId", principal);
    body::set(properties, "clientId", client);
}
