//! Packets of every protocol that a rule can name, sent and received raw.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use serde_json::{Value, json};

use crate::emulator::fabric::{Endpoint, EndpointId, Fabric as _, NetworkState};
use crate::lab::Lab;
use crate::net::Protocol;

use super::tests::resource;

const CALLER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 4);
const TARGET: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 5);
const ALL: [Protocol; 5] = [
    Protocol::Tcp,
    Protocol::Udp,
    Protocol::Icmp,
    Protocol::Esp,
    Protocol::Ah,
];

fn rule(name: &str, priority: u16, direction: &str, body: Value) -> Value {
    let mut properties = json!({
        "priority": priority, "direction": direction, "access": "Allow", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    });
    for (key, value) in body.as_object().into_iter().flatten() {
        properties[key] = value.clone();
    }
    json!({ "name": name, "properties": properties })
}

/// Two container groups behind a group that drops what `deny` says, in a subnet with a NAT gateway.
fn state(deny: Value) -> NetworkState {
    let nsg = resource(
        "Microsoft.Network/networkSecurityGroups",
        "nsg",
        json!({
            "securityRules": [rule("deny", 100, "Inbound", deny)],
            "defaultSecurityRules": [
                rule("all-in", 65000, "Inbound", json!({})),
                rule("all-out", 65000, "Outbound", json!({})),
            ],
        }),
    );
    let gateway = resource("Microsoft.Network/natGateways", "gateway", json!({}));
    let subnet = json!({ "name": "a", "properties": {
        "addressPrefix": "10.1.0.0/24",
        "networkSecurityGroup": { "id": nsg.id.as_str() },
        "natGateway": { "id": gateway.id.as_str() },
    }});
    let vnet = resource(
        "Microsoft.Network/virtualNetworks",
        "vnet",
        json!({ "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] }, "subnets": [subnet] }),
    );
    let endpoint = |name: &str, address| {
        let group = Endpoint::ContainerGroup {
            group: vnet.id.clone(),
            subnet: vnet.id.child("subnets", "a"),
            address,
        };
        (EndpointId(name.to_owned()), group)
    };
    NetworkState {
        endpoints: [endpoint("caller", CALLER), endpoint("target", TARGET)].into(),
        resources: vec![vnet, nsg, gateway],
    }
}

fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2);
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    words.map(word).sum()
}

fn folded(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    (!(sum as u16)).to_be_bytes()
}

/// A packet's payload: TCP to port 80, UDP to port 53, an echo request, opaque bytes. `flow` tells it
/// from those sent before.
fn payload(protocol: Protocol, flow: u16, to: Ipv4Addr) -> Vec<u8> {
    let [high, low] = flow.to_be_bytes();
    match protocol {
        Protocol::Tcp => {
            let mut segment = vec![
                high, low, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0,
            ];
            let pseudo = [&CALLER.octets()[..], &to.octets(), &[0, 6, 0, 20]].concat();
            let checksum = folded(sum(&segment) + sum(&pseudo));
            segment[16..18].copy_from_slice(&checksum);
            segment
        }
        // Without a checksum, as IPv4 allows.
        Protocol::Udp => vec![high, low, 0, 53, 0, 10, 0, 0, high, low],
        Protocol::Icmp => {
            let mut message = vec![8, 0, 0, 0, high, low, 0, 1];
            let checksum = folded(sum(&message));
            message[2..4].copy_from_slice(&checksum);
            message
        }
        Protocol::Esp | Protocol::Ah => [&[high, low][..], &[7; 22]].concat(),
    }
}

struct Bench {
    lab: Lab,
    flow: u16,
    senders: Vec<OwnedFd>,
    receivers: Vec<OwnedFd>,
}

impl Bench {
    /// A lab with a raw socket for each protocol in the namespaces of both.
    async fn new(receiver: &str) -> Option<Bench> {
        let Ok(lab) = Lab::start() else {
            assert!(std::env::var_os("VNETLAB_REQUIRE_LAB").is_none());
            return None;
        };
        lab.apply(&state(json!({}))).await.expect("a network");
        let sockets = |name: &str| {
            let seat = lab.seat(&EndpointId(name.to_owned())).expect("a seat");
            let socket = |protocol: &Protocol| {
                let number = i32::from(protocol.number());
                let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK;
                let socket = lab.helper.socket(seat.slot, libc::AF_INET, kind, number);
                socket.expect("a socket")
            };
            ALL.iter().map(socket).collect::<Vec<_>>()
        };
        let (senders, receivers) = (sockets("caller"), sockets(receiver));
        Some(Bench {
            flow: 40_000,
            senders,
            receivers,
            lab,
        })
    }

