//! Typed views of the resources that shape a network.
//!
//! A view reads the properties that decide where packets go, without regard to case, from templates
//! and from exported resources alike (singular and plural fields, ids in any spelling). It decides
//! nothing: what a rule or a route *means* is written twice, in `predict` and in `lab`, on purpose.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use crate::net::{PortRange, Prefix, Protocol};
use crate::verdict::Direction;

use super::resource::get;
use super::{Resource, ResourceId};

/// `Microsoft.Network/virtualNetworks`.
pub const VIRTUAL_NETWORK: &str = "Microsoft.Network/virtualNetworks";
/// `Microsoft.Network/virtualNetworks/subnets`.
pub const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
/// `Microsoft.Network/networkSecurityGroups`.
pub const NETWORK_SECURITY_GROUP: &str = "Microsoft.Network/networkSecurityGroups";
/// `Microsoft.Network/networkSecurityGroups/securityRules`.
pub const SECURITY_RULE: &str = "Microsoft.Network/networkSecurityGroups/securityRules";
/// `Microsoft.Network/routeTables`.
pub const ROUTE_TABLE: &str = "Microsoft.Network/routeTables";
/// `Microsoft.ContainerInstance/containerGroups`.
pub const CONTAINER_GROUP: &str = "Microsoft.ContainerInstance/containerGroups";
/// `Microsoft.ContainerService/managedClusters`.
pub const MANAGED_CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
/// `Microsoft.ManagedIdentity/userAssignedIdentities`.
pub const USER_ASSIGNED_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
/// `Microsoft.Authorization/roleAssignments`.
pub const ROLE_ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";

/// A value that a view cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: {path}: {message}")]
pub struct ViewError {
    /// The resource.
    pub resource: ResourceId,
    /// The path of the value in the resource.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// A virtual network with its subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// The id.
    pub id: ResourceId,
    /// The address space.
    pub address_prefixes: Vec<Prefix>,
    /// The subnets: inline ones and child resources.
    pub subnets: Vec<Subnet>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// The id.
    pub id: ResourceId,
    /// The address prefixes; one in all but rare cases.
    pub prefixes: Vec<Prefix>,
    /// The network security group.
    pub nsg: Option<ResourceId>,
    /// The route table.
    pub route_table: Option<ResourceId>,
    /// The NAT gateway.
    pub nat_gateway: Option<ResourceId>,
    /// The services that the subnet is delegated to.
    pub delegations: Vec<String>,
    /// `defaultOutboundAccess`, where it is set.
    pub default_outbound_access: Option<bool>,
}

/// A network security group with its custom rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSecurityGroup {
    /// The id.
    pub id: ResourceId,
    /// The custom rules, as listed: inline ones and child resources.
    pub rules: Vec<SecurityRule>,
    /// The default rules, where the resource carries them (a template does not, Azure's answer does).
    pub default_rules: Vec<SecurityRule>,
    /// Whether flows that exist are judged again when rules change (R12).
    pub flush_connection: bool,
}

/// A security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRule {
    /// The name.
    pub name: String,
    /// The direction.
    pub direction: Direction,
    /// The priority; the lowest is tried first.
    pub priority: u16,
    /// What it does.
    pub access: Access,
    /// The protocol; `None` is `*`.
    pub protocol: Option<Protocol>,
    /// The source.
    pub source: AddressMatch,
    /// The source ports.
    pub source_ports: Vec<PortRange>,
    /// The destination.
    pub destination: AddressMatch,
    /// The destination ports.
    pub destination_ports: Vec<PortRange>,
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Lets it pass.
    Allow,
    /// Drops it.
    Deny,
}

/// One side of a security rule: any of the listed terms matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressMatch {
    /// Addresses and tags.
    pub terms: Vec<AddressTerm>,
    /// Application security groups.
    pub asgs: Vec<ResourceId>,
}

/// An address term of a security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressTerm {
    /// `*`, or a prefix of length 0.
    Any,
    /// A prefix; a bare address is a /32.
    Prefix(Prefix),
    /// A service tag, as spelt.
    Tag(String),
}

/// A route table with its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// The id.
    pub id: ResourceId,
    /// The routes.
    pub routes: Vec<Route>,
}

