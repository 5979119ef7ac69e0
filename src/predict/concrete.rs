//! One flow, first match: the way of its first packet, and of the reply's, through the network.
//!
//! In travel order (R16): the outbound rules of the caller's subnet, the route, the inbound rules of
//! the called subnet, the route of the reply (R39). The first thing that denies ends the walk; a deny
//! drops silently, so it is predicted as `timeout` (R80). Replies need no rule (R11). An allowed flow
//! is `reachable` where something listens and `refused` where nothing does (R81; for a port that a
//! container group does not expose Azure's behaviour is not documented, and the same is predicted).

use std::net::Ipv4Addr;

use crate::arm::views::{Access, ClusterNetwork};
use crate::arm::{Addresses, Destination, Question, Resource};
use crate::net::Protocol;
use crate::verdict::{Decider, Direction, Leg, Outcome, Prediction, RuleRef};

use super::PredictError;
use super::allocation::Allocation;
use super::combine::{Walked, combine};
use super::endpoint::Endpoint;
use super::network::{Attachment, Network};
use super::readings::{Readings, explore};
use super::routes::{self, NextHop};
use super::rules::{self, Flow};
use super::tags::{self, Viewpoint};
use super::translation::source_seen;

/// Predicts the outcome of one flow through the network that `resources` describe.
///
/// `resources` are those of one resource group, expanded. Addresses that `addresses` do not tell are
/// assumed in Azure's order (R31), and the prediction is marked so.
///
/// # Errors
/// When a party is not among the resources, a resource cannot be read or refers to one that is
/// missing, or the answer depends on something that the analysis does not model.
pub fn predict(
    resources: &[Resource],
    addresses: &Addresses,
    question: &Question,
) -> Result<Prediction, PredictError> {
    let network = Network::read(resources)?;
    let mut parties = vec![&question.from];
    if let Destination::Party(party) = &question.to {
        parties.push(party);
    }
    let allocation = Allocation::new(&network, addresses, &parties)?;
    let from = allocation.endpoint(&question.from)?.clone();
    let (address, to) = match &question.to {
        Destination::Party(party) => {
            let to = allocation.endpoint(party)?.clone();
            (to.address, Some(to))
        }
        Destination::Address(address) => {
            let declared = || {
                let at = network.subnet_at(from.at.vnet, *address)?;
                question.listens.then(|| stranger(*address, at))
            };
            let to = allocation.holder(&from, *address).or_else(declared);
            (*address, to)
        }
    };
    let explored = explore(|readings| {
        Walk {
            network: &network,
            allocation: &allocation,
            question,
            from: &from,
            address,
            to: to.as_ref(),
            readings,
            path: Vec::new(),
        }
        .run()
    })?;
    let assumed = from.assumed || to.is_some_and(|to| to.assumed);
    Ok(combine(explored, assumed))
}

