//! Route netlink: the few messages that links, addresses, routes, rules and neighbours take.
//!
//! Encodes and decides nothing: which routes there are is `plan`'s to say.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::net::Prefix;

use super::netlink::{Attributes, Batch, CREATE, EXCLUSIVE, REPLACE};

/// The interface index of an endpoint's network interface in its own namespace: out of reach of the
/// tunnel devices that some hosts create in every namespace.
pub(super) const NIC: u32 = 1000;
const LOOPBACK: u32 = 1;

/// The gateway of every endpoint; nobody holds the address, a permanent neighbour stands for it.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The hardware address that Azure's fabric answers with.
const FABRIC_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

pub(super) const MAIN_TABLE: u32 = 254;
pub(super) const LOCAL_TABLE: u32 = 255;

const UP: u32 = 1;

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To a neighbour on a device.
    Device(u32),
    /// Through an address on a device.
    Via(Ipv4Addr, u32),
    /// Nowhere, silently.
    Blackhole,
    /// Nowhere, and the sender is told.
    Unreachable,
    /// On to the next rule.
    Throw,
    /// Here: the address is the namespace's own.
    Local,
}

impl Target {
    /// The device that the route is bound to.
    pub(super) fn device(self) -> Option<u32> {
        match self {
            Target::Device(device) | Target::Via(_, device) => Some(device),
            Target::Blackhole | Target::Unreachable | Target::Throw | Target::Local => None,
        }
    }
}

fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x0d, a, b, c, d]
}

fn link_header(index: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// The far end of a veth.
pub(super) struct Far<'a> {
    pub(super) namespace: &'a OwnedFd,
    /// Its interface there: [`NIC`], or one above it.
    pub(super) interface: u32,
    pub(super) address: Ipv4Addr,
}

/// Adds a veth to `far`, brings this side up, lets it forward, and makes the far address known.
pub(super) fn add_port(batch: &mut Batch, name: &str, index: u32, far: &Far<'_>) {
    let far_name = format!("eth{}", far.interface - NIC);
    batch.message(
        "add veth",
        libc::RTM_NEWLINK,
        CREATE | EXCLUSIVE,
        &link_header(index, UP),
        |link| {
            link.text(libc::IFLA_IFNAME, name)
                .put(libc::IFLA_ADDRESS, &FABRIC_MAC)
                .nest(libc::IFLA_LINKINFO, |info| {
                    info.text(1, "veth").nest(2, |data| {
                        // The peer cannot be made up: it has no pair yet.
                        data.nest(1, |peer| {
                            peer.raw(&link_header(far.interface, 0))
                                .text(libc::IFLA_IFNAME, &far_name)
                                .put(libc::IFLA_ADDRESS, &mac(far.address))
                                .u32(libc::IFLA_NET_NS_FD, far.namespace.as_raw_fd() as u32);
                        });
                    });
                });
        },
    );
    forward(batch, index);
    add_neighbour(batch, index, far.address, mac(far.address));
}

/// Lets a device forward, without the need for a writable /proc/sys.
pub(super) fn forward(batch: &mut Batch, index: u32) {
    const FORWARDING: u16 = 1;
    configure(batch, index, &[(FORWARDING, 1)]);
}

fn configure(batch: &mut Batch, index: u32, values: &[(u16, u32)]) {
    batch.message(
        "configure device",
        libc::RTM_NEWLINK,
        0,
        &link_header(index, 0),
        |link| {
            link.nest(libc::IFLA_AF_SPEC, |family| {
                family.nest(libc::AF_INET as u16, |inet| {
                    inet.nest(1, |configuration| {
                        for (key, value) in values {
                            configuration.u32(*key, *value);
                        }
                    });
                });
            });
        },
    );
}

/// Brings up an endpoint's own side: loopback, interface, address, gateway.
pub(super) fn configure_endpoint(batch: &mut Batch, address: Ipv4Addr) {
    // Loopback first: without a local table no gateway is valid.
    link_up(batch, LOOPBACK);
    link_up(batch, NIC);
    let mut header = [2, 32, 0, 0, 0, 0, 0, 0];
    header[4..8].copy_from_slice(&NIC.to_ne_bytes());
    batch.message(
        "add address",
        libc::RTM_NEWADDR,
        CREATE | REPLACE,
        &header,
        |attributes| {
            attributes
                .put(libc::IFA_LOCAL, &address.octets())
                .put(libc::IFA_ADDRESS, &address.octets());
        },
    );
    add_neighbour(batch, NIC, GATEWAY, FABRIC_MAC);
    add_route(
        batch,
        MAIN_TABLE,
        Prefix::default(),
        Target::Via(GATEWAY, NIC),
    );
}

