//! Who has an address in a subnet.

use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::emulator::fabric::Endpoint;
use crate::emulator::store::Store;

/// Something that uses a resource of the network.
#[derive(Debug, Clone)]
pub(in crate::emulator) enum User {
    /// An IP configuration, of a network interface or of a node.
    Configuration {
        /// What it belongs to.
        of: ResourceId,
        /// Its id.
        id: String,
        /// Its address, where that is of the subnet in question.
        address: Option<Ipv4Addr>,
    },
    /// A resource of another service.
    Service(Service),
}

/// A resource of another service than the network's.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Service {
    /// The resource.
    pub(in crate::emulator) id: ResourceId,
    address: Option<Ipv4Addr>,
}

impl User {
    pub(in crate::emulator) fn service(id: ResourceId) -> User {
        User::Service(Service { id, address: None })
    }

    pub(in crate::emulator) fn configuration(
        of: &ResourceId,
        name: &str,
        address: Option<Ipv4Addr>,
    ) -> User {
        User::Configuration {
            of: of.clone(),
            id: of.child("ipConfigurations", name).as_str().to_owned(),
            address,
        }
    }

    /// The id, as messages and answers have it.
    pub(in crate::emulator) fn id(&self) -> &str {
        match self {
            User::Configuration { id, .. } => id,
            User::Service(service) => service.id.as_str(),
        }
    }

    /// The address, where it has one of its own.
    pub(in crate::emulator) fn address(&self) -> Option<Ipv4Addr> {
        match self {
            User::Configuration { address, .. } => *address,
            User::Service(service) => service.address,
        }
    }

    /// Whether it is a resource, or belongs to it.
    pub(in crate::emulator) fn is_of(&self, id: &ResourceId) -> bool {
        match self {
            User::Configuration { of, .. } => of == id,
            User::Service(service) => service.id == *id,
        }
    }
}

/// What has an address in a subnet.
pub(in crate::emulator) fn addresses_in(store: &Store, subnet: &ResourceId) -> Vec<User> {
    let endpoints = store.leases.endpoints.values();
    let endpoints = endpoints.filter_map(|endpoint| match endpoint {
        Endpoint::ContainerGroup {
            group,
            subnet: of,
            address,
        } if of == subnet => Some(User::Service(Service {
            id: group.clone(),
            address: Some(*address),
        })),
        Endpoint::Node {
            cluster,
            name,
            subnet: of,
            address,
            ..
        } if of == subnet => Some(User::Configuration {
            of: cluster.clone(),
            id: format!("{cluster}/nodes/{name}"),
            address: Some(*address),
        }),
        _ => None,
    });
    let interfaces = store.leases.held.iter().flat_map(|(interface, held)| {
        let here = held
            .iter()
            .filter(|held| held.subnet.as_ref() == Some(subnet));
        here.map(|held| User::configuration(interface, &held.configuration, Some(held.address)))
    });
    endpoints.chain(interfaces).collect()
}
