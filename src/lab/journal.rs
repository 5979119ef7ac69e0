//! The record of what the fabric's rules did to each dial.
//!
//! Every connection, datagram flow and echo of the lab has a source port (an echo: an identifier) that
//! no other open one has, anywhere in the lab, and address translation keeps it: so a logged packet belongs to one dial or to none. A
//! record is read from the kernel and given to its dial before the port is free again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{PipeReader, PipeWriter};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use crate::arm::ResourceId;
use crate::net::Protocol;
use crate::verdict::{Action, Decider, Direction, Evidence, Leg, Packet, RuleRef};

use super::effective::{EffectiveRoute, Hop, deciding_route};
use super::nflog::{Log, Record};

/// The log group that the fabric's rules write to.
pub(super) const GROUP: u16 = 1;
/// What the rules log that drop a packet for want of a route, by its leg.
pub(super) const NO_ROUTE: &str = "route forward";
pub(super) const NO_RETURN_ROUTE: &str = "route return";

const FIRST_PORT: u16 = 32768;
const LAST_PORT: u16 = 60999;

/// A port of the fabric in words, and its subnet.
pub(super) type Labels = BTreeMap<u32, (String, ResourceId)>;
/// The effective routes of each subnet.
pub(super) type Routes = BTreeMap<ResourceId, Vec<EffectiveRoute>>;

struct Dial {
    nonce: String,
    to: SocketAddrV4,
    begun: SystemTime,
    packets: Vec<(Packet, Option<Decider>)>,
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
        let entries = dials.iter().flat_map(|dial| &dial.packets);
        let denied = entries
            .clone()
            .find(|(packet, _)| packet.action == Action::Deny);
        let by = match denied {
            Some((_, decider)) => decider.clone(),
            None => entries
                .clone()
                .last()
                .and_then(|(_, decider)| decider.clone()),
        };
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
        Some(Evidence {
            by: Some(by.unwrap_or_else(unguarded)),
            packets: entries.map(|(packet, _)| packet.clone()).collect(),
        })
    }

    fn drain(&self) {
        self.state().drain();
    }
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
            if let Some(dial) = dial
                && let Some(entry) = self.entry(&record, self.dials[dial].begun)
            {
                self.dials[dial].packets.push(entry);
            }
        }
    }

    fn dial(&self, port: u16, peer: SocketAddrV4) -> Option<usize> {
        let dial = (*self.open.get(&port)?)?;
        (self.dials[dial].to == peer).then_some(dial)
    }

    fn entry(&self, record: &Record, begun: SystemTime) -> Option<(Packet, Option<Decider>)> {
        let (verb, number) = record.prefix.split_once(' ')?;
        let (at, rule, action, decider) = if verb == "route" {
            let (title, subnet) = self.labels.get(&record.incoming)?;
            let leg = if record.prefix == NO_RETURN_ROUTE {
                Leg::Return
            } else {
                Leg::Forward
            };
            let routes = self.routes.get(subnet)?;
            let decider = lost_by(routes, *record.destination.ip(), leg);
            (format!("leaving {title}"), None, Action::Deny, decider)
        } else {
            let rule = self.rules.get(number.parse::<usize>().ok()?)?;
            let (way, index) = match rule.direction {
                Direction::Outbound => ("leaving", record.incoming),
                Direction::Inbound => ("entering", record.outgoing),
            };
            let (title, _) = self.labels.get(&index)?;
            let action = if verb == "allow" {
                Action::Allow
            } else {
                Action::Deny
            };
            let decider = Decider::Rule(rule.clone());
            (
                format!("{way} {title}"),
                Some(rule.clone()),
                action,
                Some(decider),
            )
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

/// A source port in use.
pub(super) struct Lease {
    journal: Arc<Journal>,
    port: u16,
}

impl Lease {
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Begins the record of a dial from the port.
    pub(super) fn record(&self, nonce: &str, to: SocketAddrV4) {
        self.begin(nonce, to, false);
    }

    /// Begins another record of the flow from the port, which exists.
    pub(super) fn resume(&self, nonce: &str, to: SocketAddrV4) {
        self.begin(nonce, to, true);
    }

    fn begin(&self, nonce: &str, to: SocketAddrV4, resumed: bool) {
        let mut state = self.journal.state();
        // What is in the log belongs to the record so far.
        state.drain();
        let dial = state.dials.len();
        state.dials.push(Dial {
            nonce: nonce.to_owned(),
            to,
            begun: SystemTime::now(),
            packets: Vec::new(),
            resumed,
            lost: false,
        });
        state.open.insert(self.port, Some(dial));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.journal.state();
        state.drain();
        state.open.remove(&self.port);
    }
}

/// A thread that reads the log as it fills, so that its buffer does not overflow.
pub(super) struct Reader {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(journal: &Arc<Journal>) -> std::io::Result<Reader> {
        let (stopped, stop) = std::io::pipe()?;
        let journal = Arc::clone(journal);
        let thread = std::thread::Builder::new()
            .name("vnetlab-log".to_owned())
            .spawn(move || read(&journal, &stopped))?;
        Ok(Reader {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

fn read(journal: &Journal, stopped: &PipeReader) {
    let log = journal.state().log.as_raw_fd();
    loop {
        let wait = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut both = [wait(log), wait(stopped.as_raw_fd())];
        // SAFETY: both descriptors are open: the journal and the pipe outlive the loop.
        unsafe { libc::poll(both.as_mut_ptr(), 2, -1) };
        if both[1].revents != 0 {
            return;
        }
        journal.drain();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A reader that panicked has nothing more to give.
            let _ = thread.join();
        }
    }
}
