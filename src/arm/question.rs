use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::net::Protocol;

use super::ResourceKey;

/// A probe in Azure's words: may this flow pass, and whom does the far end see?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who sends.
    pub from: Party,
    /// Whom it is sent to.
    pub to: Destination,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination port; `None` where the protocol has none.
    pub port: Option<u16>,
    /// Whether something listens at the destination.
    pub listens: Listening,
    /// Whether the flow is new.
    #[serde(default)]
    pub flow: FlowState,
    /// The guests that are known to forward; of all others a template does not tell (R38).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwarders: Vec<Forwarder>,
}

/// Whether something listens at the destination of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Listening {
    /// Something does.
    Yes,
    /// Nothing does.
    No,
    /// Nobody has told.
    Unknown,
}

/// Where a flow stands when its packets are judged (R12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FlowState {
    /// Its first packet is on the way: every rule judges it.
    #[default]
    New,
    /// It was let pass before: only security groups that flush connections judge it again.
    Established,
}

/// A network interface whose guest forwards what is not its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarder {
    /// The network interface.
    pub interface: ResourceKey,
    /// Whether it puts its own address in place of the source.
    pub translates: bool,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Party {
    /// A container group.
    ContainerGroup(ResourceKey),
    /// A pod of a managed cluster.
    Pod {
        /// The cluster.
        cluster: ResourceKey,
        /// The pod's name.
        name: String,
        /// Whether it uses its node's network.
        host_network: bool,
    },
    /// A network interface, by its primary address; it stands for the virtual machine behind it.
    NetworkInterface(ResourceKey),
}

/// The far end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Destination {
    /// Something in the template.
    Party(Party),
    /// An address.
    Address(Ipv4Addr),
}
