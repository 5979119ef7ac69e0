//! What the local Azure holds: resource groups, resources, deployments, operations, endpoints, clusters.
//!
//! Plain data behind one lock that is never held over an await. A child that Azure shows inside its
//! parent (subnet, peering, security rule, route) is kept there alone: its own routes read and write the
//! parent's list, so that the two cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arm::validate::types::{PEERING, ROUTE};
use crate::arm::views::{
    NETWORK_SECURITY_GROUP, ROUTE_TABLE, SECURITY_RULE, SUBNET, VIRTUAL_NETWORK,
};
use crate::arm::{AzureError, Resource, ResourceId};

use super::body;
use super::deployments::Deployment;
use super::kubernetes::Cluster;
use super::network::Leases;
use super::pending::Writes;
use super::providers;

/// A child type that is kept in a list of its parent's properties: child, parent, list.
pub(super) const EMBEDDED: [(&str, &str, &str); 4] = [
    (SUBNET, VIRTUAL_NETWORK, "subnets"),
    (PEERING, VIRTUAL_NETWORK, "virtualNetworkPeerings"),
    (SECURITY_RULE, NETWORK_SECURITY_GROUP, "securityRules"),
    (ROUTE, ROUTE_TABLE, "routes"),
];

/// The list in which a resource of this type is kept, for an embedded child.
pub(super) fn embedding(resource_type: &str) -> Option<&'static str> {
    EMBEDDED
        .iter()
        .find(|(child, _, _)| child.eq_ignore_ascii_case(resource_type))
        .map(|(_, _, list)| *list)
}

/// Everything that the local Azure holds.
#[derive(Default)]
pub(super) struct Store {
    /// By name in lower case.
    pub(super) groups: BTreeMap<String, Group>,
    /// By id; embedded children are in their parents.
    pub(super) resources: BTreeMap<ResourceId, Resource>,
    /// By group and name in lower case.
    pub(super) deployments: BTreeMap<(String, String), Deployment>,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) leases: Leases,
    pub(super) pending: Writes,
    pub(super) clusters: BTreeMap<ResourceId, Cluster>,
    /// What is stored without being simulated.
    pub(super) notes: BTreeSet<String>,
}

/// A resource group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Option<Value>,
    pub(super) managed_by: Option<String>,
    pub(super) deleting: bool,
}

impl Group {
    pub(super) fn render(&self, subscription: &str) -> Value {
        let state = if self.deleting {
            "Deleting"
        } else {
            "Succeeded"
        };
        let mut group = json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/{}", self.name),
            "name": self.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "properties": { "provisioningState": state },
        });
        if let Some(tags) = &self.tags {
            group["tags"] = tags.clone();
        }
        if let Some(owner) = &self.managed_by {
            group["managedBy"] = json!(owner);
        }
        group
    }
}

/// How a long-running operation stands.
#[derive(Debug, Clone)]
pub(super) enum Status {
    /// Under way, in the provider's word: `InProgress`, `Running`, `Pending`.
    Running(&'static str),
    Succeeded,
    Failed(AzureError),
    Canceled,
}

/// A long-running operation.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) status: Status,
    pub(super) started: jiff::Timestamp,
    /// The resource that it works on.
    pub(super) resource: Option<ResourceId>,
}

impl Store {
    /// Registers an operation and gives its id.
    pub(super) fn begin(&mut self, word: &'static str, resource: Option<&ResourceId>) -> String {
        let id = Uuid::new_v4().to_string();
        let operation = Operation {
            status: Status::Running(word),
            started: jiff::Timestamp::now(),
            resource: resource.cloned(),
        };
        self.operations.insert(id.clone(), operation);
        id
    }

    /// Ends an operation.
    pub(super) fn end(&mut self, operation: &str, status: Status) {
        if let Some(operation) = self.operations.get_mut(operation) {
            operation.status = status;
        }
    }

    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(&name.to_ascii_lowercase())
    }

    /// A resource or an embedded child, as it stands.
    pub(super) fn resource(&self, id: &ResourceId) -> Option<Resource> {
        if let Some(resource) = self.resources.get(id) {
            return Some(resource.clone());
        }
        let key = id.key();
        let list = embedding(&key.resource_type)?;
        let parent = self.resources.get(&id.parent()?)?;
        let item = body::items(parent.properties().as_object()?, list).find(|item| {
            body::text(item, "name").is_some_and(|name| name.eq_ignore_ascii_case(id.name()))
        })?;
        let mut body = Map::new();
        for member in ["etag", "properties"] {
            if let Some(value) = body::get(item, member) {
                body.insert(member.to_owned(), value.clone());
            }
        }
        Some(Resource {
            id: parent.id.child(
                key.resource_type.rsplit('/').next().unwrap_or_default(),
                body::text(item, "name").unwrap_or(id.name()),
            ),
            resource_type: key.resource_type,
            name: key.name,
            api_version: parent.api_version.clone(),
            depends_on: Vec::new(),
            body,
        })
    }

    /// Adds a resource that shall be, for checks of others beside it: a child into its parent where
    /// that is there; a network keeps what it keeps when it is written without it.
    pub(super) fn foresee(&mut self, resource: &Resource) {
        let list = embedding(&resource.resource_type);
        let parent = resource.id.parent();
        let parent = parent.and_then(|parent| self.resources.get_mut(&parent));
        let (Some(list), Some(parent)) = (list, parent) else {
            let mut new = resource.clone();
            if let Some(before) = self.resources.get(&resource.id) {
                providers::network::keep(&mut new, before);
            }
            self.resources.insert(new.id.clone(), new);
            return;
        };
        let name = resource.id.name();
        let mut item = resource.body.clone();
        item.insert("name".to_owned(), json!(name));
        let items = body::list(body::object(&mut parent.body, "properties"), list);
        items.retain(|other| !body::is_named(other, name));
        items.push(Value::Object(item));
    }

    /// The resources of a group, or of all.
    pub(super) fn in_group<'a>(
        &'a self,
        group: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Resource> {
        self.resources.values().filter(move |resource| {
            group.is_none_or(|group| {
                resource
                    .id
                    .resource_group()
                    .is_some_and(|other| other.eq_ignore_ascii_case(group))
            })
        })
    }

    /// Writes `properties.provisioningState` of a resource and of what is embedded in it, and a new
    /// etag where it has one. Children share their parent's etag (section 8).
    pub(super) fn settle(&mut self, id: &ResourceId, state: &str) {
        if let Some(resource) = self.resources.get_mut(id) {
            settle_resource(resource, state);
        }
    }
}

/// Writes the provisioning state of a resource and of what is embedded in it.
pub(super) fn settle_resource(resource: &mut Resource, state: &str) {
    let etag = format!("W/\"{}\"", Uuid::new_v4());
    let mut body = Value::Object(std::mem::take(&mut resource.body));
    settle(&mut body, state, &etag);
    if let Value::Object(body) = body {
        resource.body = body;
    }
}

fn settle(value: &mut Value, state: &str, etag: &str) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match key.as_str() {
                    "provisioningState" => *value = json!(state),
                    "etag" => *value = json!(etag),
                    _ => settle(value, state, etag),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, state, etag)),
        _ => {}
    }
}
