//! From the path of a request to what it names. Paths match without case and tolerate doubled and
//! trailing slashes (recorded traffic, section 1).

use crate::arm::ResourceId;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `/kubernetes/{cluster}/...`: the cluster's uid and the rest, in the spelling of the request.
    Kubernetes { cluster: String, rest: Vec<String> },
    /// `/vnetlab/evidence/{nonce}`.
    Evidence { nonce: String },
    /// `/execstream/sessionId/{session}`: a session in a container.
    ExecStream { session: String },
    /// Something in a subscription.
    Arm { subscription: String, place: Place },
    /// Nothing that is known.
    Unknown,
}

/// A place in a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Subscription,
    Groups,
    Group(String),
    GroupResources(String),
    Deployments(String),
    Deployment {
        group: String,
        name: String,
        part: DeploymentPart,
    },
    /// The outcome of a group's or a deployment's deletion.
    OperationResult(String),
    /// The state of a provider's operation; `result` for its `Location`.
    ProviderOperation {
        namespace: String,
        operation: String,
        result: bool,
    },
    Resource(ResourceId),
    /// A word after a resource: a list of children, or an action.
    Under {
        parent: ResourceId,
        word: String,
    },
    /// All resources of a type, of one group or of all.
    OfType {
        group: Option<String>,
        resource_type: String,
    },
}

/// A deployment itself, or a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DeploymentPart {
    Itself,
    Validate,
    WhatIf,
    Cancel,
    Operations,
    Operation(String),
    Status(String),
}

/// Reads a path.
pub(super) fn parse(path: &str) -> Target {
    let segments = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect::<Vec<_>>();
    let owned = |text: &&str| (*text).to_owned();
    let Some((first, rest)) = segments.split_first() else {
        return Target::Unknown;
    };
    match (first.to_ascii_lowercase().as_str(), rest) {
        ("kubernetes", [cluster, rest @ ..]) => Target::Kubernetes {
            cluster: owned(cluster),
            rest: rest.iter().map(owned).collect(),
        },
        ("vnetlab", [word, nonce]) if word.eq_ignore_ascii_case("evidence") => Target::Evidence {
            nonce: owned(nonce),
        },
        ("execstream", [word, session]) if word.eq_ignore_ascii_case("sessionId") => {
            Target::ExecStream {
                session: owned(session),
            }
        }
        ("subscriptions", [subscription, rest @ ..]) => match place(subscription, rest) {
            Some(place) => Target::Arm {
                subscription: owned(subscription),
                place,
            },
            None => Target::Unknown,
        },
        _ => Target::Unknown,
    }
}

fn place(subscription: &str, rest: &[&str]) -> Option<Place> {
    let Some((word, rest)) = rest.split_first() else {
        return Some(Place::Subscription);
    };
    match (word.to_ascii_lowercase().as_str(), rest) {
        ("resourcegroups", []) => Some(Place::Groups),
        ("resourcegroups", [group, rest @ ..]) => in_group(subscription, group, rest),
        ("operationresults", [operation]) => Some(Place::OperationResult((*operation).to_owned())),
        ("providers", [namespace, locations, _, kind, operation])
            if locations.eq_ignore_ascii_case("locations") =>
        {
            let result = kind.eq_ignore_ascii_case("operationResults");
            (result || kind.eq_ignore_ascii_case("operations")).then(|| Place::ProviderOperation {
                namespace: (*namespace).to_owned(),
                operation: (*operation).to_owned(),
                result,
            })
        }
        ("providers", [namespace, kind]) => Some(Place::OfType {
            group: None,
            resource_type: format!("{namespace}/{kind}"),
        }),
        ("providers", [namespace, rest @ ..]) => resource(
            format!("/subscriptions/{subscription}/providers/{namespace}"),
            rest,
        ),
        _ => None,
    }
}

