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
    pub listens: bool,
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
