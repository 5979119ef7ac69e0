//! The fabric's packet filter: marks, zones, ways out and the chains of network security groups.
//!
//! What every packet passes stands in `base`; here is what changes with the network. A change is one
//! transaction: new chains are made beside the old, then the ports are turned over and the old chains
//! deleted together.

mod base;
mod elements;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::emulator::fabric::FabricError;

use super::journal::{self, Journal};
use super::netlink::{NetlinkError, Socket};
use super::nft::{Side, Transaction, Verdict};
use super::plan::{GroupKey, Guards};
use super::security::{AddressTest, Group, PortTest, Rule};

pub(super) use base::INTERNET;

use elements::{Elements, elements, turn_over};

/// The size at which a transaction is sent ahead of the one that turns the ports over: an
/// unprivileged socket's buffer ends at twice the host's `net.core.wmem_max`, 212992 by default.
const STAGE: usize = 100_000;

/// The filter's part of a network.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) groups: &'a BTreeMap<GroupKey, Group>,
    pub(super) ports: Vec<FilterPort>,
    /// The mark and the zone of what comes back to each public address.
    pub(super) public: BTreeMap<Ipv4Addr, (u32, u16)>,
    /// What keeps strangers' packets out of a virtual network, by its number.
    pub(super) fences: BTreeMap<u32, Fence>,
}

/// A port as the filter sees it.
#[derive(Debug, Clone)]
pub(super) struct FilterPort {
    /// Its interface in the fabric.
    pub(super) index: u32,
    /// The number of its virtual network.
    pub(super) network: u32,
    /// The routing mark of what comes in by it.
    pub(super) mark: u32,
    /// The conntrack zone: one for each set of virtual networks that can meet.
    pub(super) zone: u16,
    /// What guards it.
    pub(super) guards: Guards,
    /// The address that it has where addresses are public.
    pub(super) public: Ipv4Addr,
    /// What its way out to the Internet carries; `None` where it has none.
    pub(super) egress: Option<Carries>,
}

/// What a way out to the Internet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    Everything,
    /// As a NAT gateway (R43).
    TcpAndUdp,
}

/// The peers from which a virtual network takes only what they have sent themselves (R41).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fence(pub(super) Vec<Fenced>);

/// One such peer: its packets are those of this mark, under this mask, and its own addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fenced {
    pub(super) mark: u32,
    pub(super) mask: u32,
    pub(super) own: Vec<(u32, u32)>,
}

struct Chains {
    group: Group,
    number: u32,
}

impl Chains {
    fn outbound(&self) -> String {
        format!("out{}", self.number)
    }

    fn inbound(&self) -> String {
        format!("in{}", self.number)
    }

    fn delete(&self, changes: &mut Transaction) {
        changes.delete_chain(&self.outbound());
        changes.delete_chain(&self.inbound());
        for place in 0..self.group.address_sets.len() {
            changes.delete_set(&address_set(self.number, place));
        }
        for place in 0..self.group.port_sets.len() {
            changes.delete_set(&port_set(self.number, place));
        }
    }
}

fn address_set(number: u32, place: usize) -> String {
    format!("addresses{number}_{place}")
}

fn port_set(number: u32, place: usize) -> String {
    format!("ports{number}_{place}")
}

/// The filter with what it holds now.
pub(super) struct Filter {
    socket: Socket,
    next: u32,
    chains: BTreeMap<GroupKey, Chains>,
    fences: BTreeMap<u32, (Fence, u32)>,
    elements: Elements,
}