/// A user-defined route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The name.
    pub name: String,
    /// The destination prefix.
    pub prefix: Prefix,
    /// `VirtualAppliance`, `VirtualNetworkGateway`, `VnetLocal`, `Internet` or `None`, as spelt.
    pub next_hop_type: String,
    /// The appliance's address.
    pub next_hop_ip: Option<Ipv4Addr>,
}

/// A container group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerGroup {
    /// The id.
    pub id: ResourceId,
    /// The subnet that it is placed in; `None` for a public group.
    pub subnet: Option<ResourceId>,
    /// The group's exposed ports.
    pub ports: Vec<(Protocol, u16)>,
    /// The private address, where the resource carries it (Azure's answer does, a template does not).
    pub address: Option<Ipv4Addr>,
}

/// A managed Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedCluster {
    /// The id.
    pub id: ResourceId,
    /// How pods get their addresses.
    pub network: ClusterNetwork,
    /// The pod range, for kubenet and overlay.
    pub pod_cidr: Option<Prefix>,
    /// The service range.
    pub service_cidr: Option<Prefix>,
    /// The address of the cluster's DNS service.
    pub dns_service_ip: Option<Ipv4Addr>,
    /// `outboundType`, as spelt, where it is set (R65).
    pub outbound_type: Option<String>,
    /// The node pools.
    pub pools: Vec<AgentPool>,
}

/// How the pods of a cluster get their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// Addresses of the pod range behind each node (R51).
    Kubenet,
    /// Azure CNI overlay (R59).
    Overlay,
    /// Azure CNI, addresses of the node subnet (R56).
    NodeSubnet,
    /// Azure CNI, addresses of a pod subnet (R58).
    PodSubnet,
}

/// A node pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPool {
    /// The name.
    pub name: String,
    /// The number of nodes.
    pub count: u32,
    /// The nodes' subnet.
    pub subnet: Option<ResourceId>,
    /// The pods' subnet.
    pub pod_subnet: Option<ResourceId>,
    /// The most pods on a node, where it is set.
    pub max_pods: Option<u32>,
}

