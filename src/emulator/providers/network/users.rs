//! Who uses what: shown in answers, and the reason why something cannot be deleted.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::arm::validate::types::{NAT_GATEWAY, NETWORK_INTERFACE};
use crate::arm::views::{CONTAINER_GROUP, MANAGED_CLUSTER, SUBNET, VIRTUAL_NETWORK};
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::network::{User, addresses_in};
use crate::emulator::reply::Refusal;
use crate::emulator::store::{Store, embedding};

use super::super::{Kind, managed_cluster};
use super::items;

/// `Microsoft.Compute/virtualMachines`.
const VIRTUAL_MACHINE: &str = "Microsoft.Compute/virtualMachines";

pub(super) fn in_use(code: &str, message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

/// Who uses a subnet: what has an address in it, and clusters whose pods have.
pub(super) fn users_of_subnet(store: &Store, subnet: &ResourceId) -> Vec<User> {
    let mut users = addresses_in(store, subnet);
    for id in pod_clusters(store, subnet) {
        if !users.iter().any(|user| user.is_of(&id)) {
            users.push(User::service(id));
        }
    }
    users
}

/// The clusters whose pods have addresses of a subnet of their own (R58).
fn pod_clusters(store: &Store, subnet: &ResourceId) -> Vec<ResourceId> {
    let clusters = store.resources.values().filter(|r| r.is(MANAGED_CLUSTER));
    clusters
        .filter(|cluster| {
            let view = managed_cluster::view(cluster);
            view.is_ok_and(|view| {
                let mut pools = view.pools.iter();
                pools.any(|pool| pool.pod_subnet.as_ref() == Some(subnet))
            })
        })
        .map(|cluster| cluster.id.clone())
        .collect()
}

/// The subnets that name a security group, a route table or a NAT gateway.
fn subnets_naming(store: &Store, member: &str, id: &ResourceId) -> Vec<ResourceId> {
    let networks = store.resources.values().filter(|r| r.is(VIRTUAL_NETWORK));
    networks
        .flat_map(|network| {
            items(network, "subnets")
                .filter(|(_, subnet)| body::reference(subnet, member).as_ref() == Some(id))
                .map(|(name, _)| network.id.child("subnets", name))
        })
        .collect()
}

fn of_type<'a>(store: &'a Store, wanted: &'a str) -> impl Iterator<Item = &'a Resource> {
    let resources = store.resources.values();
    resources.filter(move |resource| resource.is(wanted))
}

/// The network interfaces that name a security group, or whose configurations an application group.
fn interfaces_naming(store: &Store, id: &ResourceId) -> Vec<ResourceId> {
    of_type(store, NETWORK_INTERFACE)
        .filter(|interface| {
            let properties = interface.properties().as_object();
            let guarded = properties
                .and_then(|properties| body::reference(properties, "networkSecurityGroup"));
            let member = items(interface, "ipConfigurations").any(|(_, configuration)| {
                body::items(configuration, "applicationSecurityGroups")
                    .any(|group| own_id(group).as_ref() == Some(id))
            });
            guarded.as_ref() == Some(id) || member
        })
        .map(|interface| interface.id.clone())
        .collect()
}

/// The security groups with a rule that names an application security group.
fn groups_naming(store: &Store, id: &ResourceId) -> Vec<ResourceId> {
    let names = |rule: &Map<String, Value>| {
        ["source", "destination"].iter().any(|side| {
            let list = format!("{side}ApplicationSecurityGroups");
            body::items(rule, &list).any(|group| own_id(group).as_ref() == Some(id))
        })
    };
    of_type(store, crate::arm::views::NETWORK_SECURITY_GROUP)
        .filter(|group| items(group, "securityRules").any(|(_, rule)| names(rule)))
        .map(|group| group.id.clone())
        .collect()
}

fn own_id(object: &Map<String, Value>) -> Option<ResourceId> {
    ResourceId::parse(body::text(object, "id")?).ok()
}

/// The public addresses of a NAT gateway.
pub(super) fn public_addresses(gateway: &Map<String, Value>) -> Vec<ResourceId> {
    let addresses = body::items(gateway, "publicIpAddresses");
    addresses.filter_map(own_id).collect()
}

/// Who has a public address.
pub(super) fn user_of_public_address(store: &Store, id: &ResourceId) -> Option<User> {
    let gateway = of_type(store, NAT_GATEWAY).find(|gateway| {
        let properties = gateway.properties().as_object();
        properties.is_some_and(|properties| public_addresses(properties).contains(id))
    });
    if let Some(gateway) = gateway {
        return Some(User::service(gateway.id.clone()));
    }
    of_type(store, NETWORK_INTERFACE).find_map(|interface| {
        let mut configurations = items(interface, "ipConfigurations");
        let (name, _) = configurations
            .find(|(_, own)| body::reference(own, "publicIPAddress").as_ref() == Some(id))?;
        Some(User::configuration(&interface.id, name, None))
    })
}

/// The virtual machine that has a network interface; machines are stored without being simulated.
fn machine_of(store: &Store, interface: &ResourceId) -> Option<ResourceId> {
    let mut machines = of_type(store, VIRTUAL_MACHINE).filter(|machine| {
        let properties = machine.properties().as_object();
        let profile = properties.and_then(|p| body::get(p, "networkProfile")?.as_object());
        let interfaces = profile
            .into_iter()
            .flat_map(|p| body::items(p, "networkInterfaces"));
        interfaces.filter_map(own_id).any(|id| id == *interface)
    });
    machines.next().map(|machine| machine.id.clone())
}

/// Whether nothing is in a subnet any more.
pub(super) fn subnet_may_go(store: &Store, subnet: &ResourceId) -> Result<(), Refusal> {
    match users_of_subnet(store, subnet).first() {
        None => Ok(()),
        Some(user) => Err(in_use(
            "InUseSubnetCannotBeDeleted",
            format!(
                "Subnet {} is in use by {} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                subnet.name(),
                user.id()
            ),
        )),
    }
}

/// Whether nothing uses a resource of this provider any more.
pub(in crate::emulator::providers) fn may_delete(
    store: &Store,
    id: &ResourceId,
) -> Result<(), Refusal> {
    let key = id.key();
    if key.is(SUBNET) {
        return subnet_may_go(store, id);
    }
    let subnets = |member| subnets_naming(store, member, id).into_iter().next();
    let interface = || interfaces_naming(store, id).into_iter().next();
    let refused = |user: Option<String>, code: &str, message: &dyn Fn(&str) -> String| match user {
        None => Ok(()),
        Some(user) => Err(in_use(code, message(&user))),
    };
    let text = |id: ResourceId| id.as_str().to_owned();
    match Kind::of(&key.resource_type) {
        Kind::VirtualNetwork => {
            let Some(network) = store.resources.get(id) else {
                return Ok(());
            };
            items(network, "subnets")
                .try_for_each(|(name, _)| subnet_may_go(store, &network.id.child("subnets", name)))
        }
        Kind::NetworkSecurityGroup => refused(
            subnets("networkSecurityGroup").or_else(interface).map(text),
            "InUseNetworkSecurityGroupCannotBeDeleted",
            &|user| {
                format!(
                    "Network security group {id} cannot be deleted because it is in use by the following resources: {user}. In order to delete the Network security group, remove the association with the resource(s)."
                )
            },
        ),
        Kind::RouteTable => refused(
            subnets("routeTable").map(text),
            "InUseRouteTableCannotBeDeleted",
            &|user| {
                format!(
                    "Route table {} is in use and cannot be deleted. It is used by {user}.",
                    id.name()
                )
            },
        ),
        Kind::NatGateway => refused(
            subnets("natGateway").map(text),
            "InUseNatGatewayCannotBeDeleted",
            &|user| {
                format!(
                    "Nat gateway {} is in use and cannot be deleted. It is used by {user}.",
                    id.name()
                )
            },
        ),
        Kind::PublicAddress => refused(
            user_of_public_address(store, id).map(|user| user.id().to_owned()),
            "PublicIPAddressCannotBeDeleted",
            &|user| {
                format!(
                    "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip."
                )
            },
        ),
        Kind::NetworkInterface => refused(machine_of(store, id).map(text), "NicInUse", &|user| {
            format!(
                "Network Interface {id} is used by existing resource {user}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic."
            )
        }),
        Kind::ApplicationSecurityGroup => refused(
            interface()
                .or_else(|| groups_naming(store, id).into_iter().next())
                .map(text),
            "InUseApplicationSecurityGroupCannotBeDeleted",
            &|user| {
                format!(
                    "Application security group {} is in use and cannot be deleted. It is used by {user}.",
                    id.name()
                )
            },
        ),
        _ => Ok(()),
    }
}

/// Adds to an answer who uses the resource, and takes away what it does not have yet.
pub(in crate::emulator::providers) fn show(store: &Store, id: &ResourceId, value: &mut Value) {
    let key = id.key();
    let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if key.is(SUBNET) {
        show_users_of_subnet(store, id, properties);
        return;
    }
    match Kind::of(&key.resource_type) {
        Kind::VirtualNetwork => {
            let list = embedding(SUBNET).unwrap_or_default();
            for item in body::list(properties, list)
                .iter_mut()
                .filter_map(Value::as_object_mut)
            {
                let subnet = id.child(list, body::text(item, "name").unwrap_or_default());
                show_users_of_subnet(store, &subnet, body::object(item, "properties"));
            }
        }
        Kind::NetworkSecurityGroup => {
            let subnets = subnets_naming(store, "networkSecurityGroup", id);
            insert_ids(properties, "subnets", &subnets);
            let interfaces = interfaces_naming(store, id);
            insert_ids(properties, "networkInterfaces", &interfaces);
        }
        Kind::RouteTable => {
            insert_ids(
                properties,
                "subnets",
                &subnets_naming(store, "routeTable", id),
            );
        }
        Kind::NatGateway => {
            insert_ids(
                properties,
                "subnets",
                &subnets_naming(store, "natGateway", id),
            );
        }
        Kind::PublicAddress => {
            // The address is there only after success.
            if body::text(properties, "provisioningState") != Some("Succeeded") {
                properties.remove("ipAddress");
            }
            if let Some(user) = user_of_public_address(store, id) {
                let member = match user {
                    User::Configuration { .. } => "ipConfiguration",
                    User::Service(_) => "natGateway",
                };
                properties.insert(member.to_owned(), json!({ "id": user.id() }));
            }
        }
        Kind::NetworkInterface => {
            if let Some(machine) = machine_of(store, id) {
                properties.insert("virtualMachine".to_owned(), json!({ "id": machine }));
            }
        }
        _ => {}
    }
}

fn insert_ids(properties: &mut Map<String, Value>, member: &str, ids: &[ResourceId]) {
    if !ids.is_empty() {
        let ids = ids.iter().map(|id| json!({ "id": id })).collect();
        properties.insert(member.to_owned(), Value::Array(ids));
    }
}

fn show_users_of_subnet(store: &Store, id: &ResourceId, properties: &mut Map<String, Value>) {
    let users = users_of_subnet(store, id);
    let configurations = users
        .iter()
        .filter(|user| matches!(user, User::Configuration { .. }))
        .map(|user| json!({ "id": user.id() }))
        .collect::<Vec<_>>();
    if !configurations.is_empty() {
        properties.insert("ipConfigurations".to_owned(), json!(configurations));
    }
    let link = |name: &str, linked: &str| {
        json!({
            "name": name,
            "id": id.child("serviceAssociationLinks", name),
            "type": "Microsoft.Network/virtualNetworks/subnets/serviceAssociationLinks",
            "properties": {
                "provisioningState": "Succeeded",
                "linkedResourceType": linked,
                "enabledForArmDeployments": false,
                "allowDelete": false,
                "locations": [],
            },
        })
    };
    let of = |wanted: &str| {
        users
            .iter()
            .any(|user| matches!(user, User::Service(service) if service.id.key().is(wanted)))
    };
    let mut links = Vec::new();
    if of(CONTAINER_GROUP) {
        links.push(link("acisal", CONTAINER_GROUP));
    }
    if of(MANAGED_CLUSTER) {
        links.push(link("AzureKubernetesService", MANAGED_CLUSTER));
    }
    if !links.is_empty() {
        properties.insert("serviceAssociationLinks".to_owned(), Value::Array(links));
    }
}