impl Filter {
    /// Sets up the chains that every packet passes.
    pub(super) fn start(socket: Socket) -> Result<Filter, NetlinkError> {
        let mut changes = Transaction::default();
        base::add(&mut changes);
        changes.commit(&socket)?;
        Ok(Filter {
            socket,
            next: 1,
            chains: BTreeMap::new(),
            fences: BTreeMap::new(),
            elements: Elements::new(),
        })
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Makes the ports and their rules what they must be.
    pub(super) fn apply(
        &mut self,
        rules: &Rules<'_>,
        journal: &Journal,
    ) -> Result<(), FabricError> {
        let mut changes = Transaction::default();
        let mut chains = BTreeMap::new();
        for (key, group) in rules.groups {
            let number = match self.chains.get(key) {
                Some(chains) if chains.group == *group => chains.number,
                _ => {
                    let number = self.take_number();
                    changes = self.stage(changes, number, group, journal)?;
                    number
                }
            };
            let group = group.clone();
            chains.insert(key.clone(), Chains { group, number });
        }
        let mut fences = BTreeMap::new();
        for (network, fence) in &rules.fences {
            let number = match self.fences.get(network) {
                Some((held, number)) if held == fence => *number,
                _ => {
                    let number = self.take_number();
                    add_fence(&mut changes, number, fence);
                    number
                }
            };
            fences.insert(*network, (fence.clone(), number));
        }
        let elements = elements(rules, &chains, &fences);
        turn_over(&mut changes, &self.elements, &elements);
        for (key, old) in &self.chains {
            if chains.get(key).is_none_or(|new| new.number != old.number) {
                old.delete(&mut changes);
            }
        }
        for (network, (fence, number)) in &self.fences {
            if fences.get(network).is_none_or(|(_, new)| new != number) {
                changes.delete_chain(&fence_chain(*number));
                for place in 0..fence.0.len() {
                    changes.delete_set(&address_set(*number, place));
                }
            }
        }
        changes.commit(&self.socket)?;
        self.chains = chains;
        self.fences = fences;
        self.elements = elements;
        Ok(())
    }

    /// Adds the chains of a group, to which nothing leads yet.
    fn stage(
        &self,
        mut changes: Transaction,
        number: u32,
        group: &Group,
        journal: &Journal,
    ) -> Result<Transaction, NetlinkError> {
        let flush = |changes: Transaction| {
            if changes.size() < STAGE {
                return Ok(changes);
            }
            changes.commit(&self.socket)?;
            Ok(Transaction::default())
        };
        for (place, ranges) in group.address_sets.iter().enumerate() {
            changes.add_address_set(&address_set(number, place), ranges);
            changes = flush(changes)?;
        }
        for (place, ranges) in group.port_sets.iter().enumerate() {
            changes.add_port_set(&port_set(number, place), ranges);
            changes = flush(changes)?;
        }
        for (chain, rules) in [
            (format!("out{number}"), &group.outbound),
            (format!("in{number}"), &group.inbound),
        ] {
            changes.add_chain(&chain);
            for rule in rules {
                add_rule(&mut changes, &chain, number, rule, journal);
                changes = flush(changes)?;
            }
        }
        Ok(changes)
    }
}

fn fence_chain(number: u32) -> String {
    format!("fence{number}")
}

fn add_fence(changes: &mut Transaction, number: u32, fence: &Fence) {
    let chain = fence_chain(number);
    changes.add_chain(&chain);
    for (place, peer) in fence.0.iter().enumerate() {
        let own = address_set(number, place);
        changes.add_address_set(&own, &peer.own);
        changes.add_rule(&chain, |rule| {
            rule.marked(peer.mark, peer.mask)
                .address_not_in(Side::Source, &own)
                .log(journal::GROUP, journal::FORWARDED)
                .verdict(Verdict::Drop);
        });
    }
}

/// Adds a security rule: allow returns to the caller, where the next layer is judged; deny drops.
fn add_rule(changes: &mut Transaction, chain: &str, number: u32, rule: &Rule, journal: &Journal) {
    let prefix = journal.prefix(&rule.name, rule.allow);
    let verdict = if rule.allow {
        Verdict::Return
    } else {
        Verdict::Drop
    };
    for test in &rule.matches {
        changes.add_rule(chain, |expressions| {
            if let Some(protocol) = test.protocol {
                expressions.protocol(protocol);
            }
            for (side, address, port) in [
                (Side::Source, test.source, test.source_port),
                (Side::Destination, test.destination, test.destination_port),
            ] {
                match address {
                    AddressTest::Any => {}
                    AddressTest::In(prefix) => {
                        expressions.address_is(side, prefix.network(), prefix.netmask());
                    }
                    AddressTest::Set(place) => {
                        expressions.address_in(side, &address_set(number, place));
                    }
                }
                match port {
                    PortTest::Any => {}
                    PortTest::Between(first, last) => {
                        expressions.port_between(side, first, last);
                    }
                    PortTest::Set(place) => {
                        expressions.port_in(side, &port_set(number, place));
                    }
                }
            }
            expressions.log(journal::GROUP, &prefix).verdict(verdict);
        });
    }
}
