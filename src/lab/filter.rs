//! The fabric's packet filter: marks, zones and the chains of network security groups.
//!
//! A packet is marked by the port that it comes in at, judged by that port's outbound rules, then
//! by the routes of its mark, then by the inbound rules of the port that it leaves by: the order in
//! which Azure's verdict is told (R16). Only new flows meet the rules (R11), and those that a group
//! with `flushConnection` guards (R12). A change of rules is one transaction: new chains are made
//! beside the old, then the ports are turned over and the old chains deleted together.

use std::collections::BTreeMap;

use crate::emulator::fabric::FabricError;

use super::journal::{self, Journal};
use super::netlink::{NetlinkError, Socket};
use super::nft::{ESTABLISHED, Hook, INVALID, MapData, RELATED, Side, Transaction, Verdict};
use super::plan::GroupKey;
use super::security::{AddressTest, Group, PortTest, Rule};

const PORT_MARK: &str = "port_mark";
const PORT_ZONE: &str = "port_zone";
const OUTBOUND: &str = "outbound";
const INBOUND: &str = "inbound";
const OUTBOUND_ESTABLISHED: &str = "outbound_est";
const INBOUND_ESTABLISHED: &str = "inbound_est";

/// The size at which a transaction is sent ahead of the one that turns the ports over: an
/// unprivileged socket's buffer ends at twice the host's `net.core.wmem_max`, 212992 by default.
const STAGE: usize = 100_000;

/// A port as the filter sees it.
#[derive(Debug, Clone)]
pub(super) struct FilterPort {
    /// Its interface in the fabric.
    pub(super) index: u32,
    /// The routing mark of what comes in by it.
    pub(super) mark: u32,
    /// The conntrack zone: one for each set of virtual networks that can meet.
    pub(super) zone: u16,
    /// What guards it.
    pub(super) group: Option<GroupKey>,
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
    ports: BTreeMap<u32, (u32, u16)>,
    verdicts: BTreeMap<(&'static str, u32), String>,
}

impl Filter {
    /// Sets up the chains that every packet passes.
    pub(super) fn start(socket: Socket) -> Result<Filter, NetlinkError> {
        let mut changes = Transaction::default();
        changes.add_table();
        changes.add_map(PORT_MARK, MapData::Mark);
        changes.add_map(PORT_ZONE, MapData::Zone);
        for map in [OUTBOUND, INBOUND, OUTBOUND_ESTABLISHED, INBOUND_ESTABLISHED] {
            changes.add_map(map, MapData::Verdict);
        }
        let lost = |changes: &mut Transaction, chain: &str, prefix: &str| {
            changes.add_rule(chain, |rule| {
                rule.unroutable()
                    .log(journal::GROUP, prefix)
                    .verdict(Verdict::Drop);
            });
        };

        // Before conntrack (-200), which must know the zone.
        changes.add_base_chain("mark", Hook::Prerouting(-300));
        changes.add_rule("mark", |rule| {
            rule.incoming().mark_by(PORT_MARK);
        });
        changes.add_rule("mark", |rule| {
            rule.incoming().zone_by(PORT_ZONE);
        });

        // After conntrack, before routing: outbound rules, then the routes.
        changes.add_chain("leave_established");
        changes.add_rule("leave_established", |rule| {
            rule.incoming().verdict_by(OUTBOUND_ESTABLISHED);
        });
        lost(&mut changes, "leave_established", journal::NO_ROUTE);
        changes.add_chain("leave_reply");
        lost(&mut changes, "leave_reply", journal::NO_RETURN_ROUTE);
        changes.add_base_chain("leave", Hook::Prerouting(-150));
        changes.add_rule("leave", |rule| {
            rule.state(INVALID).verdict(Verdict::Drop);
        });
        changes.add_rule("leave", |rule| {
            rule.reply().verdict(Verdict::Goto("leave_reply"));
        });
        changes.add_rule("leave", |rule| {
            rule.state(RELATED).verdict(Verdict::Accept);
        });
        changes.add_rule("leave", |rule| {
            rule.state(ESTABLISHED)
                .verdict(Verdict::Goto("leave_established"));
        });
        // A flow begins with its opening packet, not with one that conntrack has forgotten.
        changes.add_rule("leave", |rule| {
            rule.not_opening().verdict(Verdict::Drop);
        });
        changes.add_rule("leave", |rule| {
            rule.incoming().verdict_by(OUTBOUND);
        });
        lost(&mut changes, "leave", journal::NO_ROUTE);

        changes.add_chain("enter_established");
        changes.add_rule("enter_established", |rule| {
            rule.outgoing().verdict_by(INBOUND_ESTABLISHED);
        });
        changes.add_base_chain("enter", Hook::Forward(0));
        changes.add_rule("enter", |rule| {
            rule.reply().verdict(Verdict::Accept);
        });
        changes.add_rule("enter", |rule| {
            rule.state(RELATED).verdict(Verdict::Accept);
        });
        changes.add_rule("enter", |rule| {
            rule.state(ESTABLISHED)
                .verdict(Verdict::Goto("enter_established"));
        });
        changes.add_rule("enter", |rule| {
            rule.outgoing().verdict_by(INBOUND);
        });
        changes.commit(&socket)?;
        Ok(Filter {
            socket,
            next: 1,
            chains: BTreeMap::new(),
            ports: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        })
    }

