//! The routing tables of the fabric, and the rules that lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::emulator::fabric::FabricError;
use crate::lab::effective::Hop;
use crate::lab::plan::{Host, Plan};
use crate::lab::route::{self, Target};
use crate::lab::rule::MarkRule;
use crate::lab::space;
use crate::net::Prefix;

use super::{NETWORK_MASK, Network, Sender};

/// Rules come before those of the main table (32766): first subnets, then networks, then the networks
/// of their peers, then nothing.
const SUBNET_RULES: u32 = 1_000;
const NETWORK_RULES: u32 = 12_000;
const PEER_RULES: u32 = 22_000;
pub(super) const LAST_RULE: u32 = 30_000;
const SUBNET_TABLES: u32 = 100_000;
const NETWORK_TABLES: u32 = 200_000;
const SUBNET_MASK: u32 = 0xffff;

#[derive(Default)]
struct Wanted {
    routes: BTreeMap<(u32, Prefix), Target>,
    rules: BTreeSet<MarkRule>,
}

impl Network {
    pub(super) fn lead(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let mut wanted = Wanted::default();
        self.lead_networks(plan, &mut wanted)?;
        self.lead_subnets(plan, &mut wanted)?;
        let Wanted {
            routes: wanted,
            rules,
        } = wanted;
        let mut sender = Sender::new(&self.route);
        for (&(table, prefix), &target) in &wanted {
            if self.routes.get(&(table, prefix)) != Some(&target) {
                sender.add(|batch| route::add_route(batch, table, prefix, target))?;
            }
        }
        for &(table, prefix) in self.routes.keys() {
            if !wanted.contains_key(&(table, prefix)) {
                sender.add(|batch| route::delete_route(batch, table, prefix))?;
            }
        }
        for rule in rules.difference(&self.rules) {
            sender.add(|batch| rule.add(batch))?;
        }
        for rule in self.rules.difference(&rules) {
            sender.add(|batch| rule.delete(batch))?;
        }
        sender.finish()?;
        self.routes = wanted;
        self.rules = rules;
        Ok(())
    }

    /// A table of hosts for each virtual network; its peers look into it too. Their address spaces do
    /// not overlap, so the order among peers is of no account.
    fn lead_networks(&mut self, plan: &Plan, wanted: &mut Wanted) -> Result<(), FabricError> {
        for (id, hosts) in &plan.networks {
            let number = self.networks.of(id)?;
            let table = NETWORK_TABLES + number;
            let mut rule = |priority, table| {
                wanted.rules.insert(MarkRule {
                    priority,
                    mark: number << 16,
                    mask: NETWORK_MASK,
                    table,
                });
            };
            rule(NETWORK_RULES + number, table);
            for peer in plan.peers_of(id) {
                if plan.networks.contains_key(&peer.network) {
                    rule(
                        PEER_RULES,
                        NETWORK_TABLES + self.networks.of(&peer.network)?,
                    );
                }
            }
            for (address, host) in hosts {
                if let Some(target) = self.target(host, host.via) {
                    wanted
                        .routes
                        .insert((table, Prefix::from(*address)), target);
                }
            }
        }
        Ok(())
    }

    /// A table of effective routes for each subnet.
    fn lead_subnets(&mut self, plan: &Plan, wanted: &mut Wanted) -> Result<(), FabricError> {
        for (key, subnet) in &plan.tables {
            let number = self.tables.of(key)?;
            let table = SUBNET_TABLES + number;
            wanted.rules.insert(MarkRule {
                priority: SUBNET_RULES + number,
                mark: number,
                mask: SUBNET_MASK,
                table,
            });
            for route in &subnet.effective.routes {
                let target = match &route.hop {
                    Hop::Network => Some(Target::Throw),
                    Hop::Internet => Some(self.internet.target()),
                    Hop::Nowhere => None,
                    Hop::Through(host, address) => {
                        self.target(host, Some(host.via.unwrap_or(*address)))
                    }
                };
                let target = target.unwrap_or(Target::Blackhole);
                wanted.routes.insert((table, route.route.prefix), target);
            }
            for (address, host) in &subnet.effective.deliveries {
                if let Some(target) = self.target(host, host.via) {
                    let host = Prefix::from(*address);
                    wanted.routes.insert((table, host), target);
                }
            }
            // R22: no route stands before the platform's addresses.
            for platform in space::platform() {
                wanted
                    .routes
                    .insert((table, platform), self.internet.target());
            }
        }
        Ok(())
    }

    fn target(&self, host: &Host, via: Option<Ipv4Addr>) -> Option<Target> {
        let index = self.ports.get(&host.port)?.index;
        Some(via.map_or(Target::Device(index), |via| Target::Via(via, index)))
    }
}
