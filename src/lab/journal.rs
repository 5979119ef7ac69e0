//! The record of what the fabric's rules did to each dial.
//!
//! Every connection, datagram flow and echo of the lab has a source port (an echo: an identifier) that
//! no other open one has, anywhere in the lab, and address translation keeps it: so a logged packet belongs to one dial or to none. A
//! record is read from the kernel and given to its dial before the port is free again.

mod lease;
mod reader;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::net::Protocol;
use crate::verdict::{Action, Decider, Direction, Evidence, Leg, Packet, RuleRef};

use super::effective::{EffectiveRoute, Hop, deciding_route};
use super::filter::INTERNET;
use super::nflog::{Log, Record};
use super::plan::TableKey;

pub(super) use lease::Lease;
pub(super) use reader::Reader;

/// The log group that the fabric's rules write to.
pub(super) const GROUP: u16 = 1;
/// What the rules log that drop a packet for want of a route, by its leg.
pub(super) const NO_ROUTE: &str = "route forward";
pub(super) const NO_RETURN_ROUTE: &str = "route return";
/// What the rules log that drop a packet for another cause, or let it pass for one.
pub(super) const NO_EGRESS: &str = "drop no-explicit-outbound";
pub(super) const NAT_GATEWAY: &str = "drop nat-gateway-carries-only-tcp-and-udp";
pub(super) const FORWARDED: &str = "drop forwarded-traffic-not-allowed";
pub(super) const EXEMPT: &str = "exempt platform-exempt";
/// What is logged of a flow that has met every rule, and of its first answer.
pub(super) const PASS: &str = "pass";
pub(super) const ANSWER: &str = "answer";

const FIRST_PORT: u16 = 32768;
const LAST_PORT: u16 = 60999;

/// A port of the fabric in words, and its routes.
pub(super) type Labels = BTreeMap<u32, (String, TableKey)>;
/// The effective routes of each subnet.
pub(super) type Routes = BTreeMap<TableKey, Vec<EffectiveRoute>>;

struct Dial {
    nonce: String,
    to: SocketAddrV4,
    begun: SystemTime,
    packets: Vec<(Packet, Option<Decider>)>,
    /// Whether a packet of it has left its endpoint for another port.
    crossed: bool,
    /// Whether an answer has come as far as the caller's port.
    answered: bool,
    /// Whether the flow existed before the record began.
    resumed: bool,
    /// Whether the kernel had to drop records while the dial was open.
    lost: bool,
}

struct State {
    log: Log,
    next_port: u16,
    /// The ports in use, with their dial where it is kept.
    open: BTreeMap<u16, Option<usize>>,
    dials: Vec<Dial>,
    rules: Vec<RuleRef>,
    labels: Labels,
    routes: Routes,
}

/// The journal.
pub(super) struct Journal(Mutex<State>);

