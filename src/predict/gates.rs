//! The rules in front of an endpoint: the network security groups of its interface and its subnet.

use std::net::Ipv4Addr;

use crate::arm::FlowState;
use crate::arm::views::{Access, NetworkSecurityGroup};
use crate::verdict::{Decider, Direction};

use super::PredictError;
use super::endpoint::Endpoint;
use super::network::Attachment;
use super::rules::{self, Flow};
use super::tags::Viewpoint;
use super::walk::{Arrival, Receiver, Source, Stop, Walk, cause};

impl<'n> Walk<'_, 'n> {
    fn flow(&self, source: Ipv4Addr) -> Flow {
        Flow {
            protocol: self.question.protocol,
            source,
            destination: self.address,
            destination_port: self.question.port,
        }
    }

    /// The groups that a packet meets, in order: inbound the subnet's first (R13), outbound the
    /// interface's (R14). Intra-subnet traffic meets both ways (R15).
    fn groups(
        &self,
        endpoint: &Endpoint<'n>,
        at: Attachment<'n>,
        direction: Direction,
    ) -> Result<Vec<&'n NetworkSecurityGroup>, PredictError> {
        let interface = match endpoint.nic {
            Some((nic, _)) => self.network.interface_nsg(nic)?,
            None => None,
        };
        let subnet = self.network.nsg(at.subnet)?;
        let ordered = match direction {
            Direction::Inbound => [subnet, interface],
            Direction::Outbound => [interface, subnet],
        };
        Ok(ordered.into_iter().flatten().collect())
    }

    /// Whether any group stands in front of `endpoint`.
    pub(super) fn is_guarded(
        &self,
        endpoint: &Endpoint<'n>,
        at: Attachment<'n>,
    ) -> Result<bool, PredictError> {
        Ok(!self.groups(endpoint, at, Direction::Inbound)?.is_empty())
    }

    /// Passes the network security groups in front of `endpoint`.
    pub(super) fn pass(
        &mut self,
        endpoint: &Endpoint<'n>,
        at: Attachment<'n>,
        direction: Direction,
        source: Ipv4Addr,
    ) -> Result<(), Stop> {
        for nsg in self.groups(endpoint, at, direction)? {
            // R12: what was let pass before is judged again only where the group flushes connections.
            if self.question.flow == FlowState::Established && !nsg.flush_connection {
                self.on_record = true;
                continue;
            }
            let viewpoint = Viewpoint::of(at, self.network, self.allocation)?;
            let flow = self.flow(source);
            let (access, rule) = rules::decide(nsg, direction, &flow, &viewpoint, self.readings);
            self.path.push(rule.clone());
            if access == Access::Deny {
                return Err(Stop::Denied(Decider::Rule(rule)));
            }
        }
        Ok(())
    }

    /// R22: DNS and the like are exempt, unless a rule names the platform's tag.
    pub(super) fn reach_platform(
        &mut self,
        at: Attachment<'n>,
        source: Ipv4Addr,
        tag: &str,
    ) -> Result<Arrival<'n>, Stop> {
        let from = self.from.clone();
        for nsg in self.groups(&from, at, Direction::Outbound)? {
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
            source: Source::Private(source),
            cause: cause("platform-exempt"),
        })
    }
}
