//! nf_tables: transactions, chains, sets, maps and the expressions of their rules.
//!
//! Encodes and decides nothing: what a security rule means stands in `security`. A [`Transaction`]
//! takes effect as a whole or not at all.

mod rule;

use std::net::Ipv4Addr;

use super::netlink::{APPEND, Attributes, Batch, CREATE, NetlinkError, Socket};

pub(super) use rule::{Rule, Side};

/// The one table of a namespace.
const TABLE: &str = "vnetlab";

const SUBSYSTEM: u16 = 10 << 8;
const IPV4: u8 = 2;
/// The only register that the rules need; register 0 is the verdict.
const REGISTER: u32 = 1;
const VERDICT: u32 = 0;
/// Elements are sent in parts, since a list must fit a netlink attribute.
const PART: usize = 500;

/// Data types as the nft tool numbers them, which shows them when it lists the table.
const TYPE_MARK: u32 = 0x13;
const TYPE_INTERFACE: u32 = 0x14;
const TYPE_ADDRESS: u32 = 7;
const TYPE_PORT: u32 = 13;
const TYPE_VERDICT: u32 = 0xffff_ff00;

/// Where a chain is hooked in, and in which order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hook {
    Prerouting(i32),
    Forward(i32),
    /// Source translation.
    PostroutingNat,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    Accept,
    Drop,
    Return,
    Goto(&'a str),
    Jump(&'a str),
}

/// What a map leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum MapData {
    Mark,
    /// A conntrack zone.
    Zone,
    Address,
    Verdict,
}

/// What a map is keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Interface(u32),
    Address(Ipv4Addr),
}

impl Key {
    fn bytes(self) -> [u8; 4] {
        match self {
            Key::Interface(index) => index.to_ne_bytes(),
            Key::Address(address) => address.octets(),
        }
    }
}

/// States of a flow, as bits.
pub(super) const INVALID: u32 = 1;
pub(super) const ESTABLISHED: u32 = 2;
pub(super) const RELATED: u32 = 4;

/// Changes to the table that take effect together.
pub(super) struct Transaction {
    batch: Batch,
    set_id: u32,
}

impl Default for Transaction {
    fn default() -> Transaction {
        let mut batch = Batch::default();
        // NFNL_MSG_BATCH_BEGIN, for the nf_tables subsystem.
        batch.message("begin nf_tables batch", 0x10, 0, &[0, 0, 0, 10], |_| {});
        Transaction { batch, set_id: 0 }
    }
}

impl Transaction {
    fn message(
        &mut self,
        operation: &'static str,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        let header = [IPV4, 0, 0, 0];
        self.batch
            .message(operation, SUBSYSTEM | kind, flags, &header, |attributes| {
                attributes.text(1, TABLE);
                fill(attributes);
            });
    }

    pub(super) fn add_table(&mut self) {
        self.message("add nf_tables table", 0, CREATE, |_| {});
    }

    /// Deletes the table with all that is in it.
    pub(super) fn delete_table(&mut self) {
        self.message("delete nf_tables table", 2, 0, |_| {});
    }

    pub(super) fn add_base_chain(&mut self, name: &str, hook: Hook) {
        let (kind, number, priority) = match hook {
            Hook::Prerouting(priority) => ("filter", 0, priority),
            Hook::Forward(priority) => ("filter", 2, priority),
            Hook::PostroutingNat => ("nat", 4, 100),
        };
        self.message("add nf_tables base chain", 3, CREATE, |chain| {
            chain
                .text(3, name)
                .nest(4, |hook| {
                    hook.be32(1, number).be32(2, priority as u32);
                })
                .text(7, kind);
        });
    }

    pub(super) fn add_chain(&mut self, name: &str) {
        self.message("add nf_tables chain", 3, CREATE, |chain| {
            chain.text(3, name);
        });
    }

    /// Deletes a chain with its rules.
    pub(super) fn delete_chain(&mut self, name: &str) {
        self.message("delete nf_tables chain", 5, 0, |chain| {
            chain.text(3, name);
        });
    }

    pub(super) fn add_rule(&mut self, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        self.message("add nf_tables rule", 6, CREATE | APPEND, |rule| {
            rule.text(2, chain).nest(4, |expressions| {
                fill(&mut Rule(expressions));
            });
        });
    }

    fn add_set_of(&mut self, name: &str, flags: u32, key: u32, len: u32, data: Option<(u32, u32)>) {
        self.set_id += 1;
        let id = self.set_id;
        self.message("add nf_tables set", 9, CREATE, |set| {
            set.text(2, name).be32(3, flags).be32(4, key).be32(5, len);
            if let Some((kind, len)) = data {
                set.be32(6, kind).be32(7, len);
            }
            set.be32(10, id);
        });
    }

    /// Adds a map keyed by interface.
    pub(super) fn add_map(&mut self, name: &str, data: MapData) {
        self.add_map_of(name, TYPE_INTERFACE, data);
    }

    /// Adds a map keyed by address.
    pub(super) fn add_address_map(&mut self, name: &str, data: MapData) {
        self.add_map_of(name, TYPE_ADDRESS, data);
    }

