use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};
use crate::net::Protocol;

use super::view::View;
use super::{CONTAINER_GROUP, ViewError, all};

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

impl ContainerGroup {
    /// Every container group among `resources`, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<ContainerGroup>, ViewError> {
        all(resources, CONTAINER_GROUP, |id, view| {
            let address = view.object("ipAddress");
            Ok(ContainerGroup {
                id: id.clone(),
                subnet: view.references("subnetIds")?.into_iter().next(),
                ports: address
                    .items("ports")
                    .iter()
                    .map(exposed_port)
                    .collect::<Result<_, _>>()?,
                address: address.address("ip")?,
            })
        })
    }
}

fn exposed_port(item: &View<'_>) -> Result<(Protocol, u16), ViewError> {
    let port = item
        .number("port")
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| item.error("port", "a port is a number up to 65535".to_owned()))?;
    let udp = item
        .text("protocol")
        .is_some_and(|text| text.eq_ignore_ascii_case("udp"));
    Ok((if udp { Protocol::Udp } else { Protocol::Tcp }, port))
}
