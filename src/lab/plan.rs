//! What the lab must hold for a state of the network: read from the resources, no kernel in sight.
//!
//! Host routes stand in a table per virtual network, prefixes in one per subnet, because a host route
//! must not beat a user-defined one. What the lab cannot carry is refused by name. Who stands where is
//! `place`'s to say, what guards and routes each port `lay`'s.

mod lay;
mod place;
mod resources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::emulator::fabric::{EndpointId, FabricError, NetworkState};
use crate::net::Prefix;

use super::effective::Effective;
use super::egress::{Egress, EgressKey};
use super::peering::Peers;
use super::security::{Group, Members};

pub(super) use resources::Resources;

/// The network as it must be.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The routes of each subnet that has ports.
    pub(super) tables: BTreeMap<TableKey, Table>,
    /// The addresses of each virtual network that has ports.
    pub(super) networks: BTreeMap<ResourceId, BTreeMap<Ipv4Addr, Host>>,
    /// The addresses that each virtual network uses, pod ranges included.
    pub(super) spaces: BTreeMap<ResourceId, Vec<Prefix>>,
    /// The peerings that stand.
    pub(super) peers: Peers,
    /// The network security groups in use, compiled.
    pub(super) groups: BTreeMap<GroupKey, Group>,
    /// Where endpoints meet the fabric.
    pub(super) ports: BTreeMap<PortId, Port>,
    /// The ways out to the Internet.
    pub(super) egresses: BTreeMap<EgressKey, Egress>,
    /// The public addresses that resources have.
    pub(super) public_addresses: BTreeSet<Ipv4Addr>,
    /// The addresses of the members of each application security group (R24).
    asgs: Members,
    /// The endpoints behind a node.
    pub(super) pods: BTreeMap<EndpointId, Pod>,
    /// Pods that use their node's network, with their node.
    pub(super) host_pods: BTreeMap<EndpointId, EndpointId>,
}

/// The ports of a subnet that route alike: those of an overlay cluster know its pods, others do not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableKey {
    pub(super) subnet: ResourceId,
    /// The overlay cluster.
    pub(super) overlay: Option<ResourceId>,
}

impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subnet.fmt(f)
    }
}

/// A subnet as one of its ports sees it.
#[derive(Debug)]
pub(super) struct Table {
    /// Its virtual network.
    pub(super) network: ResourceId,
    /// Its effective routes.
    pub(super) effective: Effective,
    /// What `VirtualNetwork` stands for.
    virtual_network: Vec<Prefix>,
    /// The address space of the virtual network and its peers, which is not the Internet.
    known: Vec<Prefix>,
}

/// A group means the same wherever `VirtualNetwork` and `Internet` do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    group: ResourceId,
    virtual_network: Vec<Prefix>,
    known: Vec<Prefix>,
}

/// A place where an endpoint meets the fabric: its own, or for a node with a pod subnet also the one
/// that its pods go through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortId {
    pub(super) endpoint: EndpointId,
    /// The pod subnet.
    pub(super) pods_of: Option<ResourceId>,
}

impl PortId {
    /// The endpoint's own port.
    pub(super) fn own(endpoint: &EndpointId) -> PortId {
        PortId {
            endpoint: endpoint.clone(),
            pods_of: None,
        }
    }
}

/// A port of the fabric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) table: TableKey,
    pub(super) address: Ipv4Addr,
    /// The endpoint in words.
    pub(super) title: String,
    pub(super) role: Role,
    /// For an endpoint that forwards: the destinations to which it shows the sources as they are.
    pub(super) unmasked: Option<Vec<Prefix>>,
    /// For a node: the range of the pods behind it.
    pub(super) pod_prefix: Option<Prefix>,
    /// For a port of pods: the prefixes that they are in.
    pub(super) pods: Vec<Prefix>,
    /// The group of the network interface itself.
    pub(super) nic: Option<ResourceId>,
    /// The compiled groups.
    pub(super) guards: Guards,
    /// The way out to the Internet.
    pub(super) egress: Option<EgressKey>,
}

/// What stands at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    ContainerGroup,
    /// A virtual machine, which forwards what its network interface lets through to it.
    Interface {
        /// `enableIPForwarding` (R38).
        forwards: bool,
    },
    Node,
}

impl Role {
    /// Whether what stands there forwards, once packets for others reach it.
    pub(super) fn routes(self) -> bool {
        self != Role::ContainerGroup
    }

    /// Whether packets for others reach it (R38, R51).
    pub(super) fn forwards(self) -> bool {
        matches!(self, Role::Node | Role::Interface { forwards: true })
    }
}

/// The two gates of a port (R13, R14).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Guards {
    pub(super) nic: Option<GroupKey>,
    pub(super) subnet: Option<GroupKey>,
}

/// An endpoint behind a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) node: EndpointId,
    pub(super) address: Ipv4Addr,
}

/// Who answers to an address of a virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The port that leads to it.
    pub(super) port: PortId,
    /// The node in between, for a pod.
    pub(super) via: Option<Ipv4Addr>,
    /// Whether it takes packets for other addresses (R38).
    pub(super) forwards: bool,
}

impl Plan {
    /// Reads a state.
    ///
    /// # Errors
    /// What is missing, cannot be read, or cannot be carried.
    pub(super) fn of(state: &NetworkState) -> Result<Plan, FabricError> {
        let resources = Resources::read(&state.resources)?;
        let mut plan = Plan {
            peers: resources.peers()?,
            spaces: resources.spaces(),
            public_addresses: resources.named_publics().collect(),
            ..Plan::default()
        };
        plan.place(state, &resources)?;
        plan.lay(&resources)?;
        Ok(plan)
    }
}