    fn add_map_of(&mut self, name: &str, key: u32, data: MapData) {
        const MAP: u32 = 8;
        let data = match data {
            MapData::Mark => (TYPE_MARK, 4),
            MapData::Zone => (0, 2),
            MapData::Address => (TYPE_ADDRESS, 4),
            MapData::Verdict => (TYPE_VERDICT, 0),
        };
        self.add_set_of(name, MAP, key, 4, Some(data));
    }

    /// Adds a set of address ranges, which are sorted and do not touch.
    pub(super) fn add_address_set(&mut self, name: &str, ranges: &[(u32, u32)]) {
        let ends = ranges
            .iter()
            .map(|&(first, last)| {
                (
                    first.to_be_bytes(),
                    last.checked_add(1).map(u32::to_be_bytes),
                )
            })
            .collect::<Vec<_>>();
        let from_zero = ranges.first().is_some_and(|range| range.0 == 0);
        self.add_interval_set(name, TYPE_ADDRESS, &ends, from_zero);
    }

    /// Adds a set of port ranges, which are sorted and do not touch.
    pub(super) fn add_port_set(&mut self, name: &str, ranges: &[(u16, u16)]) {
        let ends = ranges
            .iter()
            .map(|&(first, last)| {
                (
                    first.to_be_bytes(),
                    last.checked_add(1).map(u16::to_be_bytes),
                )
            })
            .collect::<Vec<_>>();
        let from_zero = ranges.first().is_some_and(|range| range.0 == 0);
        self.add_interval_set(name, TYPE_PORT, &ends, from_zero);
    }

    fn add_interval_set<const N: usize>(
        &mut self,
        name: &str,
        key: u32,
        ranges: &[([u8; N], Option<[u8; N]>)],
        from_zero: bool,
    ) {
        const INTERVAL: u32 = 4;
        self.add_set_of(name, INTERVAL, key, N as u32, None);
        let mut elements = Vec::with_capacity(2 * ranges.len() + 1);
        if !from_zero {
            elements.push(([0; N], true));
        }
        for (first, end) in ranges {
            elements.push((*first, false));
            elements.extend(end.map(|end| (end, true)));
        }
        for part in elements.chunks(PART) {
            self.elements("add nf_tables set elements", 12, CREATE, name, |list| {
                for (key, end) in part {
                    list.nest(1, |element| {
                        element.nest(1, |value| {
                            value.put(1, key);
                        });
                        if *end {
                            element.be32(3, 1);
                        }
                    });
                }
            });
        }
    }

    pub(super) fn delete_set(&mut self, name: &str) {
        self.message("delete nf_tables set", 11, 0, |set| {
            set.text(2, name);
        });
    }

    fn elements(
        &mut self,
        operation: &'static str,
        kind: u16,
        flags: u16,
        name: &str,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        self.message(operation, kind, flags, |set| {
            set.text(2, name).nest(3, fill);
        });
    }

    fn add_element(&mut self, map: &str, key: Key, data: impl FnOnce(&mut Attributes<'_>)) {
        self.elements("add nf_tables map element", 12, CREATE, map, |list| {
            list.nest(1, |element| {
                element
                    .nest(1, |value| {
                        value.put(1, &key.bytes());
                    })
                    .nest(2, data);
            });
        });
    }

    /// Adds an element with plain data to a map.
    pub(super) fn add_value(&mut self, map: &str, key: Key, data: &[u8]) {
        self.add_element(map, key, |value| {
            value.put(1, data);
        });
    }

    /// Adds an element with a verdict to a map.
    pub(super) fn add_verdict(&mut self, map: &str, key: Key, verdict: Verdict<'_>) {
        self.add_element(map, key, |value| put_verdict(value, verdict));
    }

    pub(super) fn delete_element(&mut self, map: &str, key: Key) {
        self.elements("delete nf_tables map element", 14, 0, map, |list| {
            list.nest(1, |element| {
                element.nest(1, |value| {
                    value.put(1, &key.bytes());
                });
            });
        });
    }

    /// The size of the changes in bytes; the kernel takes no more at once than the socket's buffer.
    pub(super) fn size(&self) -> usize {
        self.batch.size()
    }

    /// Commits the changes.
    ///
    /// # Errors
    /// The first change that the kernel refused; then none of them has taken effect.
    pub(super) fn commit(mut self, socket: &Socket) -> Result<(), NetlinkError> {
        if self.batch.len() == 1 {
            return Ok(());
        }
        let last = self.batch.acknowledge();
        self.batch
            .message("end nf_tables batch", 0x11, 0, &[0, 0, 0, 10], |_| {});
        // Where the batch as a whole is refused, the kernel answers its first message alone.
        socket.exchange(&self.batch, last, Some(0))
    }
}

fn put_verdict(data: &mut Attributes<'_>, verdict: Verdict<'_>) {
    data.nest(2, |value| {
        match verdict {
            Verdict::Drop => value.be32(1, 0),
            Verdict::Accept => value.be32(1, 1),
            Verdict::Return => value.be32(1, -5i32 as u32),
            Verdict::Jump(chain) => value.be32(1, -3i32 as u32).text(2, chain),
            Verdict::Goto(chain) => value.be32(1, -4i32 as u32).text(2, chain),
        };
    });
}
