//! The lab's network as it stands, and how it is made what a plan says.
//!
//! One fabric namespace routes between the namespaces of the endpoints; each is joined to it by a
//! veth with a /32, so that even neighbours of one subnet meet the rules. Which routes a packet sees
//! follows from its mark: the subnet's table first, then its virtual network's and those of its peers.
//! Virtual networks with the same addresses live side by side: each has its own tables, and a conntrack
//! zone apart. One more namespace stands for the Internet: it answers for every address.
//! Invariant: what is recorded here is in the kernel, also after an error half-way.

mod build;
mod internet;
mod lead;
mod number;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::arm::ResourceId;
use crate::emulator::fabric::{EndpointId, FabricError, NetworkState};
use crate::net::Prefix;

use super::egress::PublicAddresses;
use super::error::StartError;
use super::filter::{Carries, Fence, Fenced, Filter, FilterPort, Rules};
use super::helper::{FABRIC, Helper};
use super::journal::Journal;
use super::netlink::{Batch, Socket};
use super::peering;
use super::plan::{Plan, Pod, Port, PortId, Role, TableKey};
use super::route::{self, Target};
use super::rule::{self, MarkRule};
use super::space;

use internet::Internet;
use number::Numbers;

const NETWORK_MASK: u32 = 0x7fff_0000;
/// The addresses that ports without a way out to the Internet have where addresses are public, one for
/// each virtual network: kept for benchmarks, so nobody's.
const INNER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// Messages of one send stay well within a socket's buffer.
const SEND: usize = 64_000;

/// Where an endpoint lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    /// The slot of its namespace.
    pub(super) slot: u32,
    /// Its own address.
    pub(super) address: Ipv4Addr,
}

/// The seats, read by dials while a change goes on.
pub(super) type Seats = RwLock<BTreeMap<EndpointId, Seat>>;

struct PortState {
    port: Port,
    slot: u32,
    index: u32,
    /// For a node: the route socket of its namespace, to add pods with.
    route: Option<Socket>,
    /// For what forwards: what its translation spares now.
    unmasked: Option<Vec<Prefix>>,
}

struct PodState {
    pod: Pod,
    slot: u32,
    index: u32,
}

/// The network.
pub(super) struct Network {
    helper: Arc<Helper>,
    journal: Arc<Journal>,
    seats: Arc<Seats>,
    route: Socket,
    filter: Filter,
    internet: Internet,
    ports: BTreeMap<PortId, PortState>,
    pods: BTreeMap<EndpointId, PodState>,
    routes: BTreeMap<(u32, Prefix), Target>,
    rules: BTreeSet<MarkRule>,
    zones: BTreeMap<ResourceId, u16>,
    public: PublicAddresses,
    tables: Numbers<TableKey>,
    networks: Numbers<ResourceId>,
    free_slots: Vec<u32>,
    next_slot: u32,
    next_index: u32,
}

/// Messages sent in parts.
struct Sender<'a> {
    socket: &'a Socket,
    batch: Batch,
}

