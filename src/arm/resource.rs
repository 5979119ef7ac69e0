use serde_json::{Map, Value};

use super::{ResourceId, ResourceKey};

/// One resource as it is submitted to its resource provider, every expression evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The id.
    pub id: ResourceId,
    /// The full type, for example `Microsoft.Network/virtualNetworks`.
    pub resource_type: String,
    /// The full name, for example `vnet/subnet` for a child.
    pub name: String,
    /// The API version.
    pub api_version: String,
    /// The ids of the resources of the same deployment that must exist before this one.
    pub depends_on: Vec<ResourceId>,
    /// The body of the PUT: `location`, `tags`, `sku`, `identity`, `properties` ... as evaluated.
    pub body: Map<String, Value>,
}

impl Resource {
    /// The type and name.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        ResourceKey::new(self.resource_type.clone(), self.name.clone())
    }

    /// Whether the resource is of the given type.
    #[must_use]
    pub fn is(&self, resource_type: &str) -> bool {
        self.resource_type.eq_ignore_ascii_case(resource_type)
    }

    /// A member of the body, by name without case.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        get(&self.body, name)
    }

    /// The `properties`; null where there are none.
    #[must_use]
    pub fn properties(&self) -> &Value {
        self.member("properties").unwrap_or(&Value::Null)
    }
}

/// A member of an object, by name without case.
pub(crate) fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        object
            .iter()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    })
}
