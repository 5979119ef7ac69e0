//! The way of the reply: routed by the table of whoever sends it (R39), back over the appliances that
//! translated the request. No rule judges it (R11).

use std::net::Ipv4Addr;

use crate::verdict::{Decider, Leg};

use super::endpoint::Endpoint;
use super::network::Attachment;
use super::routes::{self, NextHop};
use super::walk::{Stop, Walk, is_behind, is_overlay_neighbour};

impl<'n> Walk<'_, 'n> {
    /// Leads the reply from `to` to the caller, whom it knows by `source`.
    pub(super) fn route_back(
        &mut self,
        to: &Endpoint<'n>,
        there: Attachment<'n>,
        source: Ipv4Addr,
    ) -> Result<(), Stop> {
        let translator = self.via.iter().rfind(|passed| passed.translates);
        let receiver = translator.map_or(self.from, |passed| &passed.endpoint);
        let receiver = receiver.clone();
        self.lead(to, there, source, &receiver)?;
        self.translate_back()
    }

    /// Leads a reply that has reached the last appliance that translated the request to the caller.
    pub(super) fn translate_back(&mut self) -> Result<(), Stop> {
        let translators = self.via.iter().rev().filter(|passed| passed.translates);
        let translators = translators
            .map(|passed| (passed.endpoint.clone(), passed.received))
            .collect::<Vec<_>>();
        for (index, (appliance, received)) in translators.iter().enumerate() {
            let receiver = translators.get(index + 1).map(|(next, _)| next);
            let receiver = receiver.unwrap_or(self.from).clone();
            let at = self.interface_of(appliance);
            self.lead(appliance, at, *received, &receiver)?;
        }
        Ok(())
    }

    /// One leg of the reply: from `sender` at `at` to `target`, which is `receiver`'s address.
    fn lead(
        &mut self,
        sender: &Endpoint<'n>,
        mut at: Attachment<'n>,
        target: Ipv4Addr,
        receiver: &Endpoint<'n>,
    ) -> Result<(), Stop> {
        if is_overlay_neighbour(sender, receiver) {
            return Ok(());
        }
        let mut passed = vec![sender.name.clone()];
        loop {
            let chosen = routes::choose(
                at,
                target,
                Leg::Return,
                self.network,
                self.allocation,
                self.readings,
            )?;
            let route = Decider::Route {
                route: chosen.route,
            };
            let hop = match chosen.next_hop {
                NextHop::VirtualNetwork if at.vnet.id == receiver.at.vnet.id => return Ok(()),
                NextHop::Peering(link) => {
                    return self.accept_forwarded(at, self.address, &link);
                }
                NextHop::VirtualNetwork | NextHop::None | NextHop::Internet => {
                    return Err(Stop::Denied(route));
                }
                NextHop::Gateway => {
                    let carried = self.readings.ask_whether(
                        format!("R37: a virtual network gateway carries the reply on to {target}"),
                        format!("R37: no virtual network gateway carries the reply on to {target}"),
                    );
                    return if carried {
                        Ok(())
                    } else {
                        Err(Stop::Denied(route))
                    };
                }
                NextHop::Appliance(hop) => hop,
            };
            if hop == target || is_behind(receiver, hop) {
                return Ok(());
            }
            let Some((appliance, link)) = self.appliance(at, hop) else {
                let passes = self.may_hold(at, hop) && self.unknown_forwards(hop, "the reply");
                return if passes {
                    Ok(())
                } else {
                    Err(Stop::Denied(route))
                };
            };
            if passed.contains(&appliance.name) {
                return Err(Stop::cause("routing-loop"));
            }
            if let Some(link) = &link {
                self.accept_forwarded(at, self.address, link)?;
            }
            if !appliance.may_forward() {
                return Err(Stop::cause("ip-forwarding-off"));
            }
            let seen = self
                .via
                .iter()
                .any(|other| other.endpoint.name == appliance.name);
            if !seen
                && !self.readings.ask_whether(
                    format!(
                        "R39: {} passes a reply on whose request it has not seen",
                        appliance.name
                    ),
                    format!(
                        "R39: {} drops a reply whose request it has not seen",
                        appliance.name
                    ),
                )
            {
                return Err(Stop::cause("asymmetric-reply"));
            }
            at = self.interface_of(&appliance);
            passed.push(appliance.name);
        }
    }
}