fn in_group(subscription: &str, group: &str, rest: &[&str]) -> Option<Place> {
    let lower = rest
        .iter()
        .map(|segment| segment.to_ascii_lowercase())
        .collect::<Vec<_>>();
    let lower = lower.iter().map(String::as_str).collect::<Vec<_>>();
    let group = group.to_owned();
    match lower.as_slice() {
        [] => Some(Place::Group(group)),
        ["resources"] => Some(Place::GroupResources(group)),
        ["deployments", _, "operations", ..] => deployment(group, &rest[1..]),
        ["providers", "microsoft.resources", "deployments"] => Some(Place::Deployments(group)),
        ["providers", "microsoft.resources", "deployments", ..] => deployment(group, &rest[3..]),
        ["providers", _, _] => Some(Place::OfType {
            group: Some(group),
            resource_type: format!("{}/{}", rest[1], rest[2]),
        }),
        ["providers", _, ..] => resource(
            format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/{}",
                rest[1]
            ),
            &rest[2..],
        ),
        _ => None,
    }
}

fn deployment(group: String, rest: &[&str]) -> Option<Place> {
    let (name, rest) = rest.split_first()?;
    let lower = rest
        .first()
        .map(|word| word.to_ascii_lowercase())
        .unwrap_or_default();
    let part = match (lower.as_str(), rest) {
        ("", []) => DeploymentPart::Itself,
        ("validate", [_]) => DeploymentPart::Validate,
        ("whatif", [_]) => DeploymentPart::WhatIf,
        ("cancel", [_]) => DeploymentPart::Cancel,
        ("operations", [_]) => DeploymentPart::Operations,
        ("operations", [_, id]) => DeploymentPart::Operation((*id).to_owned()),
        ("operationstatuses", [_, id]) => DeploymentPart::Status((*id).to_owned()),
        _ => return None,
    };
    Some(Place::Deployment {
        group,
        name: (*name).to_owned(),
        part,
    })
}

/// A resource, or a word after one: from the last `/providers/NAMESPACE` on, types and names alternate.
fn resource(start: String, rest: &[&str]) -> Option<Place> {
    let since_providers = rest
        .iter()
        .rposition(|segment| segment.eq_ignore_ascii_case("providers"))
        .map_or(rest.len(), |at| rest.len().saturating_sub(at + 2));
    let whole = format!("{start}/{}", rest.join("/"));
    if since_providers.is_multiple_of(2) {
        return ResourceId::parse(&whole).ok().map(Place::Resource);
    }
    let (parent, word) = whole.rsplit_once('/')?;
    let parent = match ResourceId::parse(parent) {
        Ok(parent) => parent,
        // A list of extension resources: `{scope}/providers/NAMESPACE/TYPE`.
        Err(_) => return None,
    };
    Some(Place::Under {
        parent,
        word: word.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(path: &str) -> Option<Place> {
        match parse(path) {
            Target::Arm { place, .. } => Some(place),
            _ => None,
        }
    }

    #[test]
    fn case_and_doubled_slashes_do_not_matter() {
        let network = ResourceId::parse(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
        )
        .expect("a well-formed id");
        for path in [
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
            "/SUBSCRIPTIONS/s/resourcegroups/g//providers/microsoft.network//virtualnetworks/V/",
        ] {
            assert_eq!(
                place_of(path),
                Some(Place::Resource(network.clone())),
                "{path}"
            );
        }
    }

    #[test]
    fn a_deployments_operations_are_found_with_and_without_the_provider() {
        for path in [
            "/subscriptions/s/resourcegroups/g/deployments/d/operations",
            "/subscriptions/s/resourcegroups/g/providers/Microsoft.Resources/deployments/d/operations",
        ] {
            let expected = Place::Deployment {
                group: "g".to_owned(),
                name: "d".to_owned(),
                part: DeploymentPart::Operations,
            };
            assert_eq!(place_of(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_word_after_a_resource_is_an_action_or_a_list() {
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/w/containers/c/logs";
        assert!(matches!(place_of(path), Some(Place::Under { parent, word })
            if word == "logs" && parent.name() == "c"));
    }

    #[test]
    fn an_extension_resource_is_a_resource() {
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/providers/Microsoft.Authorization/roleAssignments/r";
        assert!(matches!(place_of(path), Some(Place::Resource(id))
            if id.key().is("Microsoft.Authorization/roleAssignments")));
    }
}