impl VirtualNetwork {
    /// Every virtual network among `resources`, child subnets joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<VirtualNetwork>, ViewError> {
        let mut networks = resources
            .iter()
            .filter(|resource| resource.is(VIRTUAL_NETWORK))
            .map(|resource| {
                let view = View::of(resource);
                let space = view.object("addressSpace");
                let subnets = view
                    .items("subnets")
                    .into_iter()
                    .map(|item| {
                        let name = item.required_text("name")?;
                        Subnet::read(
                            resource.id.child("subnets", &name),
                            &item.object("properties"),
                        )
                    })
                    .collect::<Result<_, _>>()?;
                Ok(VirtualNetwork {
                    id: resource.id.clone(),
                    address_prefixes: space.prefixes(&["addressPrefixes"])?,
                    subnets,
                })
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        for resource in resources.iter().filter(|resource| resource.is(SUBNET)) {
            let subnet = Subnet::read(resource.id.clone(), &View::of(resource))?;
            let parent = resource.id.parent();
            if let Some(network) = networks
                .iter_mut()
                .find(|network| Some(&network.id) == parent.as_ref())
            {
                network.subnets.retain(|other| other.id != subnet.id);
                network.subnets.push(subnet);
            }
        }
        networks.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(networks)
    }
}

impl Subnet {
    fn read(id: ResourceId, view: &View<'_>) -> Result<Subnet, ViewError> {
        let delegations = view
            .items("delegations")
            .iter()
            .filter_map(|item| item.object("properties").text("serviceName"))
            .collect();
        Ok(Subnet {
            id,
            prefixes: view.prefixes(&["addressPrefix", "addressPrefixes"])?,
            nsg: view.reference("networkSecurityGroup")?,
            route_table: view.reference("routeTable")?,
            nat_gateway: view.reference("natGateway")?,
            delegations,
            default_outbound_access: view.flag("defaultOutboundAccess"),
        })
    }
}

impl NetworkSecurityGroup {
    /// Every network security group among `resources`, child rules joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<NetworkSecurityGroup>, ViewError> {
        let mut groups = resources
            .iter()
            .filter(|resource| resource.is(NETWORK_SECURITY_GROUP))
            .map(|resource| {
                let view = View::of(resource);
                let rules = |list: &str| {
                    view.items(list)
                        .iter()
                        .map(|item| {
                            SecurityRule::read(
                                item.required_text("name")?,
                                &item.object("properties"),
                            )
                        })
                        .collect::<Result<Vec<_>, _>>()
                };
                Ok(NetworkSecurityGroup {
                    id: resource.id.clone(),
                    rules: rules("securityRules")?,
                    default_rules: rules("defaultSecurityRules")?,
                    flush_connection: view.flag("flushConnection").unwrap_or(false),
                })
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        for resource in resources
            .iter()
            .filter(|resource| resource.is(SECURITY_RULE))
        {
            let rule = SecurityRule::read(resource.id.name().to_owned(), &View::of(resource))?;
            let parent = resource.id.parent();
            if let Some(group) = groups
                .iter_mut()
                .find(|group| Some(&group.id) == parent.as_ref())
            {
                group
                    .rules
                    .retain(|other| !other.name.eq_ignore_ascii_case(&rule.name));
                group.rules.push(rule);
            }
        }
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(groups)
    }
}

impl SecurityRule {
    fn read(name: String, view: &View<'_>) -> Result<SecurityRule, ViewError> {
        let direction = match view
            .required_text("direction")?
            .to_ascii_lowercase()
            .as_str()
        {
            "inbound" => Direction::Inbound,
            "outbound" => Direction::Outbound,
            other => return Err(view.error("direction", format!("`{other}` is not a direction"))),
        };
        let access = match view.required_text("access")?.to_ascii_lowercase().as_str() {
            "allow" => Access::Allow,
            "deny" => Access::Deny,
            other => return Err(view.error("access", format!("`{other}` is not Allow or Deny"))),
        };
        let protocol = match view
            .required_text("protocol")?
            .to_ascii_lowercase()
            .as_str()
        {
            "*" => None,
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "icmp" => Some(Protocol::Icmp),
            "esp" => Some(Protocol::Esp),
            "ah" => Some(Protocol::Ah),
            other => return Err(view.error("protocol", format!("`{other}` is not a protocol"))),
        };
        let priority = view
            .number("priority")
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| view.error("priority", "a priority is a number".to_owned()))?;
        Ok(SecurityRule {
            name,
            direction,
            priority,
            access,
            protocol,
            source: view.addresses("source")?,
            source_ports: view.ports("source")?,
            destination: view.addresses("destination")?,
            destination_ports: view.ports("destination")?,
        })
    }
}

impl RouteTable {
    /// Every route table among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<RouteTable>, ViewError> {
        let mut tables = resources
            .iter()
            .filter(|resource| resource.is(ROUTE_TABLE))
            .map(|resource| {
                let view = View::of(resource);
                let routes = view
                    .items("routes")
                    .iter()
                    .map(|item| {
                        let properties = item.object("properties");
                        Ok(Route {
                            name: item.required_text("name")?,
                            prefix: properties
                                .prefixes(&["addressPrefix"])?
                                .first()
                                .copied()
                                .ok_or_else(|| {
                                    properties
                                        .error("addressPrefix", "a route needs a prefix".to_owned())
                                })?,
                            next_hop_type: properties.required_text("nextHopType")?,
                            next_hop_ip: properties.address("nextHopIpAddress")?,
                        })
                    })
                    .collect::<Result<_, ViewError>>()?;
                Ok(RouteTable {
                    id: resource.id.clone(),
                    routes,
                })
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        tables.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tables)
    }
}

impl ContainerGroup {
    /// Every container group among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<ContainerGroup>, ViewError> {
        let mut groups = resources
            .iter()
            .filter(|resource| resource.is(CONTAINER_GROUP))
            .map(|resource| {
                let view = View::of(resource);
                let subnet = view
                    .items("subnetIds")
                    .first()
                    .map(|item| item.own_reference("id"))
                    .transpose()?
                    .flatten();
                let address = view.object("ipAddress");
                let ports = address
                    .items("ports")
                    .iter()
                    .map(|item| {
                        let port = item
                            .number("port")
                            .and_then(|number| u16::try_from(number).ok())
                            .ok_or_else(|| {
                                item.error("port", "a port is a number up to 65535".to_owned())
                            })?;
                        let udp = item
                            .text("protocol")
                            .is_some_and(|text| text.eq_ignore_ascii_case("udp"));
                        Ok((if udp { Protocol::Udp } else { Protocol::Tcp }, port))
                    })
                    .collect::<Result<_, ViewError>>()?;
                Ok(ContainerGroup {
                    id: resource.id.clone(),
                    subnet,
                    ports,
                    address: address.address("ip")?,
                })
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(groups)
    }
}

impl ManagedCluster {
    /// Every managed cluster among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<ManagedCluster>, ViewError> {
        let mut clusters = resources
            .iter()
            .filter(|resource| resource.is(MANAGED_CLUSTER))
            .map(|resource| {
                let view = View::of(resource);
                let profile = view.object("networkProfile");
                let pools = view
                    .items("agentPoolProfiles")
                    .iter()
                    .map(|item| {
                        Ok(AgentPool {
                            name: item.required_text("name")?,
                            count: item
                                .number("count")
                                .and_then(|number| u32::try_from(number).ok())
                                .unwrap_or(1),
                            subnet: item.own_reference("vnetSubnetID")?,
                            pod_subnet: item.own_reference("podSubnetID")?,
                            max_pods: item
                                .number("maxPods")
                                .and_then(|number| u32::try_from(number).ok()),
                        })
                    })
                    .collect::<Result<Vec<_>, ViewError>>()?;
                let plugin = profile
                    .text("networkPlugin")
                    .unwrap_or_else(|| "azure".to_owned())
                    .to_ascii_lowercase();
                let overlay = profile
                    .text("networkPluginMode")
                    .is_some_and(|mode| mode.eq_ignore_ascii_case("overlay"));
                let network = match (plugin.as_str(), overlay) {
                    ("kubenet", _) => ClusterNetwork::Kubenet,
                    ("azure", true) => ClusterNetwork::Overlay,
                    ("azure", false) if pools.iter().any(|pool| pool.pod_subnet.is_some()) => {
                        ClusterNetwork::PodSubnet
                    }
                    ("azure", false) => ClusterNetwork::NodeSubnet,
                    (other, _) => {
                        return Err(
                            profile.error("networkPlugin", format!("`{other}` is not supported"))
                        );
                    }
                };
                Ok(ManagedCluster {
                    id: resource.id.clone(),
                    network,
                    pod_cidr: profile.prefixes(&["podCidr"])?.first().copied(),
                    service_cidr: profile.prefixes(&["serviceCidr"])?.first().copied(),
                    dns_service_ip: profile.address("dnsServiceIP")?,
                    outbound_type: profile.text("outboundType"),
                    pools,
                })
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        clusters.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(clusters)
    }
}

/// An object of a resource's body with the path that leads to it.
pub(super) struct View<'a> {
    pub(super) resource: &'a ResourceId,
    pub(super) path: String,
    object: Option<&'a Map<String, Value>>,
}

impl<'a> View<'a> {
    pub(super) fn of(resource: &'a Resource) -> View<'a> {
        View {
            resource: &resource.id,
            path: "properties".to_owned(),
            object: resource.properties().as_object(),
        }
    }

    fn error(&self, member: &str, message: String) -> ViewError {
        ViewError {
            resource: self.resource.clone(),
            path: format!("{}.{member}", self.path),
            message,
        }
    }

    pub(super) fn get(&self, member: &str) -> Option<&'a Value> {
        self.object
            .and_then(|object| get(object, member))
            .filter(|value| !value.is_null())
    }

