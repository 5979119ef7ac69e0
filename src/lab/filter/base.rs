//! The chains that every packet passes, whatever the network: they never change.
//!
//! A packet is marked by the port that it comes in at, judged by that port's outbound rules, then by
//! the routes of its mark, then by the inbound rules of the port that it leaves by: the order in which
//! Azure's verdict is told (R13, R14, R16). Only new flows meet the rules (R11), and those that a
//! group with `flushConnection` guards (R12).

use crate::lab::journal;
use crate::lab::nft::{
    ESTABLISHED, Hook, INVALID, Key, MapData, RELATED, Rule, Side, Transaction, Verdict,
};
use crate::lab::space;

/// The interface in the fabric that leads to the Internet.
pub(in crate::lab) const INTERNET: u32 = 9_999;

/// From a port to its mark and zone.
pub(super) const PORT_MARK: &str = "port_mark";
pub(super) const PORT_ZONE: &str = "port_zone";
/// From a public address to the mark and zone of its virtual network.
pub(super) const PUBLIC_MARK: &str = "public_mark";
pub(super) const PUBLIC_ZONE: &str = "public_zone";
/// From a port to the address that it has in the Internet.
pub(super) const PUBLIC_ADDRESS: &str = "public_address";
/// From a port to what its way out carries.
pub(super) const EGRESS: &str = "egress";
/// From a port to the fence around its virtual network.
pub(super) const FENCES: &str = "fences";
/// Where the way out is a NAT gateway.
pub(super) const NAT_GATEWAY: &str = "nat_gateway";

/// The gates of a port in one direction, in the order in which a packet meets them.
pub(super) const OUTBOUND: [&str; 2] = ["outbound_nic", "outbound_subnet"];
pub(super) const INBOUND: [&str; 2] = ["inbound_subnet", "inbound_nic"];
/// The same for flows that exist.
pub(super) const OUTBOUND_ESTABLISHED: [&str; 2] = ["outbound_nic_est", "outbound_subnet_est"];
pub(super) const INBOUND_ESTABLISHED: [&str; 2] = ["inbound_subnet_est", "inbound_nic_est"];

const PLATFORM: &str = "platform";
const PRIVATE: &str = "private";
const ROUTED: &str = "routed";
const ROUTED_BACK: &str = "routed_back";

/// Adds maps, sets and chains to an empty table.
pub(super) fn add(changes: &mut Transaction) {
    changes.add_table();
    add_maps(changes);
    add_mark(changes);
    add_routing(changes);
    add_leave(changes);
    add_enter(changes);
    // After the reply's translation back is known by conntrack, on the way out.
    changes.add_base_chain("translate", Hook::PostroutingNat);
    changes.add_rule("translate", |rule| {
        rule.outgoing()
            .interface_is(INTERNET)
            .incoming()
            .source_by(PUBLIC_ADDRESS);
    });
}

fn add_maps(changes: &mut Transaction) {
    changes.add_map(PORT_MARK, MapData::Mark);
    changes.add_map(PORT_ZONE, MapData::Zone);
    changes.add_address_map(PUBLIC_MARK, MapData::Mark);
    changes.add_address_map(PUBLIC_ZONE, MapData::Zone);
    changes.add_map(PUBLIC_ADDRESS, MapData::Address);
    let gates = [OUTBOUND, INBOUND, OUTBOUND_ESTABLISHED, INBOUND_ESTABLISHED];
    for map in gates.iter().flatten() {
        changes.add_map(map, MapData::Verdict);
    }
    for map in [EGRESS, FENCES, ROUTED, ROUTED_BACK] {
        changes.add_map(map, MapData::Verdict);
    }
    changes.add_address_set(PLATFORM, &space::ranges(&space::platform()));
    changes.add_address_set(PRIVATE, &space::ranges(&space::not_internet()));
}

fn add_mark(changes: &mut Transaction) {
    // Before conntrack (-200), which must know the zone.
    changes.add_base_chain("mark", Hook::Prerouting(-300));
    changes.add_rule("mark", |rule| {
        rule.incoming().mark_by(PORT_MARK);
    });
    changes.add_rule("mark", |rule| {
        rule.incoming().zone_by(PORT_ZONE);
    });
    changes.add_rule("mark", |rule| {
        rule.incoming()
            .interface_is(INTERNET)
            .address(Side::Destination)
            .mark_by(PUBLIC_MARK);
    });
    changes.add_rule("mark", |rule| {
        rule.incoming()
            .interface_is(INTERNET)
            .address(Side::Destination)
            .zone_by(PUBLIC_ZONE);
    });
}