/// Makes [`GATEWAY`] reachable by a second interface, and the way out of a table of its own.
pub(super) fn configure_second(batch: &mut Batch, interface: u32, table: u32) {
    const SOURCE_CHECK: u16 = 8;
    const LOOSE: u32 = 2;
    link_up(batch, interface);
    forward(batch, interface);
    // Wins over a strict check that the host hands down: a source need not be reached by the way that
    // its packets come in.
    configure(batch, interface, &[(SOURCE_CHECK, LOOSE)]);
    add_neighbour(batch, interface, GATEWAY, FABRIC_MAC);
    let gateway = Target::Via(GATEWAY, interface);
    add_route(batch, table, Prefix::default(), gateway);
}

fn link_up(batch: &mut Batch, index: u32) {
    batch.message(
        "set link up",
        libc::RTM_NEWLINK,
        0,
        &link_header(index, UP),
        |_| {},
    );
}

/// Brings up the loopback device.
pub(super) fn loopback_up(batch: &mut Batch) {
    link_up(batch, LOOPBACK);
}

/// Deletes a link and with it its peer.
pub(super) fn delete_link(batch: &mut Batch, index: u32) {
    let header = link_header(index, 0);
    batch
        .message("delete link", libc::RTM_DELLINK, 0, &header, |_| {})
        .harmless(libc::ENODEV);
}

/// Asks for a link. Since Linux 6.8 this runs the device's pending link event, without which its
/// first packets wait up to a second: events are rate-limited.
pub(super) fn settle_link(batch: &mut Batch, index: u32) {
    const SKIP_STATISTICS: u32 = 8;
    batch.message(
        "get link",
        libc::RTM_GETLINK,
        0,
        &link_header(index, 0),
        |link| {
            link.u32(libc::IFLA_EXT_MASK, SKIP_STATISTICS);
        },
    );
}

/// Adds a permanent neighbour: exempt from the host-wide limit, and never asked for.
fn add_neighbour(batch: &mut Batch, index: u32, address: Ipv4Addr, mac: [u8; 6]) {
    let mut header = [0; 12];
    header[0] = 2;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..10].copy_from_slice(&libc::NUD_PERMANENT.to_ne_bytes());
    batch.message(
        "add neighbour",
        libc::RTM_NEWNEIGH,
        CREATE | REPLACE,
        &header,
        |neighbour| {
            neighbour
                .put(libc::NDA_DST, &address.octets())
                .put(libc::NDA_LLADDR, &mac);
        },
    );
}

fn route_header(prefix: Prefix, scope: u8, kind: u8, flags: u32) -> [u8; 12] {
    const BOOT: u8 = 3;
    let mut header = [0; 12];
    header[0] = 2;
    header[1] = prefix.prefix_len();
    header[5] = BOOT;
    header[6] = scope;
    header[7] = kind;
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header
}

fn route_attributes(route: &mut Attributes<'_>, table: u32, prefix: Prefix) {
    route.u32(libc::RTA_TABLE, table);
    if prefix.prefix_len() > 0 {
        route.put(libc::RTA_DST, &prefix.network().octets());
    }
}

/// Adds a route, in the place of what stood there.
pub(super) fn add_route(batch: &mut Batch, table: u32, prefix: Prefix, target: Target) {
    const ON_LINK: u32 = 4;
    let (kind, scope, flags) = match target {
        Target::Device(_) => (libc::RTN_UNICAST, libc::RT_SCOPE_LINK, 0),
        Target::Via(..) => (libc::RTN_UNICAST, libc::RT_SCOPE_UNIVERSE, ON_LINK),
        Target::Local => (libc::RTN_LOCAL, libc::RT_SCOPE_HOST, 0),
        Target::Blackhole => (libc::RTN_BLACKHOLE, libc::RT_SCOPE_UNIVERSE, 0),
        Target::Unreachable => (libc::RTN_UNREACHABLE, libc::RT_SCOPE_UNIVERSE, 0),
        Target::Throw => (libc::RTN_THROW, libc::RT_SCOPE_UNIVERSE, 0),
    };
    let header = route_header(prefix, scope, kind, flags);
    batch.message(
        "add route",
        libc::RTM_NEWROUTE,
        CREATE | REPLACE,
        &header,
        |route| {
            route_attributes(route, table, prefix);
            match target {
                Target::Device(device) => {
                    route.u32(libc::RTA_OIF, device);
                }
                Target::Via(gateway, device) => {
                    route
                        .put(libc::RTA_GATEWAY, &gateway.octets())
                        .u32(libc::RTA_OIF, device);
                }
                Target::Local => {
                    route.u32(libc::RTA_OIF, LOOPBACK);
                }
                Target::Blackhole | Target::Unreachable | Target::Throw => {}
            }
        },
    );
}

/// Deletes a route.
pub(super) fn delete_route(batch: &mut Batch, table: u32, prefix: Prefix) {
    const NOWHERE: u8 = 255;
    let header = route_header(prefix, NOWHERE, 0, 0);
    batch
        .message("delete route", libc::RTM_DELROUTE, 0, &header, |route| {
            route_attributes(route, table, prefix);
        })
        .harmless(libc::ESRCH);
}