    pub(super) fn object(&self, member: &str) -> View<'a> {
        View {
            resource: self.resource,
            path: format!("{}.{member}", self.path),
            object: self.get(member).and_then(Value::as_object),
        }
    }

    pub(super) fn items(&self, member: &str) -> Vec<View<'a>> {
        let list = self
            .get(member)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .enumerate()
            .map(|(index, value)| View {
                resource: self.resource,
                path: format!("{}.{member}[{index}]", self.path),
                object: value.as_object(),
            })
            .collect()
    }

    pub(super) fn text(&self, member: &str) -> Option<String> {
        self.get(member).and_then(Value::as_str).map(str::to_owned)
    }

    fn required_text(&self, member: &str) -> Result<String, ViewError> {
        self.text(member)
            .ok_or_else(|| self.error(member, "missing".to_owned()))
    }

    /// A number, also one that is written as text (providers accept both).
    pub(super) fn number(&self, member: &str) -> Option<u64> {
        let value = self.get(member)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A boolean, also one that is written as text.
    fn flag(&self, member: &str) -> Option<bool> {
        let value = self.get(member)?;
        value
            .as_bool()
            .or_else(|| value.as_str()?.to_ascii_lowercase().parse().ok())
    }

    fn address(&self, member: &str) -> Result<Option<Ipv4Addr>, ViewError> {
        self.text(member)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse()
                    .map_err(|_| self.error(member, format!("`{text}` is not an IPv4 address")))
            })
            .transpose()
    }

    /// The id in the member itself.
    fn own_reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        self.text(member)
            .map(|text| {
                ResourceId::parse(&text).map_err(|error| self.error(member, error.to_string()))
            })
            .transpose()
    }

    /// The id in `{"id": ...}`.
    fn reference(&self, member: &str) -> Result<Option<ResourceId>, ViewError> {
        self.object(member).own_reference("id")
    }

    /// The texts of a singular and a plural member together; empty texts are left out.
    pub(super) fn texts(&self, members: &[&str]) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for member in members {
            match self.get(member) {
                Some(Value::String(text)) if !text.is_empty() => {
                    texts.push(((*member).to_owned(), text.clone()))
                }
                Some(Value::Array(items)) => {
                    let items = items.iter().filter_map(Value::as_str);
                    texts.extend(items.map(|text| ((*member).to_owned(), text.to_owned())));
                }
                Some(Value::Number(number)) => {
                    texts.push(((*member).to_owned(), number.to_string()))
                }
                _ => {}
            }
        }
        texts
    }

    fn prefixes(&self, members: &[&str]) -> Result<Vec<Prefix>, ViewError> {
        self.texts(members)
            .into_iter()
            .map(|(member, text)| {
                text.parse::<Prefix>()
                    .map(|prefix| prefix.trunc())
                    .map_err(|_| self.error(&member, format!("`{text}` is not an address prefix")))
            })
            .collect()
    }

    fn addresses(&self, side: &str) -> Result<AddressMatch, ViewError> {
        let members = [
            format!("{side}AddressPrefix"),
            format!("{side}AddressPrefixes"),
        ];
        let terms = self
            .texts(&[&members[0], &members[1]])
            .into_iter()
            .map(|(member, text)| self.address_term(&member, &text))
            .collect::<Result<_, _>>()?;
        let asgs = self
            .items(&format!("{side}ApplicationSecurityGroups"))
            .iter()
            .filter_map(|item| item.own_reference("id").transpose())
            .collect::<Result<_, _>>()?;
        Ok(AddressMatch { terms, asgs })
    }

    fn address_term(&self, member: &str, text: &str) -> Result<AddressTerm, ViewError> {
        if text == "*" {
            return Ok(AddressTerm::Any);
        }
        if let Ok(prefix) = text.parse::<Prefix>() {
            return Ok(if prefix.prefix_len() == 0 {
                AddressTerm::Any
            } else {
                AddressTerm::Prefix(prefix.trunc())
            });
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(AddressTerm::Prefix(Prefix::from(address)));
        }
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains([':', '/'])
        {
            return Ok(AddressTerm::Tag(text.to_owned()));
        }
        Err(self.error(
            member,
            format!("`{text}` is not an IPv4 address, a prefix or a service tag"),
        ))
    }

    fn ports(&self, side: &str) -> Result<Vec<PortRange>, ViewError> {
        let members = [format!("{side}PortRange"), format!("{side}PortRanges")];
        self.texts(&[&members[0], &members[1]])
            .into_iter()
            .map(|(member, text)| match text.as_str() {
                "*" => Ok(PortRange::ANY),
                text => text
                    .parse()
                    .map_err(|_| self.error(&member, format!("`{text}` is not a port range"))),
            })
            .collect()
    }
}