impl Journal {
    pub(super) fn new(log: Log) -> Journal {
        Journal(Mutex::new(State {
            log,
            next_port: FIRST_PORT,
            open: BTreeMap::new(),
            dials: Vec::new(),
            rules: Vec::new(),
            labels: Labels::new(),
            routes: Routes::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text that a rule logs: names may be longer than the log takes, so it is a number.
    pub(super) fn prefix(&self, rule: &RuleRef, allow: bool) -> String {
        let mut state = self.state();
        let exact = |other: &RuleRef| {
            other.direction == rule.direction && other.nsg == rule.nsg && other.rule == rule.rule
        };
        let number = state.rules.iter().position(exact).unwrap_or_else(|| {
            state.rules.push(rule.clone());
            state.rules.len() - 1
        });
        format!("{} {number}", if allow { "allow" } else { "deny" })
    }

    /// Says what the ports are called and how their subnets route from now on.
    pub(super) fn describe(&self, labels: Labels, routes: Routes) {
        let mut state = self.state();
        state.drain();
        state.labels = labels;
        state.routes = routes;
    }

    /// Takes a source port; `None` where all are in use.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut state = self.state();
        for _ in FIRST_PORT..=LAST_PORT {
            let port = state.next_port;
            state.next_port = if port == LAST_PORT {
                FIRST_PORT
            } else {
                port + 1
            };
            if let Entry::Vacant(place) = state.open.entry(port) {
                place.insert(None);
                return Some(Lease {
                    journal: Arc::clone(self),
                    port,
                });
            }
        }
        None
    }

    /// What became of the dials under a nonce.
    pub(super) fn evidence(&self, nonce: &str) -> Option<Evidence> {
        let mut state = self.state();
        state.drain();
        let dials = state.dials.iter().filter(|dial| dial.nonce == nonce);
        let dials = dials.collect::<Vec<_>>();
        // A record with holes is none.
        if dials.is_empty() || dials.iter().any(|dial| dial.lost) {
            return None;
        }
        let packets = dials.iter().flat_map(|dial| &dial.packets);
        Some(Evidence {
            by: decider(&dials),
            packets: packets.map(|(packet, _)| packet.clone()).collect(),
        })
    }

    fn drain(&self) {
        self.state().drain();
    }
}

/// What decided: the first thing that dropped a packet, or what let through a flow that was answered.
/// Of a flow that went on without an answer the record does not tell what became of it.
fn decider(dials: &[&Dial]) -> Option<Decider> {
    let packets = dials.iter().flat_map(|dial| &dial.packets);
    let mut denied = packets
        .clone()
        .filter(|(packet, _)| packet.action == Action::Deny);
    if let Some((_, decider)) = denied.next() {
        return decider.clone();
    }
    // Neighbours on one node meet without the fabric (R68).
    if dials.iter().any(|dial| dial.crossed && !dial.answered) {
        return None;
    }
    // A flow that exists meets no rule (R11), unless its group flushes connections (R12).
    let resumed = dials.iter().all(|dial| dial.resumed);
    let unguarded = || Decider::Cause {
        cause: if resumed {
            "existing-flow-record"
        } else {
            "no-nsg-and-system-route"
        }
        .to_owned(),
    };
    let last = packets.clone().next_back();
    Some(last.map_or_else(unguarded, |(_, decider)| {
        decider.clone().unwrap_or_else(unguarded)
    }))
}

impl State {
    /// Reads what the kernel has recorded, and gives each record to its dial.
    fn drain(&mut self) {
        let (records, lost) = self.log.drain();
        if lost {
            for &dial in self.open.values().flatten() {
                self.dials[dial].lost = true;
            }
        }
        for record in records {
            let dial = self
                .dial(record.source.port(), record.destination)
                .or_else(|| self.dial(record.destination.port(), record.source));
            let Some(dial) = dial else {
                continue;
            };
            match record.prefix.as_str() {
                ANSWER => self.dials[dial].answered = true,
                PASS => self.dials[dial].crossed = true,
                _ => {
                    if let Some(entry) = self.entry(&record, self.dials[dial].begun) {
                        self.dials[dial].crossed = true;
                        self.dials[dial].packets.push(entry);
                    }
                }
            }
        }
    }

    fn dial(&self, port: u16, peer: SocketAddrV4) -> Option<usize> {
        let dial = (*self.open.get(&port)?)?;
        (self.dials[dial].to == peer).then_some(dial)
    }

    fn entry(&self, record: &Record, begun: SystemTime) -> Option<(Packet, Option<Decider>)> {
        let (verb, text) = record.prefix.split_once(' ')?;
        let leaving = || {
            let (title, _) = self.labels.get(&record.incoming)?;
            Some(format!("leaving {title}"))
        };
        let (at, rule, action, decider) = match verb {
            // Nothing opens a way in (R44).
            "route" if record.incoming == INTERNET => {
                let cause = "no-inbound-from-internet".to_owned();
                let at = "leaving the Internet".to_owned();
                (at, None, Action::Deny, Some(Decider::Cause { cause }))
            }
            "route" => {
                let (_, table) = self.labels.get(&record.incoming)?;
                let leg = if record.prefix == NO_RETURN_ROUTE {
                    Leg::Return
                } else {
                    Leg::Forward
                };
                let routes = self.routes.get(table)?;
                let decider = lost_by(routes, *record.destination.ip(), leg);
                (leaving()?, None, Action::Deny, decider)
            }
            "drop" | "exempt" => {
                let action = match verb {
                    "drop" => Action::Deny,
                    _ => Action::Allow,
                };
                let cause = text.to_owned();
                (leaving()?, None, action, Some(Decider::Cause { cause }))
            }
            _ => {
                let rule = self.rules.get(text.parse::<usize>().ok()?)?;
                let (way, index) = match rule.direction {
                    Direction::Outbound => ("leaving", record.incoming),
                    Direction::Inbound => ("entering", record.outgoing),
                };
                let (title, _) = self.labels.get(&index)?;
                let action = match verb {
                    "allow" => Action::Allow,
                    _ => Action::Deny,
                };
                let decider = Decider::Rule(rule.clone());
                let at = format!("{way} {title}");
                (at, Some(rule.clone()), action, Some(decider))
            }
        };
        let time = record.time.unwrap_or_else(SystemTime::now);
        let since = time.duration_since(begun).unwrap_or_default();
        let has_ports = record.protocol != Protocol::Icmp.number();
        let port = |end: SocketAddrV4| if has_ports { end.port() } else { 0 };
        let packet = Packet {
            at,
            time_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
            protocol: protocol(record.protocol),
            source: *record.source.ip(),
            source_port: port(record.source),
            destination: *record.destination.ip(),
            destination_port: port(record.destination),
            flags: (record.protocol == Protocol::Tcp.number()).then(|| flags(record.flags)),
            rule,
            action,
        };
        Some((packet, decider))
    }
}

/// What decided that a packet has no way: a route, or that its virtual network has no such host.
fn lost_by(routes: &[EffectiveRoute], destination: Ipv4Addr, leg: Leg) -> Option<Decider> {
    let deciding = deciding_route(routes, destination)?;
    if deciding.hop == Hop::Network {
        return Some(Decider::Cause {
            cause: "no-endpoint-at-address".to_owned(),
        });
    }
    let mut route = deciding.route.clone();
    route.leg = leg;
    Some(Decider::Route { route })
}

fn protocol(number: u8) -> String {
    [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Icmp,
        Protocol::Esp,
        Protocol::Ah,
    ]
    .iter()
    .find(|protocol| protocol.number() == number)
    .map_or_else(|| format!("protocol {number}"), Protocol::to_string)
}

fn flags(bits: u8) -> String {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    let set = (0..)
        .zip(names)
        .filter(|(bit, _)| bits & (1 << bit) != 0)
        .map(|(_, name)| name);
    set.collect::<Vec<_>>().join(" ")
}
