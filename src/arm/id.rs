use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// The id of a resource: `/subscriptions/S/resourceGroups/G/providers/Namespace/type/name...`.
///
/// Keeps the spelling that it was given and compares without case, as Azure does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(String);

/// Text that is not the id of a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a resource id")]
pub struct ResourceIdError {
    /// What was read.
    pub text: String,
}

impl ResourceId {
    /// Reads an id. A doubled slash is folded, a trailing one dropped.
    ///
    /// # Errors
    /// When the text has no `/providers/NAMESPACE/TYPE/NAME`.
    pub fn parse(text: &str) -> Result<ResourceId, ResourceIdError> {
        let folded = text
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect::<Vec<_>>();
        let error = || ResourceIdError {
            text: text.to_owned(),
        };
        if !text.starts_with('/') {
            return Err(error());
        }
        let providers = folded
            .iter()
            .rposition(|segment| segment.eq_ignore_ascii_case("providers"))
            .ok_or_else(error)?;
        let rest = folded.len() - providers - 1;
        if rest < 3 || rest.is_multiple_of(2) {
            return Err(error());
        }
        Ok(ResourceId(format!("/{}", folded.join("/"))))
    }

    /// The id of `key` in a resource group.
    #[must_use]
    pub fn in_group(subscription: &str, group: &str, key: &ResourceKey) -> ResourceId {
        ResourceId(format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{}",
            key.path()
        ))
    }

    /// The id as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    fn after(&self, keyword: &str) -> Option<&str> {
        let mut segments = self.segments();
        segments.find(|segment| segment.eq_ignore_ascii_case(keyword))?;
        segments.next()
    }

    /// The subscription id, if the id lies in one.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.after("subscriptions")
    }

    /// The resource group's name, if the id lies in one.
    #[must_use]
    pub fn resource_group(&self) -> Option<&str> {
        self.after("resourceGroups")
    }

    /// The resource's type and name, from the last `/providers/` on.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        let segments = self.segments().collect::<Vec<_>>();
        let providers = segments
            .iter()
            .rposition(|segment| segment.eq_ignore_ascii_case("providers"))
            .unwrap_or(0);
        let mut resource_type = segments
            .get(providers + 1)
            .copied()
            .unwrap_or_default()
            .to_owned();
        let mut name = String::new();
        for pair in segments[(providers + 2).min(segments.len())..].chunks(2) {
            resource_type.push('/');
            resource_type.push_str(pair[0]);
            if let Some(part) = pair.get(1) {
                if !name.is_empty() {
                    name.push('/');
                }
                name.push_str(part);
            }
        }
        ResourceKey {
            resource_type,
            name,
        }
    }

    /// The last segment: the resource's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The id of the child `child_type/name` of this resource.
    #[must_use]
    pub fn child(&self, child_type: &str, name: &str) -> ResourceId {
        ResourceId(format!("{}/{child_type}/{name}", self.0))
    }

    /// The id of the parent, for a child resource.
    #[must_use]
    pub fn parent(&self) -> Option<ResourceId> {
        let (rest, _name) = self.0.rsplit_once('/')?;
        let (rest, _type) = rest.rsplit_once('/')?;
        ResourceId::parse(rest).ok()
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = ResourceIdError;

    fn try_from(text: String) -> Result<ResourceId, ResourceIdError> {
        ResourceId::parse(&text)
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> String {
        id.0
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &ResourceId) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &ResourceId) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &ResourceId) -> Ordering {
        compare_without_case(&self.0, &other.0)
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_without_case(&self.0, state);
    }
}

/// A resource within its resource group: its type and its name, `Namespace/type/subtype` and
/// `name/subname`. Compares without case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResourceKey {
    /// The full type, for example `Microsoft.Network/virtualNetworks/subnets`.
    pub resource_type: String,
    /// The name with a part for each type segment, for example `vnet/subnet`.
    pub name: String,
}

impl ResourceKey {
    /// The key of a resource.
    #[must_use]
    pub fn new(resource_type: impl Into<String>, name: impl Into<String>) -> ResourceKey {
        ResourceKey {
            resource_type: resource_type.into(),
            name: name.into(),
        }
    }

    /// Whether the resource is of the given type.
    #[must_use]
    pub fn is(&self, resource_type: &str) -> bool {
        self.resource_type.eq_ignore_ascii_case(resource_type)
    }

    /// `Namespace/type/name/subtype/subname`, as it stands in an id after `/providers/`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut types = self.resource_type.split('/');
        let mut path = types.next().unwrap_or_default().to_owned();
        for (kind, name) in types.zip(self.name.split('/')) {
            path.push('/');
            path.push_str(kind);
            path.push('/');
            path.push_str(name);
        }
        path
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource_type, self.name)
    }
}

impl PartialEq for ResourceKey {
    fn eq(&self, other: &ResourceKey) -> bool {
        self.resource_type
            .eq_ignore_ascii_case(&other.resource_type)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl Eq for ResourceKey {}

impl PartialOrd for ResourceKey {
    fn partial_cmp(&self, other: &ResourceKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceKey {
    fn cmp(&self, other: &ResourceKey) -> Ordering {
        compare_without_case(&self.resource_type, &other.resource_type)
            .then_with(|| compare_without_case(&self.name, &other.name))
    }
}

impl Hash for ResourceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_without_case(&self.resource_type, state);
        hash_without_case(&self.name, state);
    }
}

fn compare_without_case(a: &str, b: &str) -> Ordering {
    // Types are mostly spelt alike, and a comparison of memory tells so at once.
    if a == b {
        return Ordering::Equal;
    }
    a.bytes()
        .map(|b| b.to_ascii_lowercase())
        .cmp(b.bytes().map(|b| b.to_ascii_lowercase()))
}

fn hash_without_case<H: Hasher>(text: &str, state: &mut H) {
    for byte in text.bytes() {
        state.write_u8(byte.to_ascii_lowercase());
    }
    state.write_u8(0xff);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_its_parts() {
        let id = ResourceId::parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network//virtualNetworks/v/subnets/a/")
            .expect("a well-formed id");
        assert_eq!(id.subscription(), Some("s"));
        assert_eq!(id.resource_group(), Some("g"));
        assert_eq!(
            id.key(),
            ResourceKey::new("Microsoft.Network/virtualNetworks/subnets", "v/a")
        );
        assert_eq!(id.name(), "a");
        assert_eq!(
            id,
            ResourceId::in_group(
                "S",
                "G",
                &ResourceKey::new("microsoft.network/virtualnetworks/subnets", "V/A")
            )
        );
        assert_eq!(
            id.parent().map(|p| p.key()),
            Some(ResourceKey::new("Microsoft.Network/virtualNetworks", "v"))
        );
    }

    #[test]
    fn text_without_a_type_and_a_name_is_no_id() {
        for text in [
            "",
            "x",
            "/subscriptions/s/resourceGroups/g",
            "/subscriptions/s/providers/Microsoft.Network/virtualNetworks",
        ] {
            assert!(ResourceId::parse(text).is_err(), "{text}");
        }
    }
}