/// Something that the question says listens at an address of which the template knows no holder.
fn stranger(address: Ipv4Addr, at: Attachment<'_>) -> Endpoint<'_> {
    Endpoint {
        name: address.to_string(),
        address,
        at,
        node: None,
        pod: None,
        assumed: false,
    }
}

/// Why a walk does not arrive.
enum Stop {
    Denied(Decider),
    Failed(PredictError),
}

impl From<PredictError> for Stop {
    fn from(error: PredictError) -> Stop {
        Stop::Failed(error)
    }
}

/// Who gets the packet.
enum Receiver<'n> {
    /// The called endpoint.
    Called(Endpoint<'n>),
    /// Another endpoint of the caller's virtual network, which has the called address there.
    Other(Endpoint<'n>),
    /// Something outside of what the template describes.
    Outside,
}

/// A packet that arrived.
struct Arrival<'n> {
    receiver: Receiver<'n>,
    /// The source address that it carries; `None` where something unknown translates it.
    source: Option<Ipv4Addr>,
    /// What let it pass, if no security rule did.
    cause: Decider,
}

struct Walk<'a, 'n> {
    network: &'n Network<'n>,
    allocation: &'a Allocation<'n>,
    question: &'a Question,
    from: &'a Endpoint<'n>,
    address: Ipv4Addr,
    to: Option<&'a Endpoint<'n>>,
    readings: &'a mut Readings,
    /// Every rule that decided, in travel order.
    path: Vec<RuleRef>,
}

impl<'n> Walk<'_, 'n> {
    fn run(mut self) -> Result<Walked, PredictError> {
        match self.travel() {
            Ok(arrival) => Ok(Walked {
                outcome: self.answer(&arrival.receiver),
                by: self
                    .path
                    .last()
                    .cloned()
                    .map_or(arrival.cause, Decider::Rule),
                path: self.path,
                source: arrival.source,
            }),
            Err(Stop::Denied(by)) => Ok(Walked {
                outcome: Outcome::Timeout,
                by,
                path: self.path,
                source: None,
            }),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn travel(&mut self) -> Result<Arrival<'n>, Stop> {
        if let Some(to) = self.to
            && (to.name == self.from.name || to.shares_node_with(self.from))
        {
            // R68: pods of one node talk over its bridge and never cross its interface.
            return Ok(Arrival {
                receiver: Receiver::Called(to.clone()),
                source: Some(self.from.address),
                cause: cause("same-node"),
            });
        }
        let source = source_seen(self.from, self.address, self.readings);
        let at = self.interface_of(self.from);
        if let Some(tag) = platform_tag(self.address) {
            return self.reach_platform(at, source, tag);
        }
        self.refuse_peered(at)?;
        self.pass(at, Direction::Outbound, source)?;
        let arrival = self.route(at, source)?;
        if let Receiver::Called(to) | Receiver::Other(to) = &arrival.receiver {
            let there = self.interface_of(to);
            self.pass(there, Direction::Inbound, source)?;
            self.route_back(to, there, source)?;
        }
        Ok(arrival)
    }

    /// The subnet whose rules and routes apply to what `endpoint` sends and gets.
    fn interface_of(&mut self, endpoint: &Endpoint<'n>) -> Attachment<'n> {
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

    fn flow(&self, source: Ipv4Addr) -> Flow {
        Flow {
            protocol: self.question.protocol,
            source,
            destination: self.address,
            destination_port: self.question.port,
        }
    }

    /// Passes the network security group of a subnet, if it has one (R13, R14, R15).
    fn pass(
        &mut self,
        at: Attachment<'n>,
        direction: Direction,
        source: Ipv4Addr,
    ) -> Result<(), Stop> {
        let Some(nsg) = self.network.nsg(at.subnet)? else {
            return Ok(());
        };
        let viewpoint = Viewpoint::of(at, self.network, self.allocation)?;
        let flow = self.flow(source);
        let (access, rule) = rules::decide(nsg, direction, &flow, &viewpoint, self.readings);
        self.path.push(rule.clone());
        match access {
            Access::Allow => Ok(()),
            Access::Deny => Err(Stop::Denied(Decider::Rule(rule))),
        }
    }

    /// R22: DNS and the like are exempt, unless a rule names the platform's tag.
    fn reach_platform(
        &mut self,
        at: Attachment<'n>,
        source: Ipv4Addr,
        tag: &str,
    ) -> Result<Arrival<'n>, Stop> {
        if let Some(nsg) = self.network.nsg(at.subnet)? {
            let viewpoint = Viewpoint::of(at, self.network, self.allocation)?;
            let flow = self.flow(source);
            let denial = rules::platform_denial(nsg, tag, &flow, &viewpoint, self.readings);
            if let Some(rule) = denial {
                self.path.push(rule.clone());
                return Err(Stop::Denied(Decider::Rule(rule)));
            }
        }
        Ok(Arrival {
            receiver: Receiver::Outside,
            source: Some(source),
            cause: cause("platform-exempt"),
        })
    }

    /// Peerings are not modelled: a flow that one could carry has no prediction.
    fn refuse_peered(&self, at: Attachment<'n>) -> Result<(), PredictError> {
        let own = |address: &Ipv4Addr| at.vnet.address_prefixes.iter().any(|p| p.contains(address));
        let elsewhere = self.to.is_some_and(|to| to.at.vnet.id != at.vnet.id);
        let in_another = self.network.vnets.iter().any(|vnet| {
            vnet.address_prefixes
                .iter()
                .any(|p| p.contains(&self.address))
        });
        let inside = own(&self.address) || (self.to.is_some() && !elsewhere);
        if inside || (tags::is_public(self.address) && !in_another) {
            return Ok(());
        }
        match self.network.peering(at.vnet) {
            Some(peering) => Err(PredictError::Unsupported {
                what: format!(
                    "virtual network peering `{peering}` of `{}`",
                    at.vnet.id.name()
                ),
            }),
            None => Ok(()),
        }
    }

    /// The way from the caller's interface to whoever gets the packet.
    fn route(&mut self, at: Attachment<'n>, source: Ipv4Addr) -> Result<Arrival<'n>, Stop> {
        if let Some(to) = self.to.filter(|to| is_overlay_neighbour(self.from, to)) {
            // R60: pods of one overlay cluster reach each other without a route of the subnet.
            return Ok(Arrival {
                receiver: Receiver::Called(to.clone()),
                source: Some(source),
                cause: cause("no-nsg-and-system-route"),
            });
        }
        let chosen = routes::choose(
            at,
            self.address,
            Leg::Forward,
            self.network,
            self.allocation,
        )?;
        let route = Decider::Route {
            route: chosen.route.clone(),
        };
        let cause_of_passing = if chosen.is_system() {
            cause("no-nsg-and-system-route")
        } else {
            route.clone()
        };
        let (receiver, source) = match chosen.next_hop {
            NextHop::None => return Err(Stop::Denied(route)),
            NextHop::VirtualNetwork => (self.within(at, route)?, Some(source)),
            NextHop::Internet => {
                if !tags::is_public(self.address) {
                    return Err(Stop::Denied(route));
                }
                if let Err(missing) = routes::egress(self.from, self.readings) {
                    return Err(Stop::Denied(cause(missing)));
                }
                (Receiver::Outside, None)
            }
            NextHop::Appliance(hop) => match self.to {
                Some(to) if is_behind(to, hop) => (Receiver::Called(to.clone()), Some(source)),
                to => {
                    if !self.forwards(hop, "the packet") {
                        return Err(Stop::Denied(route));
                    }
                    let called = to.cloned().map_or(Receiver::Outside, Receiver::Called);
                    (called, None)
                }
            },
        };
        Ok(Arrival {
            receiver,
            source,
            cause: cause_of_passing,
        })
    }

    /// Who gets a packet that stays within the caller's virtual network.
    fn within(&self, at: Attachment<'n>, route: Decider) -> Result<Receiver<'n>, Stop> {
        let own = at
            .vnet
            .address_prefixes
            .iter()
            .any(|p| p.contains(&self.address));
        if !own {
            return Err(Stop::Denied(route));
        }
        if let Some(to) = self.to
            && to.at.vnet.id == at.vnet.id
            && to.in_virtual_network()
        {
            return Ok(Receiver::Called(to.clone()));
        }
        let holder = self.allocation.holder(self.from, self.address);
        if let Some(other) = holder.filter(Endpoint::in_virtual_network) {
            return Ok(Receiver::Other(other));
        }
        if let Some(resource) = self.network.unmodelled_holder() {
            return Err(Stop::Failed(PredictError::Unsupported {
                what: format!("whether `{}` has address {}", resource.id, self.address),
            }));
        }
        Err(Stop::Denied(cause("no-endpoint-at-address")))
    }

    /// R39: the reply is routed by the called subnet's own table.
    fn route_back(
        &mut self,
        to: &Endpoint<'n>,
        there: Attachment<'n>,
        source: Ipv4Addr,
    ) -> Result<(), Stop> {
        if is_overlay_neighbour(to, self.from) || there.vnet.id != self.from.at.vnet.id {
            return Ok(());
        }
        let chosen = routes::choose(there, source, Leg::Return, self.network, self.allocation)?;
        let passes = match chosen.next_hop {
            NextHop::VirtualNetwork => true,
            NextHop::None | NextHop::Internet => false,
            NextHop::Appliance(hop) => is_behind(self.from, hop) || self.forwards(hop, "the reply"),
        };
        if passes {
            Ok(())
        } else {
            Err(Stop::Denied(Decider::Route {
                route: chosen.route,
            }))
        }
    }

    /// R38: whether the guest behind `hop` forwards cannot be known from a template.
    fn forwards(&mut self, hop: Ipv4Addr, what: &str) -> bool {
        self.readings.ask_whether(
            format!("R38: an appliance at {hop} forwards {what}"),
            format!("R38: no appliance at {hop} forwards {what}"),
        )
    }

    fn answer(&mut self, receiver: &Receiver<'n>) -> Outcome {
        let answers = match receiver {
            Receiver::Called(_) if self.question.listens => return Outcome::Reachable,
            Receiver::Called(_) if self.question.protocol == Protocol::Tcp => {
                return Outcome::Refused;
            }
            Receiver::Called(_) => false,
            Receiver::Outside if self.question.listens => return Outcome::Reachable,
            Receiver::Outside => self.readings.ask_whether(
                format!("something outside the template answers at {}", self.address),
                format!("nothing outside the template answers at {}", self.address),
            ),
            Receiver::Other(other) => self.readings.ask_whether(
                format!("{} has the called address in the caller's virtual network, and answers", other.name),
                format!("{} has the called address in the caller's virtual network, and does not answer", other.name),
            ),
        };
        if answers {
            return Outcome::Reachable;
        }
        // R82: without an answer, what the far end's host does shows only where it sends a reset.
        let refuses = self.readings.ask_whether(
            "R81: the far end's host refuses",
            "R82: the far end's host is silent",
        );
        if refuses {
            Outcome::Refused
        } else {
            Outcome::Timeout
        }
    }
}

fn cause(words: &str) -> Decider {
    Decider::Cause {
        cause: words.to_owned(),
    }
}

fn platform_tag(address: Ipv4Addr) -> Option<&'static str> {
    match address {
        tags::PLATFORM_DNS => Some("AzurePlatformDNS"),
        tags::PLATFORM_IMDS => Some("AzurePlatformIMDS"),
        _ => None,
    }
}

/// Whether `to` is a kubenet pod on the node that has address `hop`.
fn is_behind(to: &Endpoint<'_>, hop: Ipv4Addr) -> bool {
    to.pod == Some(ClusterNetwork::Kubenet)
        && to.node.as_ref().is_some_and(|node| node.address == hop)
}

/// Whether `to` is a pod of the overlay cluster that `from` belongs to.
fn is_overlay_neighbour(from: &Endpoint<'_>, to: &Endpoint<'_>) -> bool {
    let cluster = |end: &Endpoint<'_>| end.node.as_ref().map(|node| node.cluster.id.clone());
    to.pod == Some(ClusterNetwork::Overlay) && cluster(to) == cluster(from)
}
