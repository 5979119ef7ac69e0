//! The way of a flow's first packet, and of the reply's, through the network.
//!
//! In travel order (R16): the outbound rules of the caller, the route, appliances on it with their own
//! rules and routes, the inbound rules of the called, the route of the reply (R39). The first thing
//! that denies ends the walk; a deny drops silently, so it is predicted as `timeout` (R80). Replies
//! need no rule (R11). The steps are in `gates`, `forward`, `reply` and `answer`.

use std::net::Ipv4Addr;

use crate::arm::Question;
use crate::arm::views::ClusterNetwork;
use crate::verdict::{Decider, Direction, Hop, Outcome, RuleRef};

use super::PredictError;
use super::allocation::Allocation;
use super::combine::Walked;
use super::egress::PublicSource;
use super::endpoint::Endpoint;
use super::network::{Attachment, Network};
use super::readings::Readings;
use super::tags;
use super::translation::source_seen;

/// Why a walk does not arrive.
pub(super) enum Stop {
    Denied(Decider),
    Failed(PredictError),
}

impl Stop {
    pub(super) fn cause(words: &str) -> Stop {
        Stop::Denied(cause(words))
    }
}

impl From<PredictError> for Stop {
    fn from(error: PredictError) -> Stop {
        Stop::Failed(error)
    }
}

/// Who gets the packet.
pub(super) enum Receiver<'n> {
    /// The called endpoint.
    Called(Endpoint<'n>),
    /// Another endpoint, which has the called address in the network that the packet reaches.
    Other(Endpoint<'n>),
    /// Something outside of what the template describes.
    Outside,
}

/// Whom the far end sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Private(Ipv4Addr),
    Public(PublicSource),
    /// Something unknown translates it.
    Unknown,
}

/// A packet that arrived.
pub(super) struct Arrival<'n> {
    pub(super) receiver: Receiver<'n>,
    pub(super) source: Source,
    /// What let it pass, if no security rule did.
    pub(super) cause: Decider,
}

pub(super) struct Walk<'a, 'n> {
    pub(super) network: &'n Network<'n>,
    pub(super) allocation: &'a Allocation<'n>,
    pub(super) question: &'a Question,
    pub(super) from: &'a Endpoint<'n>,
    pub(super) address: Ipv4Addr,
    pub(super) to: Option<&'a Endpoint<'n>>,
    pub(super) readings: &'a mut Readings,
    /// Every rule that decided, in travel order.
    pub(super) path: Vec<RuleRef>,
    /// The last route of a user that the packet took.
    pub(super) routed: Option<Decider>,
    /// Whether a group let the flow pass for having let it pass before.
    pub(super) on_record: bool,
    /// The appliances that were passed, in travel order.
    pub(super) via: Vec<Appliance<'n>>,
}

/// An appliance that the packet passed.
pub(super) struct Appliance<'n> {
    pub(super) endpoint: Endpoint<'n>,
    pub(super) address: Ipv4Addr,
    /// The source address of the packet that it got.
    pub(super) received: Ipv4Addr,
    /// Whether it put its own address in place of the source.
    pub(super) translates: bool,
}

impl<'a, 'n> Walk<'a, 'n> {
    pub(super) fn new(
        network: &'n Network<'n>,
        allocation: &'a Allocation<'n>,
        question: &'a Question,
        from: &'a Endpoint<'n>,
        address: Ipv4Addr,
        to: Option<&'a Endpoint<'n>>,
        readings: &'a mut Readings,
    ) -> Walk<'a, 'n> {
        Walk {
            network,
            allocation,
            question,
            from,
            address,
            to,
            readings,
            path: Vec::new(),
            routed: None,
            on_record: false,
            via: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Walked, PredictError> {
        let (outcome, by, source) = match self.travel() {
            Ok(arrival) => {
                let outcome = self.answer(&arrival.receiver);
                let by = match self.path.last() {
                    Some(rule) => Decider::Rule(rule.clone()),
                    None if self.on_record => cause("existing-flow-record"),
                    None => arrival.cause,
                };
                (outcome, by, Some(arrival.source))
            }
            Err(Stop::Denied(by)) => (Outcome::Timeout, by, None),
            Err(Stop::Failed(error)) => return Err(error),
        };
        let assumed = self.via.iter().any(|passed| passed.endpoint.assumed);
        Ok(Walked {
            outcome,
            by,
            path: self.path,
            via: self
                .via
                .into_iter()
                .map(|passed| Hop {
                    name: passed.endpoint.name,
                    address: passed.address,
                })
                .collect(),
            source: match &source {
                Some(Source::Private(address) | Source::Public(PublicSource::Known(address))) => {
                    Some(*address)
                }
                _ => None,
            },
            source_unknown: match source {
                Some(Source::Public(PublicSource::Unknown(words))) => Some(words),
                _ => None,
            },
            assumed,
        })
    }

    fn travel(&mut self) -> Result<Arrival<'n>, Stop> {
        if let Some(to) = self.to
            && (to.name == self.from.name || to.shares_node_with(self.from))
        {
            // R68: pods of one node talk over its bridge and never cross its interface.
            return Ok(Arrival {
                receiver: Receiver::Called(to.clone()),
                source: Source::Private(self.from.address),
                cause: cause("same-node"),
            });
        }
        let source = source_seen(self.from, self.address, self.readings);
        let from = self.from.clone();
        let at = self.interface_of(&from);
        if let Some(tag) = tags::platform_tag(self.address) {
            return self.reach_platform(at, source, tag);
        }
        self.pass(&from, at, Direction::Outbound, source)?;
        self.forward(at, source)
    }

    /// The subnet whose rules and routes apply to what `endpoint` sends and gets.
    pub(super) fn interface_of(&mut self, endpoint: &Endpoint<'n>) -> Attachment<'n> {
        let Some(node) = &endpoint.node else {
            return endpoint.at;
        };
        let (own, nodes) = (endpoint.at.subnet, node.at.subnet);
        let same = own.nsg == nodes.nsg && own.route_table == nodes.route_table;
        let pod_subnet = endpoint.pod == Some(ClusterNetwork::PodSubnet);
        if !pod_subnet
            || same
            || self.readings.ask_whether(
                "R58: rules and routes of the pod subnet apply to its pods",
                "R58: rules and routes of the node subnet apply to pods, as was once reported",
            )
        {
            endpoint.at
        } else {
            node.at
        }
    }
}

pub(super) fn cause(words: &str) -> Decider {
    Decider::Cause {
        cause: words.to_owned(),
    }
}

/// Whether `to` is a kubenet pod on the node that has address `hop`.
pub(super) fn is_behind(to: &Endpoint<'_>, hop: Ipv4Addr) -> bool {
    to.pod == Some(ClusterNetwork::Kubenet)
        && to.node.as_ref().is_some_and(|node| node.address == hop)
}

/// Whether `to` is a pod of the overlay cluster that `from` belongs to.
pub(super) fn is_overlay_neighbour(from: &Endpoint<'_>, to: &Endpoint<'_>) -> bool {
    to.pod == Some(ClusterNetwork::Overlay) && is_same_cluster(from, to)
}

pub(super) fn is_same_cluster(from: &Endpoint<'_>, to: &Endpoint<'_>) -> bool {
    let cluster = |end: &Endpoint<'_>| end.node.as_ref().map(|node| node.cluster.id.clone());
    cluster(from).is_some() && cluster(to) == cluster(from)
}
