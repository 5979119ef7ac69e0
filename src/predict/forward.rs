//! The way from the caller's interface to whoever gets the packet: one route after the other.

use std::net::Ipv4Addr;

use crate::arm::views::VirtualNetwork;
use crate::arm::{Destination, Listening};
use crate::verdict::{Decider, Direction, Leg};

use super::endpoint::Endpoint;
use super::network::Attachment;
use super::peering::{Link, link_to, unknown_link};
use super::routes::{self, NextHop};
use super::walk::{
    Arrival, Receiver, Source, Stop, Walk, cause, is_behind, is_overlay_neighbour, is_same_cluster,
};
use super::{PredictError, egress, tags};

/// Where a packet is: it has passed the outbound rules of an endpoint.
#[derive(Clone)]
pub(super) struct Position<'n> {
    pub(super) endpoint: Endpoint<'n>,
    pub(super) at: Attachment<'n>,
    /// The source address that it carries.
    pub(super) source: Ipv4Addr,
}

/// What a route does with a packet.
pub(super) enum Step<'n> {
    Arrived(Arrival<'n>),
    /// An appliance passed it on.
    Forwarded(Position<'n>),
}

impl<'n> Walk<'_, 'n> {
    pub(super) fn forward(
        &mut self,
        at: Attachment<'n>,
        source: Ipv4Addr,
    ) -> Result<Arrival<'n>, Stop> {
        let mut here = Position {
            endpoint: self.from.clone(),
            at,
            source,
        };
        // Every appliance is passed at most once, so this ends.
        loop {
            match self.step(&here)? {
                Step::Arrived(arrival) => return Ok(arrival),
                Step::Forwarded(next) => here = next,
            }
        }
    }

    fn step(&mut self, here: &Position<'n>) -> Result<Step<'n>, Stop> {
        let neighbour = self
            .to
            .filter(|to| is_overlay_neighbour(&here.endpoint, to));
        if let Some(to) = neighbour.cloned() {
            // R60: pods of one overlay cluster reach each other without a route of the subnet.
            return self.arrive(here, None, Receiver::Called(to), cause(BY_SYSTEM_ROUTE));
        }
        let chosen = routes::choose(
            here.at,
            self.address,
            Leg::Forward,
            self.network,
            self.allocation,
            self.readings,
        )?;
        // What let it pass in the end is the last route of a user, if there was one.
        if !chosen.is_system() {
            self.routed = Some(Decider::Route {
                route: chosen.route.clone(),
            });
        }
        let passing = self.routed.clone().unwrap_or(cause(BY_SYSTEM_ROUTE));
        let route = Decider::Route {
            route: chosen.route,
        };
        match chosen.next_hop {
            NextHop::None => {
                self.refuse_unknown_peer(here)?;
                Err(Stop::Denied(route))
            }
            NextHop::VirtualNetwork => self.within(here, route, passing),
            NextHop::Peering(link) => self.across(here, &link, passing),
            NextHop::Internet => self.leave(here, route, passing),
            NextHop::Gateway => {
                let carried = self.readings.ask_whether(
                    format!(
                        "R37: a virtual network gateway carries the packet on to {}",
                        self.address
                    ),
                    format!(
                        "R37: no virtual network gateway carries the packet on to {}",
                        self.address
                    ),
                );
                if !carried {
                    return Err(Stop::Denied(route));
                }
                Ok(Step::Arrived(Arrival {
                    receiver: Receiver::Outside,
                    source: Source::Private(here.source),
                    cause: passing,
                }))
            }
            NextHop::Appliance(hop) => match self.to.filter(|to| is_behind(to, hop)).cloned() {
                Some(pod) => self.reach_kubenet_pod(here, pod, passing),
                None => self.transit(here, hop, route, passing),
            },
        }
    }

    /// R53 against R51: the route table of the node subnet leads to the pods for whoever uses it.
    fn reach_kubenet_pod(
        &mut self,
        here: &Position<'n>,
        pod: Endpoint<'n>,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        if !is_same_cluster(&here.endpoint, &pod)
            && !self.readings.ask_whether(
                "R51: the routes of the node subnet lead other callers of the subnet to a kubenet pod too",
                "R53: only pods and nodes of the cluster can address a kubenet pod",
            )
        {
            return Err(Stop::cause("pod-not-addressable"));
        }
        self.arrive(here, None, Receiver::Called(pod), passing)
    }

    /// A packet that stays within the virtual network.
    fn within(
        &mut self,
        here: &Position<'n>,
        route: Decider,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        if here.endpoint.is_near(self.address) {
            let receiver = self.land(here.at.vnet)?;
            return self.arrive(here, None, receiver, passing);
        }
        let link = link_to(self.network, here.at.vnet, self.address, self.readings);
        match link {
            Some(link)
                if self.readings.ask_whether(
                    "R37: next hop VnetLocal leads into a peered network too",
                    "R37: next hop VnetLocal leads nowhere but into the own network",
                ) =>
            {
                self.across(here, &link, passing)
            }
            _ => Err(Stop::Denied(route)),
        }
    }

    /// A packet that crosses a peering to the called address.
    pub(super) fn across(
        &mut self,
        here: &Position<'n>,
        link: &Link<'n>,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        self.accept_forwarded(here.at, here.source, link)?;
        if let Some(vnet) = link.vnet {
            let receiver = self.land(vnet)?;
            return self.arrive(here, Some(link), receiver, passing);
        }
        let remote = link.near.remote.name();
        let admitted = self.readings.ask_whether(
            format!("R16: the rules of `{remote}`, which the template does not hold, let the packet in"),
            format!("R16: the rules of `{remote}`, which the template does not hold, keep the packet out"),
        );
        if !admitted {
            return Err(Stop::cause("rules-outside-the-template"));
        }
        Ok(Step::Arrived(Arrival {
            receiver: Receiver::Outside,
            source: Source::Private(here.source),
            cause: passing,
        }))
    }

    /// Who has the called address in the virtual network that the packet reaches.
    pub(super) fn land(&mut self, vnet: &'n VirtualNetwork) -> Result<Receiver<'n>, Stop> {
        let called = self.to.filter(|to| {
            to.at.vnet.id == vnet.id && to.in_virtual_network() && to.address == self.address
        });
        if let Some(to) = called {
            return Ok(Receiver::Called(to.clone()));
        }
        let holder = self.allocation.holder(vnet, self.address);
        let by_address = matches!(self.question.to, Destination::Address(_));
        if let Some(holder) = holder.filter(Endpoint::in_virtual_network) {
            return Ok(match by_address {
                true => Receiver::Called(holder),
                false => Receiver::Other(holder),
            });
        }
        if let Some(resource) = self.network.unmodelled_holder() {
            return Err(Stop::Failed(PredictError::Unsupported {
                what: format!("whether `{}` has address {}", resource.id, self.address),
            }));
        }
        let stated = by_address && self.question.listens == Listening::Yes;
        match self.network.subnet_at(vnet, self.address) {
            Some(at)
                if stated
                    && self.readings.ask_whether(
                        format!(
                            "something that the template does not describe has {}",
                            self.address
                        ),
                        format!(
                            "nothing has {}, since the template describes nothing there",
                            self.address
                        ),
                    ) =>
            {
                Ok(Receiver::Called(Endpoint::stranger(self.address, at)))
            }
            _ => Err(Stop::cause("no-endpoint-at-address")),
        }
    }

    /// The packet gets to its receiver: its rules, then the way of the reply.
    pub(super) fn arrive(
        &mut self,
        here: &Position<'n>,
        link: Option<&Link<'n>>,
        receiver: Receiver<'n>,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        if let Receiver::Called(to) | Receiver::Other(to) = &receiver {
            let there = self.interface_of(to);
            if let Some(link) = link {
                self.have_access(here, to, there, link)?;
            }
            self.pass(to, there, Direction::Inbound, here.source)?;
            self.route_back(to, there, here.source)?;
        }
        Ok(Step::Arrived(Arrival {
            receiver,
            source: Source::Private(here.source),
            cause: passing,
        }))
    }

    fn leave(
        &mut self,
        here: &Position<'n>,
        route: Decider,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        if !tags::is_public(self.address) {
            self.refuse_unknown_peer(here)?;
            return Err(Stop::Denied(route));
        }
        let mut public_ips = self.network.public_ips.iter();
        if let Some(own) = public_ips.find(|own| own.address == Some(self.address)) {
            return Err(Stop::Failed(PredictError::Unsupported {
                what: format!("what stands behind public address `{}`", own.id.name()),
            }));
        }
        let receiver = Receiver::Outside;
        for service in &here.at.subnet.service_endpoints {
            // R36: the route of a service endpoint wins, and the service sees the private address.
            let of_service = self.readings.ask_whether(
                format!("R23: {} is an address of {service}, to which the subnet has a service endpoint", self.address),
                format!("R23: {} is no address of {service}, to which the subnet has a service endpoint", self.address),
            );
            if of_service {
                return Ok(Step::Arrived(Arrival {
                    receiver,
                    source: Source::Private(here.source),
                    cause: cause("service-endpoint"),
                }));
            }
        }
        let question = self.question;
        let public = egress::leave(
            &here.endpoint,
            question.protocol,
            question.port,
            self.network,
            self.readings,
        )
        .map_err(Stop::cause)?;
        self.translate_back()?;
        // What becomes of a packet that an appliance sends out with another's address is not told.
        let own = self.via.is_empty() || here.source == here.endpoint.address;
        Ok(Step::Arrived(Arrival {
            receiver,
            source: if own {
                Source::Public(public)
            } else {
                Source::Unknown
            },
            cause: passing,
        }))
    }

    /// An address that nothing in the template leads to may be in a peered network whose ranges the
    /// template does not tell.
    fn refuse_unknown_peer(&self, here: &Position<'n>) -> Result<(), Stop> {
        match unknown_link(self.network, here.at.vnet) {
            Some(link) => Err(Stop::Failed(PredictError::Unsupported {
                what: format!(
                    "the ranges of `{}`, which virtual network peering `{}` of `{}` leads to",
                    link.near.remote.name(),
                    link.near.id.name(),
                    here.at.vnet.id.name()
                ),
            })),
            None => Ok(()),
        }
    }
}

const BY_SYSTEM_ROUTE: &str = "no-nsg-and-system-route";