    /// Makes the ports and their rules what they must be.
    pub(super) fn apply(
        &mut self,
        groups: &BTreeMap<GroupKey, Group>,
        ports: &[FilterPort],
        journal: &Journal,
    ) -> Result<(), FabricError> {
        let mut changes = Transaction::default();
        let mut chains = BTreeMap::new();
        let mut fresh = Vec::new();
        for (key, group) in groups {
            let number = match self.chains.get(key) {
                Some(chains) if chains.group == *group => chains.number,
                _ => {
                    let number = self.next;
                    self.next += 1;
                    changes = self.stage(changes, number, group, journal)?;
                    fresh.push(key);
                    number
                }
            };
            let group = group.clone();
            chains.insert(key.clone(), Chains { group, number });
        }
        let verdicts = verdicts(&chains, ports);
        let wanted = ports
            .iter()
            .map(|port| (port.index, (port.mark, port.zone)))
            .collect::<BTreeMap<_, _>>();

        for (&(map, index), chain) in &self.verdicts {
            if verdicts.get(&(map, index)) != Some(chain) {
                changes.delete_element(map, index);
            }
        }
        for (&(map, index), chain) in &verdicts {
            if self.verdicts.get(&(map, index)) != Some(chain) {
                changes.add_verdict(map, index, Verdict::Jump(chain));
            }
        }
        for (index, now) in &self.ports {
            if wanted.get(index) != Some(now) {
                changes.delete_element(PORT_MARK, *index);
                changes.delete_element(PORT_ZONE, *index);
            }
        }
        for (index, port) in &wanted {
            if self.ports.get(index) != Some(port) {
                changes.add_value(PORT_MARK, *index, &port.0.to_ne_bytes());
                changes.add_value(PORT_ZONE, *index, &port.1.to_ne_bytes());
            }
        }
        for (key, old) in &self.chains {
            let kept = chains.get(key).is_some_and(|new| new.number == old.number);
            if !kept {
                changes.delete_chain(&old.outbound());
                changes.delete_chain(&old.inbound());
                for place in 0..old.group.address_sets.len() {
                    changes.delete_set(&address_set(old.number, place));
                }
                for place in 0..old.group.port_sets.len() {
                    changes.delete_set(&port_set(old.number, place));
                }
            }
        }
        changes.commit(&self.socket)?;
        self.chains = chains;
        self.verdicts = verdicts;
        self.ports = wanted;
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

fn verdicts(
    chains: &BTreeMap<GroupKey, Chains>,
    ports: &[FilterPort],
) -> BTreeMap<(&'static str, u32), String> {
    let mut verdicts = BTreeMap::new();
    for port in ports {
        let Some(chains) = port.group.as_ref().and_then(|key| chains.get(key)) else {
            continue;
        };
        verdicts.insert((OUTBOUND, port.index), chains.outbound());
        verdicts.insert((INBOUND, port.index), chains.inbound());
        if chains.group.flush {
            verdicts.insert((OUTBOUND_ESTABLISHED, port.index), chains.outbound());
            verdicts.insert((INBOUND_ESTABLISHED, port.index), chains.inbound());
        }
    }
    verdicts
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

/// Makes a node hide its pods behind its own address, except towards `unmasked` (R52, R57, R60).
pub(super) fn masquerade(
    socket: &Socket,
    interface: u32,
    unmasked: &[(u32, u32)],
) -> Result<(), NetlinkError> {
    let mut changes = Transaction::default();
    // Adding first makes the deletion hold whether there was a table or not.
    changes.add_table();
    changes.delete_table();
    changes.add_table();
    changes.add_address_set("unmasked", unmasked);
    changes.add_base_chain("postrouting", Hook::PostroutingNat);
    changes.add_rule("postrouting", |rule| {
        rule.outgoing()
            .interface_is(interface)
            .address_not_in(Side::Destination, "unmasked")
            .masquerade();
    });
    changes.commit(socket)
}
