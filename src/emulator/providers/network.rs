//! Microsoft.Network: virtual networks, security groups and route tables (recorded traffic, section 8).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arm::views::{SECURITY_RULE, SUBNET};
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::fabric::Endpoint;
use crate::emulator::reply::Refusal;
use crate::emulator::store::{ROUTE, Store, embedding};

/// Azure's default rules: name, description, direction, priority, access, source, destination.
const DEFAULT_RULES: [(&str, &str, &str, u16, &str, &str, &str); 6] = [
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "Inbound",
        65000,
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "Inbound",
        65001,
        "Allow",
        "AzureLoadBalancer",
        "*",
    ),
    (
        "DenyAllInBound",
        "Deny all inbound traffic",
        "Inbound",
        65500,
        "Deny",
        "*",
        "*",
    ),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "Outbound",
        65000,
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "Outbound",
        65001,
        "Allow",
        "*",
        "Internet",
    ),
    (
        "DenyAllOutBound",
        "Deny all outbound traffic",
        "Outbound",
        65500,
        "Deny",
        "*",
        "*",
    ),
];

/// Since this version a virtual network that is written without `subnets` keeps the ones it has.
const KEEPS_SUBNETS_SINCE: &str = "2023-11-01";

/// The members that every resource of the provider has. Returns the etag.
fn common(resource: &mut Resource, previous: Option<&Resource>) -> String {
    let etag = format!("W/\"{}\"", Uuid::new_v4());
    body::set(&mut resource.body, "etag", etag.clone());
    let guid = previous
        .and_then(|previous| previous.properties().get("resourceGuid").cloned())
        .unwrap_or_else(|| json!(Uuid::new_v4().to_string()));
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "provisioningState", "Updating");
    body::set(properties, "resourceGuid", guid);
    etag
}

/// Completes the items of an embedded list.
fn children(
    resource: &mut Resource,
    list: &str,
    child_type: &str,
    etag: &str,
    complete: impl Fn(&ResourceId, &mut Map<String, Value>),
) {
    let parent = resource.id.clone();
    let items = body::list(body::object(&mut resource.body, "properties"), list);
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        let id = parent.child(list, body::text(item, "name").unwrap_or_default());
        body::set(item, "id", id.as_str());
        body::set(item, "etag", etag);
        body::set(item, "type", child_type);
        let properties = body::object(item, "properties");
        body::set(properties, "provisioningState", "Updating");
        complete(&id, properties);
    }
}

pub(super) fn virtual_network(
    store: &Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    let properties = body::object(&mut resource.body, "properties");
    if let Some(previous) = previous.and_then(|previous| previous.properties().as_object()) {
        if body::get(properties, "subnets").is_none()
            && resource.api_version.as_str() >= KEEPS_SUBNETS_SINCE
        {
            let subnets = body::get(previous, "subnets").cloned();
            body::set(properties, "subnets", subnets.unwrap_or_default());
        }
        for gone in body::items(previous, "subnets") {
            let name = body::text(gone, "name").unwrap_or_default();
            if !body::items(properties, "subnets")
                .any(|kept| body::text(kept, "name").is_some_and(|n| n.eq_ignore_ascii_case(name)))
            {
                subnet_may_go(store, &resource.id.child("subnets", name))?;
            }
        }
    }
    body::list(properties, "virtualNetworkPeerings");
    body::default(properties, "enableDdosProtection", false);
    body::default(properties, "privateEndpointVNetPolicies", "Disabled");
    let peered = !body::list(properties, "virtualNetworkPeerings").is_empty();
    if peered {
        return Err(Refusal::not_supported(
            "The local Azure does not carry virtual network peerings.",
        ));
    }
    let etag = common(resource, previous);
    children(resource, "subnets", SUBNET, &etag, |id, subnet| {
        for delegation in body::list(subnet, "delegations")
            .iter_mut()
            .filter_map(Value::as_object_mut)
        {
            let name = body::text(delegation, "name")
                .unwrap_or_default()
                .to_owned();
            body::set(delegation, "id", id.child("delegations", &name).as_str());
            body::set(delegation, "etag", etag.clone());
            body::set(
                delegation,
                "type",
                "Microsoft.Network/virtualNetworks/subnets/delegations",
            );
            let properties = body::object(delegation, "properties");
            body::set(properties, "provisioningState", "Updating");
            body::default(
                properties,
                "actions",
                json!(["Microsoft.Network/virtualNetworks/subnets/action"]),
            );
        }
        body::default(subnet, "privateEndpointNetworkPolicies", "Disabled");
        body::default(subnet, "privateLinkServiceNetworkPolicies", "Enabled");
    });
    Ok(())
}

