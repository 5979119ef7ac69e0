//! The expressions of an nf_tables rule.

use std::net::Ipv4Addr;

use super::{REGISTER, VERDICT, Verdict, put_verdict};
use crate::lab::netlink::Attributes;

/// One side of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum Side {
    Source,
    Destination,
}

/// The expressions of a rule in order; each narrows what the next sees.
pub(in crate::lab) struct Rule<'a, 'b>(pub(super) &'a mut Attributes<'b>);

impl Rule<'_, '_> {
    fn expression(&mut self, name: &str, fill: impl FnOnce(&mut Attributes<'_>)) -> &mut Self {
        self.0.nest(1, |expression| {
            expression.text(1, name).nest(2, fill);
        });
        self
    }

    fn meta(&mut self, key: u32) -> &mut Self {
        self.expression("meta", |meta| {
            meta.be32(1, REGISTER).be32(2, key);
        })
    }

    fn payload(&mut self, base: u32, offset: u32, len: u32) -> &mut Self {
        self.expression("payload", |payload| {
            payload
                .be32(1, REGISTER)
                .be32(2, base)
                .be32(3, offset)
                .be32(4, len);
        })
    }

    fn compare(&mut self, operator: u32, data: &[u8]) -> &mut Self {
        self.expression("cmp", |compare| {
            compare
                .be32(1, REGISTER)
                .be32(2, operator)
                .nest(3, |value| {
                    value.put(1, data);
                });
        })
    }

    fn equals(&mut self, data: &[u8]) -> &mut Self {
        self.compare(0, data)
    }

    fn and(&mut self, mask: &[u8]) -> &mut Self {
        let zero = [0u8; 4];
        let zero = &zero[..mask.len().min(4)];
        self.expression("bitwise", |bitwise| {
            bitwise
                .be32(1, REGISTER)
                .be32(2, REGISTER)
                .be32(3, mask.len() as u32)
                .nest(4, |value| {
                    value.put(1, mask);
                })
                .nest(5, |value| {
                    value.put(1, zero);
                });
        })
    }

    fn in_set(&mut self, set: &str, inverted: bool) -> &mut Self {
        self.expression("lookup", |lookup| {
            lookup.text(1, set).be32(2, REGISTER);
            if inverted {
                lookup.be32(5, 1);
            }
        })
    }

    fn looked_up_in(&mut self, map: &str, register: u32) -> &mut Self {
        self.expression("lookup", |lookup| {
            lookup.text(1, map).be32(2, REGISTER).be32(3, register);
        })
    }

    fn conntrack(&mut self, key: u32) -> &mut Self {
        self.expression("ct", |ct| {
            ct.be32(1, REGISTER).be32(2, key);
        })
    }

    /// Loads the interface that the packet came in by.
    pub(in crate::lab) fn incoming(&mut self) -> &mut Self {
        self.meta(4)
    }

    /// Loads the interface that the packet goes out by.
    pub(in crate::lab) fn outgoing(&mut self) -> &mut Self {
        self.meta(5)
    }

    /// Matches the loaded interface.
    pub(in crate::lab) fn interface_is(&mut self, index: u32) -> &mut Self {
        self.equals(&index.to_ne_bytes())
    }

    /// Follows the verdict that a map has for the loaded interface; goes on where it has none.
    pub(in crate::lab) fn verdict_by(&mut self, map: &str) -> &mut Self {
        self.looked_up_in(map, VERDICT)
    }

    /// Sets the mark to what a map has for what is loaded.
    pub(in crate::lab) fn mark_by(&mut self, map: &str) -> &mut Self {
        self.looked_up_in(map, REGISTER).expression("meta", |meta| {
            meta.be32(2, 3).be32(3, REGISTER);
        })
    }

    /// Sets the conntrack zone to what a map has for what is loaded.
    pub(in crate::lab) fn zone_by(&mut self, map: &str) -> &mut Self {
        const ZONE: u32 = 17;
        self.looked_up_in(map, REGISTER).expression("ct", |ct| {
            ct.be32(2, ZONE).be32(4, REGISTER);
        })
    }

    /// Matches flows in any of the states.
    pub(in crate::lab) fn state(&mut self, states: u32) -> &mut Self {
        self.conntrack(0)
            .and(&states.to_ne_bytes())
            .compare(1, &[0; 4])
    }

    /// Matches packets that answer the one that began the flow.
    pub(in crate::lab) fn reply(&mut self) -> &mut Self {
        self.conntrack(1).equals(&[1])
    }

    pub(in crate::lab) fn protocol(&mut self, number: u8) -> &mut Self {
        self.meta(16).equals(&[number])
    }

    /// Matches TCP packets other than the one that opens a connection.
    pub(in crate::lab) fn not_opening(&mut self) -> &mut Self {
        const SYN: u8 = 2;
        const SYN_ACK_RST_FIN: u8 = 0x17;
        self.protocol(6)
            .payload(2, 13, 1)
            .and(&[SYN_ACK_RST_FIN])
            .compare(1, &[SYN])
    }

    /// Loads an address.
    pub(in crate::lab) fn address(&mut self, side: Side) -> &mut Self {
        self.payload(1, if side == Side::Source { 12 } else { 16 }, 4)
    }

    fn port(&mut self, side: Side) -> &mut Self {
        self.payload(2, if side == Side::Source { 0 } else { 2 }, 2)
    }

    pub(in crate::lab) fn address_is(
        &mut self,
        side: Side,
        network: Ipv4Addr,
        mask: Ipv4Addr,
    ) -> &mut Self {
        self.address(side);
        if mask != Ipv4Addr::BROADCAST {
            self.and(&mask.octets());
        }
        self.equals(&network.octets())
    }

    pub(in crate::lab) fn address_in(&mut self, side: Side, set: &str) -> &mut Self {
        self.address(side).in_set(set, false)
    }

    pub(in crate::lab) fn address_not_in(&mut self, side: Side, set: &str) -> &mut Self {
        self.address(side).in_set(set, true)
    }

    pub(in crate::lab) fn port_between(&mut self, side: Side, first: u16, last: u16) -> &mut Self {
        self.port(side);
        if first == last {
            return self.equals(&first.to_be_bytes());
        }
        self.expression("range", |range| {
            range
                .be32(1, REGISTER)
                .be32(2, 0)
                .nest(3, |value| {
                    value.put(1, &first.to_be_bytes());
                })
                .nest(4, |value| {
                    value.put(1, &last.to_be_bytes());
                });
        })
    }

    pub(in crate::lab) fn port_in(&mut self, side: Side, set: &str) -> &mut Self {
        self.port(side).in_set(set, false)
    }

    /// Loads the interface that the mark's own routes lead to; 0 where they lead nowhere.
    pub(in crate::lab) fn routed_to(&mut self) -> &mut Self {
        const OUTGOING: u32 = 1;
        const DESTINATION_AND_MARK: u32 = 2 | 4;
        self.expression("fib", |fib| {
            fib.be32(1, REGISTER)
                .be32(2, OUTGOING)
                .be32(3, DESTINATION_AND_MARK);
        })
    }

    /// Matches packets that no route leads on, by the mark's own rules.
    pub(in crate::lab) fn unroutable(&mut self) -> &mut Self {
        self.routed_to().interface_is(0)
    }

    /// Matches packets that carry a mark under a mask.
    pub(in crate::lab) fn marked(&mut self, mark: u32, mask: u32) -> &mut Self {
        self.meta(3)
            .and(&mask.to_ne_bytes())
            .equals(&mark.to_ne_bytes())
    }

    /// Matches the first packet that meets this in its flow, and remembers the flow.
    pub(in crate::lab) fn first_of_flow(&mut self) -> &mut Self {
        const MARK: u32 = 3;
        self.conntrack(MARK)
            .equals(&[0; 4])
            .expression("immediate", |immediate| {
                immediate.be32(1, REGISTER).nest(2, |data| {
                    data.put(1, &1u32.to_ne_bytes());
                });
            })
            .expression("ct", |ct| {
                ct.be32(2, MARK).be32(4, REGISTER);
            })
    }

    /// Records the packet in the log group; `prefix` is at most 127 bytes.
    pub(in crate::lab) fn log(&mut self, group: u16, prefix: &str) -> &mut Self {
        const HEADERS: u32 = 96;
        self.expression("log", |log| {
            log.be16(1, group).text(2, prefix).be32(3, HEADERS);
        })
    }

    /// Puts the outgoing interface's address in the place of the source.
    pub(in crate::lab) fn masquerade(&mut self) -> &mut Self {
        self.expression("masq", |_| {})
    }

    /// Puts the address that a map has for the loaded interface in the place of the source; goes on
    /// where it has none.
    pub(in crate::lab) fn source_by(&mut self, map: &str) -> &mut Self {
        const SOURCE: u32 = 0;
        const IPV4: u32 = 2;
        self.looked_up_in(map, REGISTER).expression("nat", |nat| {
            nat.be32(1, SOURCE).be32(2, IPV4).be32(3, REGISTER);
        })
    }

    pub(in crate::lab) fn verdict(&mut self, verdict: Verdict<'_>) -> &mut Self {
        self.expression("immediate", |immediate| {
            immediate
                .be32(1, VERDICT)
                .nest(2, |data| put_verdict(data, verdict));
        })
    }
}
