use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};

use super::view::View;
use super::{APPLICATION_SECURITY_GROUP, NETWORK_INTERFACE, VIRTUAL_MACHINE, ViewError, all};

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInterface {
    /// The id.
    pub id: ResourceId,
    /// Its addresses, the primary one first.
    pub ip_configurations: Vec<IpConfiguration>,
    /// The network security group of the interface itself (R13).
    pub nsg: Option<ResourceId>,
    /// Whether it may send and get packets that are not its own (R38).
    pub enable_ip_forwarding: bool,
    /// The virtual machine that it belongs to, where it carries it (Azure's answer does).
    pub virtual_machine: Option<ResourceId>,
}

/// One address of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpConfiguration {
    /// The name.
    pub name: String,
    /// The subnet; one for all addresses of an interface.
    pub subnet: Option<ResourceId>,
    /// The private address: fixed by a template, or given out and told by Azure's answer.
    pub address: Option<Ipv4Addr>,
    /// The public address in front of it.
    pub public_ip: Option<ResourceId>,
    /// The application security groups that it is a member of (R24).
    pub asgs: Vec<ResourceId>,
    /// The load balancer pools that it is a member of.
    pub load_balancer_pools: Vec<ResourceId>,
}

/// An application security group: a name that interfaces join (R24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSecurityGroup {
    /// The id.
    pub id: ResourceId,
}

/// A virtual machine, as far as it names its interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualMachine {
    /// The id.
    pub id: ResourceId,
    /// Its network interfaces, the primary one first.
    pub interfaces: Vec<ResourceId>,
}

impl NetworkInterface {
    /// Every network interface among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<NetworkInterface>, ViewError> {
        all(resources, NETWORK_INTERFACE, NetworkInterface::read)
    }

    fn read(id: &ResourceId, view: &View<'_>) -> Result<NetworkInterface, ViewError> {
        let mut configurations = view
            .items("ipConfigurations")
            .iter()
            .map(|item| {
                let properties = item.object("properties");
                let primary = properties.flag("primary")?.unwrap_or(false);
                Ok((primary, IpConfiguration::read(item, &properties)?))
            })
            .collect::<Result<Vec<_>, ViewError>>()?;
        configurations.sort_by_key(|(primary, _)| !primary);
        Ok(NetworkInterface {
            id: id.clone(),
            ip_configurations: configurations.into_iter().map(|(_, one)| one).collect(),
            nsg: view.reference("networkSecurityGroup")?,
            enable_ip_forwarding: view.flag("enableIPForwarding")?.unwrap_or(false),
            virtual_machine: view.reference("virtualMachine")?,
        })
    }
}

impl IpConfiguration {
    fn read(item: &View<'_>, properties: &View<'_>) -> Result<IpConfiguration, ViewError> {
        Ok(IpConfiguration {
            name: item.required_text("name")?,
            subnet: properties.reference("subnet")?,
            address: properties.address("privateIPAddress")?,
            public_ip: properties.reference("publicIPAddress")?,
            asgs: properties.references("applicationSecurityGroups")?,
            load_balancer_pools: properties.references("loadBalancerBackendAddressPools")?,
        })
    }
}

impl ApplicationSecurityGroup {
    /// Every application security group among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// None today; a result as the other views have it.
    pub fn all(resources: &[Resource]) -> Result<Vec<ApplicationSecurityGroup>, ViewError> {
        all(resources, APPLICATION_SECURITY_GROUP, |id, _| {
            Ok(ApplicationSecurityGroup { id: id.clone() })
        })
    }
}

impl VirtualMachine {
    /// Every virtual machine among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<VirtualMachine>, ViewError> {
        all(resources, VIRTUAL_MACHINE, |id, view| {
            let mut interfaces = view
                .object("networkProfile")
                .items("networkInterfaces")
                .iter()
                .map(|item| {
                    let primary = item.object("properties").flag("primary")?;
                    let id = item.own_reference("id")?;
                    let id = id.ok_or_else(|| item.error("id", "missing".to_owned()))?;
                    Ok((primary.unwrap_or(false), id))
                })
                .collect::<Result<Vec<_>, ViewError>>()?;
            interfaces.sort_by_key(|(primary, _)| !primary);
            Ok(VirtualMachine {
                id: id.clone(),
                interfaces: interfaces.into_iter().map(|(_, id)| id).collect(),
            })
        })
    }
}