impl<'a> Sender<'a> {
    fn new(socket: &'a Socket) -> Sender<'a> {
        Sender {
            socket,
            batch: Batch::default(),
        }
    }

    fn add(&mut self, add: impl FnOnce(&mut Batch)) -> Result<(), FabricError> {
        add(&mut self.batch);
        if self.batch.size() > SEND {
            self.socket.transact(std::mem::take(&mut self.batch))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), FabricError> {
        Ok(self.socket.transact(self.batch)?)
    }
}

impl Network {
    /// Prepares an empty fabric.
    pub(super) fn start(
        helper: Arc<Helper>,
        journal: Arc<Journal>,
        seats: Arc<Seats>,
    ) -> Result<Network, StartError> {
        let route = helper.socket(
            FABRIC,
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_ROUTE,
        )?;
        let route = Socket::with_large_buffers(route);
        let mut batch = Batch::default();
        route::loopback_up(&mut batch);
        rule::add_blackhole(&mut batch, lead::LAST_RULE);
        route.transact(batch)?;
        let filter = helper.socket(
            FABRIC,
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_NETFILTER,
        )?;
        let filter = Filter::start(Socket::with_large_buffers(filter))?;
        let internet = Internet::start(&helper, &route, FABRIC + 1)?;
        seats
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(EndpointId::internet(), internet.seat());
        Ok(Network {
            helper,
            journal,
            seats,
            route,
            filter,
            internet,
            ports: BTreeMap::new(),
            pods: BTreeMap::new(),
            routes: BTreeMap::new(),
            rules: BTreeSet::new(),
            zones: BTreeMap::new(),
            public: PublicAddresses::default(),
            tables: Numbers::default(),
            networks: Numbers::default(),
            free_slots: Vec::new(),
            next_slot: FABRIC + 2,
            next_index: build::FIRST_INDEX,
        })
    }

    /// Makes the network what `state` says.
    pub(super) fn apply(&mut self, state: &NetworkState) -> Result<(), FabricError> {
        let plan = Plan::of(state)?;
        self.public.assign(&plan.egresses, &plan.public_addresses)?;
        self.remove(&plan)?;
        self.create_ports(&plan)?;
        self.create_pods(&plan)?;
        self.mask(&plan)?;
        self.describe(&plan);
        // The rules of a new port stand before any route leads to it.
        self.guard(&plan)?;
        self.lead(&plan)?;
        self.seat(&plan);
        Ok(())
    }

    fn describe(&self, plan: &Plan) {
        let labels = self
            .ports
            .values()
            .map(|state| {
                let label = (state.port.title.clone(), state.port.table.clone());
                (state.index, label)
            })
            .collect();
        let routes = plan
            .tables
            .iter()
            .map(|(key, table)| (key.clone(), table.effective.routes.clone()))
            .collect();
        self.journal.describe(labels, routes);
    }

    fn guard(&mut self, plan: &Plan) -> Result<(), FabricError> {
        self.zones = peering::zones(&plan.spaces, &plan.peers, &self.zones);
        let mut rules = Rules {
            groups: &plan.groups,
            ports: Vec::with_capacity(self.ports.len()),
            public: BTreeMap::new(),
            fences: BTreeMap::new(),
        };
        for (id, state) in &self.ports {
            let port = plan.ports.get(id).unwrap_or(&state.port);
            let Some(table) = plan.tables.get(&port.table) else {
                continue;
            };
            let network = self.networks.of(&table.network)?;
            let table_number = self.tables.of(&port.table)?;
            let zone = self.zones.get(&table.network).copied().unwrap_or(1);
            let inner = Ipv4Addr::from_bits(INNER.to_bits() + network);
            let egress = port.egress.as_ref();
            let public = egress.and_then(|key| self.public.of(key)).unwrap_or(inner);
            // What comes back meets no subnet's routes: it goes where the address is.
            rules.public.insert(public, (network << 16, zone));
            let carries = egress.and_then(|key| plan.egresses.get(key));
            rules.ports.push(FilterPort {
                index: state.index,
                network,
                mark: network << 16 | table_number,
                zone,
                guards: port.guards.clone(),
                public,
                egress: carries.map(|egress| match egress.nat_gateway {
                    true => Carries::TcpAndUdp,
                    false => Carries::Everything,
                }),
            });
        }
        for id in plan.networks.keys() {
            let fence = self.fence(plan, id)?;
            if !fence.0.is_empty() {
                rules.fences.insert(self.networks.of(id)?, fence);
            }
        }
        self.filter.apply(&rules, &self.journal)
    }

    /// The peers of which a virtual network takes nothing that they forward. Only a network interface
    /// forwards what others have sent: a node's pods show their node's address, or one of its network.
    fn fence(&mut self, plan: &Plan, network: &ResourceId) -> Result<Fence, FabricError> {
        let mut fence = Fence::default();
        for peer in plan.peers_of(network).iter().filter(|peer| !peer.forwarded) {
            let forwards = |port: &&Port| {
                let table = plan.tables.get(&port.table);
                port.role == Role::Interface { forwards: true }
                    && table.is_some_and(|table| table.network == peer.network)
            };
            if plan.ports.values().any(|port| forwards(&port)) {
                fence.0.push(Fenced {
                    mark: self.networks.of(&peer.network)? << 16,
                    mask: NETWORK_MASK,
                    own: space::ranges(&peer.prefixes),
                });
            }
        }
        Ok(fence)
    }

    fn seat(&self, plan: &Plan) {
        let port_seat = |id: &EndpointId| {
            let state = self.ports.get(&PortId::own(id))?;
            Some(Seat {
                slot: state.slot,
                address: state.port.address,
            })
        };
        let internet = EndpointId::internet();
        let internet = (&internet, Some(self.internet.seat()));
        let ports = plan.ports.keys().filter(|id| id.pods_of.is_none());
        let ports = ports.map(|id| (&id.endpoint, port_seat(&id.endpoint)));
        let pods = plan.pods.keys().map(|id| {
            let seat = self.pods.get(id).map(|state| Seat {
                slot: state.slot,
                address: state.pod.address,
            });
            (id, seat)
        });
        let host_pods = plan
            .host_pods
            .iter()
            .map(|(id, node)| (id, port_seat(node)));
        let all = ports.chain(pods).chain(host_pods).chain([internet]);
        let seats = all.filter_map(|(id, seat)| Some((id.clone(), seat?)));
        *self.seats.write().unwrap_or_else(PoisonError::into_inner) = seats.collect();
    }
}

#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod tests;