pub(super) fn security_group(resource: &mut Resource, previous: Option<&Resource>) {
    let etag = common(resource, previous);
    children(
        resource,
        "securityRules",
        SECURITY_RULE,
        &etag,
        |_, rule| {
            for side in ["source", "destination"] {
                body::list(rule, &format!("{side}PortRanges"));
                body::list(rule, &format!("{side}AddressPrefixes"));
            }
        },
    );
    let id = resource.id.clone();
    let rules = DEFAULT_RULES.map(
        |(name, description, direction, priority, access, source, destination)| {
            json!({
                "name": name,
                "id": id.child("defaultSecurityRules", name),
                "etag": etag,
                "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
                "properties": {
                    "provisioningState": "Updating",
                    "description": description,
                    "protocol": "*",
                    "sourcePortRange": "*",
                    "destinationPortRange": "*",
                    "sourceAddressPrefix": source,
                    "destinationAddressPrefix": destination,
                    "access": access,
                    "priority": priority,
                    "direction": direction,
                    "sourcePortRanges": [],
                    "destinationPortRanges": [],
                    "sourceAddressPrefixes": [],
                    "destinationAddressPrefixes": [],
                },
            })
        },
    );
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "defaultSecurityRules", rules.to_vec());
}

pub(super) fn route_table(resource: &mut Resource, previous: Option<&Resource>) {
    let etag = common(resource, previous);
    let properties = body::object(&mut resource.body, "properties");
    body::default(properties, "disableBgpRoutePropagation", false);
    children(resource, "routes", ROUTE, &etag, |_, route| {
        body::default(route, "hasBgpOverride", false);
    });
}

/// Who uses a subnet: the ids that Azure shows as its IP configurations.
fn users_of_subnet(store: &Store, subnet: &ResourceId) -> Vec<String> {
    store
        .leases
        .endpoints
        .values()
        .filter_map(|endpoint| match endpoint {
            Endpoint::ContainerGroup {
                group, subnet: s, ..
            } if s == subnet => Some(group.as_str().to_owned()),
            Endpoint::Node {
                cluster,
                name,
                subnet: s,
                ..
            } if s == subnet => Some(format!("{cluster}/nodes/{name}")),
            _ => None,
        })
        .collect()
}

/// The subnets that name a security group or a route table.
fn subnets_naming(store: &Store, member: &str, id: &ResourceId) -> Vec<ResourceId> {
    let mut subnets = Vec::new();
    for network in store.resources.values() {
        let Some(properties) = network.properties().as_object() else {
            continue;
        };
        for subnet in body::items(properties, "subnets") {
            let names = body::get(subnet, "properties")
                .and_then(Value::as_object)
                .and_then(|properties| body::reference(properties, member));
            if names.as_ref() == Some(id) {
                let name = body::text(subnet, "name").unwrap_or_default();
                subnets.push(network.id.child("subnets", name));
            }
        }
    }
    subnets
}