    /// Sends a packet of each protocol; which of them have arrived once all of `expected` have, or
    /// when one of those is overdue.
    fn arrivals(&mut self, to: Ipv4Addr, expected: &[Protocol]) -> Vec<Protocol> {
        self.flow += 1;
        let flow = self.flow;
        // Those that are not to arrive go first, so that they would be there by the end.
        let mut order = (0..ALL.len()).collect::<Vec<_>>();
        order.sort_by_key(|place| expected.contains(&ALL[*place]));
        for &place in &order {
            send(&self.senders[place], &payload(ALL[place], flow, to), to);
        }
        let mut arrived = Vec::new();
        order.sort_by_key(|place| !expected.contains(&ALL[*place]));
        for place in order {
            let wait = expected.contains(&ALL[place]);
            if receive(&self.receivers[place], &payload(ALL[place], flow, to), wait) {
                arrived.push(ALL[place]);
            }
        }
        arrived.sort();
        arrived
    }
}

fn send(socket: &OwnedFd, payload: &[u8], to: Ipv4Addr) {
    // SAFETY: the address and the payload outlive the call; all-zero is a valid address.
    let sent = unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_addr.s_addr = u32::from_ne_bytes(to.octets());
        libc::sendto(
            socket.as_raw_fd(),
            payload.as_ptr().cast(),
            payload.len(),
            0,
            (&raw const address).cast(),
            std::mem::size_of_val(&address) as libc::socklen_t,
        )
    };
    assert_eq!(usize::try_from(sent), Ok(payload.len()), "{payload:?}");
}

/// Whether the payload is among what has come; with `wait`, or comes in time.
fn receive(socket: &OwnedFd, payload: &[u8], wait: bool) -> bool {
    const HEADER: usize = 20;
    let limit = if wait {
        Duration::from_secs(5)
    } else {
        Duration::ZERO
    };
    let mut buffer = [0u8; 256];
    loop {
        let mut ready = libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: the structure and the buffer outlive the calls and their sizes are given.
        let len = unsafe {
            if libc::poll(&mut ready, 1, limit.as_millis() as i32) != 1 {
                return false;
            }
            libc::recv(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
            )
        };
        let packet = usize::try_from(len).map(|len| &buffer[..len]);
        if packet.is_ok_and(|packet| packet.get(HEADER..) == Some(payload)) {
            return true;
        }
    }
}

fn all_but(denied: &[Protocol]) -> Vec<Protocol> {
    let mut rest = ALL.to_vec();
    rest.retain(|protocol| !denied.contains(protocol));
    rest.sort();
    rest
}

#[tokio::test]
async fn a_rule_judges_the_protocol_that_it_names_and_no_other() {
    let Some(mut bench) = Bench::new("target").await else {
        return;
    };
    for (protocol, port, denied) in [
        ("Tcp", "*", &[Protocol::Tcp][..]),
        ("UDP", "*", &[Protocol::Udp]),
        ("icmp", "*", &[Protocol::Icmp]),
        ("Esp", "*", &[Protocol::Esp]),
        ("Ah", "*", &[Protocol::Ah]),
        ("Tcp", "80", &[Protocol::Tcp]),
        ("Udp", "53", &[Protocol::Udp]),
        ("Udp", "80", &[]),
        // R8, R9: any protocol; with a port, those that have one.
        ("*", "*", &ALL),
        ("*", "53", &[Protocol::Udp]),
        ("*", "0-1000", &[Protocol::Tcp, Protocol::Udp]),
    ] {
        let deny = json!({ "access": "Deny", "protocol": protocol, "destinationPortRange": port });
        bench.lab.apply(&state(deny)).await.expect("a network");
        let expected = all_but(denied);
        let arrived = bench.arrivals(TARGET, &expected);
        assert_eq!(arrived, expected, "denied: {protocol} {port}");
    }
}

#[tokio::test]
async fn a_nat_gateway_carries_neither_icmp_nor_esp_nor_ah() {
    let Some(mut bench) = Bench::new("internet").await else {
        return;
    };
    let to = Ipv4Addr::new(203, 0, 113, 9);
    // R43. TCP passes too, but with another checksum, which covers the source: not what was sent.
    let arrived = bench.arrivals(to, &[Protocol::Udp]);
    assert_eq!(arrived, [Protocol::Udp]);
}
