//! What stands between two virtual networks or two subnets: the flags of peerings, and appliances.

use std::net::Ipv4Addr;

use crate::verdict::{Decider, Direction};

use super::endpoint::Endpoint;
use super::forward::{Position, Step};
use super::network::Attachment;
use super::peering::{Link, link_to};
use super::walk::{Appliance, Arrival, Receiver, Source, Stop, Walk};

impl<'n> Walk<'_, 'n> {
    /// R19: a peering without access takes the peer out of `VirtualNetwork`, so that rules decide.
    /// Where no rules stand on that side, the sources do not say what becomes of the packet.
    pub(super) fn have_access(
        &mut self,
        here: &Position<'n>,
        to: &Endpoint<'n>,
        there: Attachment<'n>,
        link: &Link<'n>,
    ) -> Result<(), Stop> {
        let near_off = !link.near.allow_virtual_network_access;
        let far_off = link
            .far
            .is_some_and(|far| !far.allow_virtual_network_access);
        let open = near_off && !self.is_guarded(&here.endpoint, here.at)?
            || far_off && !self.is_guarded(to, there)?;
        if open
            && !self.readings.ask_whether(
                "R19: allowVirtualNetworkAccess=false only edits VirtualNetwork, and no rules stand there",
                "R19: allowVirtualNetworkAccess=false stops traffic where no rules stand, as the older text says",
            )
        {
            return Err(Stop::cause("virtual-network-access-off"));
        }
        Ok(())
    }

    /// R41: whether the far side takes what the near side did not originate.
    pub(super) fn accept_forwarded(
        &mut self,
        at: Attachment<'n>,
        source: Ipv4Addr,
        link: &Link<'n>,
    ) -> Result<(), Stop> {
        let mut space = at.vnet.address_prefixes.iter();
        let originated = space.any(|prefix| prefix.contains(&source));
        let allowed = link.far.is_some_and(|far| far.allow_forwarded_traffic);
        if !originated
            && !allowed
            && !self.readings.ask_whether(
                "R41: a peering without allowForwardedTraffic lets forwarded packets pass, as was observed",
                "R41: a peering without allowForwardedTraffic drops forwarded packets, as documented",
            )
        {
            return Err(Stop::cause("forwarded-traffic-not-allowed"));
        }
        Ok(())
    }

    /// A packet that a route hands to an appliance (R38).
    pub(super) fn transit(
        &mut self,
        here: &Position<'n>,
        hop: Ipv4Addr,
        route: Decider,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        let Some((appliance, link)) = self.appliance(here.at, hop) else {
            return self.pass_unknown_appliance(here, hop, route, passing);
        };
        if hop == self.address {
            // The appliance itself is called.
            return match link {
                Some(link) => self.across(here, &link, passing),
                None => {
                    let receiver = self.land(here.at.vnet)?;
                    self.arrive(here, None, receiver, passing)
                }
            };
        }
        let passed = self.via.iter().map(|passed| &passed.endpoint);
        if passed
            .chain([&here.endpoint])
            .any(|other| other.name == appliance.name)
        {
            return Err(Stop::cause("routing-loop"));
        }
        let at = self.interface_of(&appliance);
        if let Some(link) = &link {
            self.accept_forwarded(here.at, here.source, link)?;
            self.have_access(here, &appliance, at, link)?;
        }
        self.pass(&appliance, at, Direction::Inbound, here.source)?;
        if !appliance.may_forward() {
            return Err(Stop::cause("ip-forwarding-off"));
        }
        let translates = self.guest_forwards(&appliance, route)?;
        let source = if translates {
            appliance.address
        } else {
            here.source
        };
        self.via.push(Appliance {
            endpoint: appliance.clone(),
            address: hop,
            received: here.source,
            translates,
        });
        self.pass(&appliance, at, Direction::Outbound, source)?;
        Ok(Step::Forwarded(Position {
            endpoint: appliance,
            at,
            source,
        }))
    }

    /// Who holds the address of an appliance: it must be directly reachable, so in the virtual network
    /// or in one that is peered with it (R38).
    pub(super) fn appliance(
        &mut self,
        at: Attachment<'n>,
        hop: Ipv4Addr,
    ) -> Option<(Endpoint<'n>, Option<Link<'n>>)> {
        let near = self.allocation.holder(at.vnet, hop);
        if let Some(near) = near.filter(Endpoint::in_virtual_network) {
            return Some((near, None));
        }
        let link = link_to(self.network, at.vnet, hop, self.readings)?;
        let far = self.allocation.holder(link.vnet?, hop)?;
        far.in_virtual_network().then_some((far, Some(link)))
    }

    /// R38: whether the guest forwards, and whether it translates the source, is known only where the
    /// question says so.
    fn guest_forwards(&mut self, appliance: &Endpoint<'n>, route: Decider) -> Result<bool, Stop> {
        let key = appliance.nic.map(|(nic, _)| nic.id.key());
        let mut known = self.question.forwarders.iter();
        if let Some(known) = known.find(|known| Some(&known.interface) == key.as_ref()) {
            return Ok(known.translates);
        }
        let name = &appliance.name;
        let forwards = self.readings.ask_whether(
            format!("R38: the guest of {name} forwards the packet"),
            format!("R38: the guest of {name} does not forward the packet"),
        );
        if !forwards {
            return Err(Stop::Denied(route));
        }
        Ok(!self.readings.ask_whether(
            format!("R38: the guest of {name} keeps the source address"),
            format!("R38: the guest of {name} puts its own address in place of the source"),
        ))
    }

    /// An appliance that is not in the template: nothing has the address, or something whose
    /// addresses the template does not tell.
    fn pass_unknown_appliance(
        &mut self,
        here: &Position<'n>,
        hop: Ipv4Addr,
        route: Decider,
        passing: Decider,
    ) -> Result<Step<'n>, Stop> {
        if !self.may_hold(here.at, hop) || !self.unknown_forwards(hop, "the packet") {
            return Err(Stop::Denied(route));
        }
        let Some(to) = self.to.cloned() else {
            return Ok(Step::Arrived(Arrival {
                receiver: Receiver::Outside,
                source: Source::Unknown,
                cause: passing,
            }));
        };
        match self.arrive(here, None, Receiver::Called(to), passing)? {
            Step::Arrived(arrival) => Ok(Step::Arrived(Arrival {
                source: Source::Unknown,
                ..arrival
            })),
            forwarded @ Step::Forwarded(_) => Ok(forwarded),
        }
    }

    /// Whether something that the template does not describe may have `hop`.
    pub(super) fn may_hold(&mut self, at: Attachment<'n>, hop: Ipv4Addr) -> bool {
        let link = link_to(self.network, at.vnet, hop, self.readings);
        self.network.unmodelled_holder().is_some() || link.is_some_and(|link| link.vnet.is_none())
    }

    pub(super) fn unknown_forwards(&mut self, hop: Ipv4Addr, what: &str) -> bool {
        self.readings.ask_whether(
            format!("R38: an appliance at {hop} forwards {what}"),
            format!("R38: no appliance at {hop} forwards {what}"),
        )
    }
}