fn in_use(code: &str, message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

fn subnet_may_go(store: &Store, subnet: &ResourceId) -> Result<(), Refusal> {
    match users_of_subnet(store, subnet).first() {
        None => Ok(()),
        Some(user) => Err(in_use(
            "InUseSubnetCannotBeDeleted",
            format!(
                "Subnet {} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                subnet.name()
            ),
        )),
    }
}

/// Whether nothing uses a resource of this provider any more.
pub(super) fn may_delete(store: &Store, id: &ResourceId) -> Result<(), Refusal> {
    let key = id.key();
    if key.is(SUBNET) {
        return subnet_may_go(store, id);
    }
    let subnets = |member| subnets_naming(store, member, id);
    match super::Kind::of(&key.resource_type) {
        super::Kind::VirtualNetwork => {
            let Some(network) = store.resources.get(id) else {
                return Ok(());
            };
            let properties = network.properties().as_object();
            for subnet in properties
                .into_iter()
                .flat_map(|p| body::items(p, "subnets"))
            {
                let name = body::text(subnet, "name").unwrap_or_default();
                subnet_may_go(store, &network.id.child("subnets", name))?;
            }
            Ok(())
        }
        super::Kind::NetworkSecurityGroup => match subnets("networkSecurityGroup").first() {
            None => Ok(()),
            Some(subnet) => Err(in_use(
                "InUseNetworkSecurityGroupCannotBeDeleted",
                format!(
                    "Network security group {id} cannot be deleted because it is in use by the following resources: {subnet}. In order to delete the Network security group, remove the association with the resource(s)."
                ),
            )),
        },
        super::Kind::RouteTable => match subnets("routeTable").first() {
            None => Ok(()),
            Some(subnet) => Err(in_use(
                "InUseRouteTableCannotBeDeleted",
                format!(
                    "Route table {} is in use and cannot be deleted. It is used by {subnet}.",
                    id.name()
                ),
            )),
        },
        _ => Ok(()),
    }
}

/// Adds to an answer who uses the resource: `subnets` of groups and tables, `ipConfigurations` and
/// `serviceAssociationLinks` of subnets.
pub(super) fn show_users(store: &Store, id: &ResourceId, value: &mut Value) {
    let key = id.key();
    let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if key.is(SUBNET) {
        show_users_of_subnet(store, id, properties);
        return;
    }
    let member = match super::Kind::of(&key.resource_type) {
        super::Kind::VirtualNetwork => {
            let list = embedding(SUBNET).unwrap_or_default();
            for item in body::list(properties, list)
                .iter_mut()
                .filter_map(Value::as_object_mut)
            {
                let subnet = id.child(list, body::text(item, "name").unwrap_or_default());
                show_users_of_subnet(store, &subnet, body::object(item, "properties"));
            }
            return;
        }
        super::Kind::NetworkSecurityGroup => "networkSecurityGroup",
        super::Kind::RouteTable => "routeTable",
        _ => return,
    };
    let subnets = subnets_naming(store, member, id);
    if !subnets.is_empty() {
        let subnets = subnets.iter().map(|id| json!({ "id": id })).collect();
        properties.insert("subnets".to_owned(), Value::Array(subnets));
    }
}

fn show_users_of_subnet(store: &Store, id: &ResourceId, properties: &mut Map<String, Value>) {
    let users = users_of_subnet(store, id);
    let (nodes, groups): (Vec<_>, Vec<_>) =
        users.into_iter().partition(|user| user.contains("/nodes/"));
    if !nodes.is_empty() {
        let nodes = nodes
            .iter()
            .map(|id| json!({ "id": id }))
            .collect::<Vec<_>>();
        properties.insert("ipConfigurations".to_owned(), json!(nodes));
    }
    if !groups.is_empty() {
        let link = json!([{
            "name": "acisal",
            "id": id.child("serviceAssociationLinks", "acisal"),
            "type": "Microsoft.Network/virtualNetworks/subnets/serviceAssociationLinks",
            "properties": {
                "provisioningState": "Succeeded",
                "linkedResourceType": "Microsoft.ContainerInstance/containerGroups",
                "enabledForArmDeployments": false,
                "allowDelete": false,
                "locations": [],
            },
        }]);
        properties.insert("serviceAssociationLinks".to_owned(), link);
    }
}
