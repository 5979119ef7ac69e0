use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};

use super::{NAT_GATEWAY, PUBLIC_IP_ADDRESS, ViewError, all};

/// A NAT gateway (R43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatGateway {
    /// The id.
    pub id: ResourceId,
    /// Its public addresses.
    pub public_ips: Vec<ResourceId>,
    /// Its public prefixes.
    pub public_ip_prefixes: Vec<ResourceId>,
}

/// A public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicIpAddress {
    /// The id.
    pub id: ResourceId,
    /// The address, where the resource carries it (Azure's answer does, a template does not).
    pub address: Option<Ipv4Addr>,
}

impl NatGateway {
    /// Every NAT gateway among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<NatGateway>, ViewError> {
        all(resources, NAT_GATEWAY, |id, view| {
            Ok(NatGateway {
                id: id.clone(),
                public_ips: view.references("publicIpAddresses")?,
                public_ip_prefixes: view.references("publicIpPrefixes")?,
            })
        })
    }
}

impl PublicIpAddress {
    /// Every public address among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<PublicIpAddress>, ViewError> {
        all(resources, PUBLIC_IP_ADDRESS, |id, view| {
            Ok(PublicIpAddress {
                id: id.clone(),
                address: view.address("ipAddress")?,
            })
        })
    }
}