fn dropped(changes: &mut Transaction, chain: &str, prefix: &str) {
    changes.add_rule(chain, |rule| {
        rule.log(journal::GROUP, prefix).verdict(Verdict::Drop);
    });
}

/// What becomes of a packet by where its routes lead.
fn add_routing(changes: &mut Transaction) {
    changes.add_chain(NAT_GATEWAY);
    // TCP and UDP alone (R43).
    for protocol in [6, 17] {
        changes.add_rule(NAT_GATEWAY, |rule| {
            rule.protocol(protocol).verdict(Verdict::Accept);
        });
    }
    dropped(changes, NAT_GATEWAY, journal::NAT_GATEWAY);
    for (map, lost, out, prefix) in [
        (ROUTED, "lost", "out", journal::NO_ROUTE),
        (
            ROUTED_BACK,
            "lost_back",
            "out_back",
            journal::NO_RETURN_ROUTE,
        ),
    ] {
        changes.add_chain(lost);
        dropped(changes, lost, prefix);
        changes.add_chain(out);
        // The Internet has no private addresses, whatever a route says.
        changes.add_rule(out, |rule| {
            rule.address_in(Side::Destination, PRIVATE)
                .verdict(Verdict::Goto(lost));
        });
        changes.add_verdict(map, Key::Interface(0), Verdict::Goto(lost));
        changes.add_verdict(map, Key::Interface(INTERNET), Verdict::Goto(out));
    }
    changes.add_rule("out", |rule| {
        rule.incoming().verdict_by(EGRESS);
    });
    dropped(changes, "out", journal::NO_EGRESS);
}

fn platform<'a, 'b, 'c>(rule: &'a mut Rule<'b, 'c>) -> &'a mut Rule<'b, 'c> {
    rule.address_in(Side::Destination, PLATFORM)
}

/// The way from a port to the routes. Replies from the Internet are translated back before (-100).
fn add_leave(changes: &mut Transaction) {
    let routed = |changes: &mut Transaction, chain: &str, map: &str| {
        changes.add_rule(chain, |rule| {
            rule.routed_to().verdict_by(map);
        });
    };
    let gates = |changes: &mut Transaction, chain: &str, maps: [&str; 2]| {
        for map in maps {
            changes.add_rule(chain, |rule| {
                rule.incoming().verdict_by(map);
            });
        }
    };
    changes.add_chain("leave_established");
    changes.add_rule("leave_established", |rule| {
        platform(rule).verdict(Verdict::Accept);
    });
    gates(changes, "leave_established", OUTBOUND_ESTABLISHED);
    routed(changes, "leave_established", ROUTED);
    changes.add_chain("leave_reply");
    routed(changes, "leave_reply", ROUTED_BACK);

    changes.add_base_chain("leave", Hook::Prerouting(-50));
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
    // R22.
    changes.add_rule("leave", |rule| {
        platform(rule)
            .log(journal::GROUP, journal::EXEMPT)
            .verdict(Verdict::Accept);
    });
    gates(changes, "leave", OUTBOUND);
    routed(changes, "leave", ROUTED);
}

/// The way from the routes to a port.
fn add_enter(changes: &mut Transaction) {
    changes.add_chain("enter_established");
    for map in INBOUND_ESTABLISHED {
        changes.add_rule("enter_established", |rule| {
            rule.outgoing().verdict_by(map);
        });
    }
    changes.add_base_chain("enter", Hook::Forward(0));
    changes.add_rule("enter", |rule| {
        rule.reply()
            .first_of_flow()
            .log(journal::GROUP, journal::ANSWER)
            .verdict(Verdict::Accept);
    });
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
        rule.outgoing().verdict_by(FENCES);
    });
    for map in INBOUND {
        changes.add_rule("enter", |rule| {
            rule.outgoing().verdict_by(map);
        });
    }
    changes.add_rule("enter", |rule| {
        rule.log(journal::GROUP, journal::PASS);
    });
}
