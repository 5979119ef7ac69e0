//! The lab's network as it stands, and how it is made what a plan says.
//!
//! One fabric namespace routes between the namespaces of the endpoints; each is joined to it by a
//! veth with a /32, so that even neighbours of one subnet meet the rules. Which routes a packet sees
//! follows from its mark: the subnet's table first, then its virtual network's. Virtual networks with
//! the same addresses live side by side: each has its own tables and its own conntrack zone.
//! Invariant: what is recorded here is in the kernel, also after an error half-way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::arm::ResourceId;
use crate::emulator::fabric::{EndpointId, FabricError, NetworkState};
use crate::net::Prefix;

use super::effective::Hop;
use super::error::{StartError, fabric_error};
use super::filter::{self, Filter, FilterPort};
use super::helper::{FABRIC, Helper, HelperError, MAX_SLOTS, NewNamespace};
use super::journal::Journal;
use super::netlink::{Batch, Socket};
use super::plan::{Host, Plan, Pod, Port};
use super::route::{self, Target};

/// The first interface index on the near side of a veth; none is used twice.
const FIRST_INDEX: u32 = 10_000;
/// Rules come before those of the main table (32766): first subnets, then networks, then nothing.
const SUBNET_RULES: u32 = 1_000;
const NETWORK_RULES: u32 = 12_000;
const LAST_RULE: u32 = 30_000;
const MOST_NUMBERS: u32 = 9_999;
const SUBNET_TABLES: u32 = 100_000;
const NETWORK_TABLES: u32 = 200_000;
const SUBNET_MASK: u32 = 0xffff;
const NETWORK_MASK: u32 = 0x7fff_0000;
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
    /// For a node: what its translation spares now.
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
    ports: BTreeMap<EndpointId, PortState>,
    pods: BTreeMap<EndpointId, PodState>,
    routes: BTreeMap<(u32, Prefix), Target>,
    rules: BTreeSet<u32>,
    subnets: Numbers,
    networks: Numbers,
    free_slots: Vec<u32>,
    next_slot: u32,
    next_index: u32,
}

/// Numbers given out once to each id.
#[derive(Default)]
struct Numbers(BTreeMap<ResourceId, u32>);

impl Numbers {
    fn of(&mut self, id: &ResourceId) -> Result<u32, FabricError> {
        let next = self.0.len() as u32 + 1;
        if next > MOST_NUMBERS && !self.0.contains_key(id) {
            return Err(fabric_error(
                "number the network",
                format!("`{id}` is one more than a lab can hold in its life ({MOST_NUMBERS})"),
            ));
        }
        Ok(*self.0.entry(id.clone()).or_insert(next))
    }
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
        route::add_blackhole_rule(&mut batch, LAST_RULE);
        route.transact(batch)?;
        let filter = helper.socket(
            FABRIC,
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_NETFILTER,
        )?;
        Ok(Network {
            helper,
            journal,
            seats,
            route,
            filter: Filter::start(Socket::with_large_buffers(filter))?,
            ports: BTreeMap::new(),
            pods: BTreeMap::new(),
            routes: BTreeMap::new(),
            rules: BTreeSet::new(),
            subnets: Numbers::default(),
            networks: Numbers::default(),
            free_slots: Vec::new(),
            next_slot: FABRIC + 1,
            next_index: FIRST_INDEX,
        })
    }

    /// Makes the network what `state` says.
    pub(super) fn apply(&mut self, state: &NetworkState) -> Result<(), FabricError> {
        let plan = Plan::of(state)?;
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

    fn remove(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let stale_ports = self
            .ports
            .iter()
            .filter(|(id, state)| {
                plan.ports.get(id).is_none_or(|port| {
                    (&port.subnet, port.address, port.unmasked.is_some())
                        != (
                            &state.port.subnet,
                            state.port.address,
                            state.port.unmasked.is_some(),
                        )
                })
            })
            .map(|(id, _)| id.clone())
            .collect::<BTreeSet<_>>();
        let stale_pods = self
            .pods
            .iter()
            .filter(|(id, state)| {
                plan.pods.get(id) != Some(&state.pod) || stale_ports.contains(&state.pod.node)
            })
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>();
        {
            let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
            seats.retain(|id, _| {
                let host_pod_stays = || {
                    let node = plan.host_pods.get(id);
                    node.is_some_and(|node| !stale_ports.contains(node))
                };
                let stays = plan.ports.contains_key(id) || plan.pods.contains_key(id);
                (stays && !stale_ports.contains(id) && !stale_pods.contains(id)) || host_pod_stays()
            });
        }
        for id in stale_pods {
            if let Some(state) = self.pods.remove(&id) {
                // Listeners keep a namespace alive; without its link it is cut off all the same.
                let node = self.ports.get(&state.pod.node);
                if let Some(route) = node.and_then(|node| node.route.as_ref()) {
                    let mut batch = Batch::default();
                    route::delete_link(&mut batch, state.index);
                    route.transact(batch)?;
                }
                self.release(state.slot)?;
            }
        }
        for id in stale_ports {
            if let Some(state) = self.ports.remove(&id) {
                let mut batch = Batch::default();
                route::delete_link(&mut batch, state.index);
                self.route.transact(batch)?;
                // The kernel has deleted the routes with their device.
                self.routes
                    .retain(|_, target| target.device() != Some(state.index));
                self.release(state.slot)?;
            }
        }
        Ok(())
    }

    fn release(&mut self, slot: u32) -> Result<(), HelperError> {
        self.helper.free(slot)?;
        self.free_slots.push(slot);
        Ok(())
    }

    fn take_slots(&mut self, count: usize) -> Result<Vec<u32>, FabricError> {
        let mut slots = Vec::with_capacity(count);
        while slots.len() < count {
            if let Some(slot) = self.free_slots.pop() {
                slots.push(slot);
            } else if (self.next_slot as usize) < MAX_SLOTS {
                slots.push(self.next_slot);
                self.next_slot += 1;
            } else {
                self.free_slots.append(&mut slots);
                return Err(fabric_error(
                    "make a network namespace",
                    format!("a lab holds at most {} endpoints", MAX_SLOTS - 1),
                ));
            }
        }
        Ok(slots)
    }

    fn take_index(&mut self) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// Makes namespaces and has each built; frees those that were not.
    fn create(
        &mut self,
        count: usize,
        mut build: impl FnMut(&mut Network, usize, u32, NewNamespace) -> Result<(), FabricError>,
    ) -> Result<(), FabricError> {
        let slots = self.take_slots(count)?;
        let helper = Arc::clone(&self.helper);
        let mut built = 0;
        let outcome = helper.new_namespaces(&slots, |place, namespace| {
            build(self, place, slots[place], namespace)?;
            built += 1;
            Ok(())
        });
        if outcome.is_err() {
            for &slot in &slots[built..] {
                self.release(slot)?;
            }
        }
        outcome
    }

    fn create_ports(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let new = plan
            .ports
            .iter()
            .filter(|(id, _)| !self.ports.contains_key(id))
            .collect::<Vec<_>>();
        let mut made = Vec::with_capacity(new.len());
        self.create(new.len(), |network, place, slot, namespace| {
            let (id, port) = new[place];
            let index = network.take_index();
            let mut near = Batch::default();
            let name = format!("p{index}");
            route::add_port(&mut near, &name, index, &namespace.namespace, port.address);
            network.route.transact(near)?;
            let inside = Socket::new(namespace.route);
            let mut far = Batch::default();
            route::configure_endpoint(&mut far, port.address);
            if port.unmasked.is_some() {
                route::forward(&mut far, route::NIC);
            }
            inside.transact(far)?;
            made.push(index);
            let state = PortState {
                port: port.clone(),
                slot,
                index,
                route: port.unmasked.is_some().then_some(inside),
                unmasked: None,
            };
            network.ports.insert(id.clone(), state);
            Ok(())
        })?;
        let mut sender = Sender::new(&self.route);
        for index in made {
            sender.add(|batch| route::settle_link(batch, index))?;
        }
        sender.finish()
    }

    fn create_pods(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let new = plan
            .pods
            .iter()
            .filter(|(id, _)| !self.pods.contains_key(id))
            .collect::<Vec<_>>();
        self.create(new.len(), |network, place, slot, namespace| {
            let (id, pod) = new[place];
            let index = network.take_index();
            let node = network.ports.get(&pod.node);
            let route = node
                .and_then(|node| node.route.as_ref())
                .ok_or_else(|| fabric_error("add pod", format!("no node `{}`", pod.node)))?;
            let mut near = Batch::default();
            let name = format!("azv{index}");
            route::add_port(&mut near, &name, index, &namespace.namespace, pod.address);
            let host = Prefix::from(pod.address);
            let target = Target::Device(index);
            route::add_route(&mut near, route::MAIN_TABLE, host, target);
            route.transact(near)?;
            let mut far = Batch::default();
            route::configure_endpoint(&mut far, pod.address);
            Socket::new(namespace.route).transact(far)?;
            let mut settle = Batch::default();
            route::settle_link(&mut settle, index);
            route.transact(settle)?;
            let state = PodState {
                pod: pod.clone(),
                slot,
                index,
            };
            network.pods.insert(id.clone(), state);
            Ok(())
        })
    }

    fn mask(&mut self, plan: &Plan) -> Result<(), FabricError> {
        for (id, state) in &mut self.ports {
            let wanted = plan.ports.get(id).and_then(|port| port.unmasked.as_ref());
            if let Some(prefixes) = wanted
                && state.unmasked.as_ref() != Some(prefixes)
            {
                let socket = self.helper.socket(
                    state.slot,
                    libc::AF_NETLINK,
                    libc::SOCK_RAW,
                    libc::NETLINK_NETFILTER,
                )?;
                let ranges = super::security::ranges(prefixes);
                filter::masquerade(&Socket::new(socket), route::NIC, &ranges)?;
                state.unmasked = Some(prefixes.clone());
            }
        }
        Ok(())
    }

    fn describe(&self, plan: &Plan) {
        let labels = self
            .ports
            .values()
            .map(|state| {
                let label = (state.port.title.clone(), state.port.subnet.clone());
                (state.index, label)
            })
            .collect();
        let routes = plan
            .subnets
            .iter()
            .map(|(id, subnet)| (id.clone(), subnet.routes.clone()))
            .collect();
        self.journal.describe(labels, routes);
    }

    fn guard(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let mut ports = Vec::with_capacity(self.ports.len());
        for state in self.ports.values() {
            let Some(subnet) = plan.subnets.get(&state.port.subnet) else {
                continue;
            };
            let network = self.networks.of(&subnet.network)?;
            let number = self.subnets.of(&state.port.subnet)?;
            ports.push(FilterPort {
                index: state.index,
                mark: network << 16 | number,
                // Without peerings, every virtual network is a world of its own.
                zone: network as u16,
                group: subnet.group.clone(),
            });
        }
        self.filter.apply(&plan.groups, &ports, &self.journal)
    }

    fn lead(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let mut wanted = BTreeMap::new();
        let mut rules = BTreeMap::new();
        for (id, hosts) in &plan.networks {
            let number = self.networks.of(id)?;
            let table = NETWORK_TABLES + number;
            rules.insert(NETWORK_RULES + number, (number << 16, NETWORK_MASK, table));
            wanted.insert((table, Prefix::default()), Target::Blackhole);
            for (address, host) in hosts {
                if let Some(target) = self.target(host, host.via) {
                    wanted.insert((table, Prefix::from(*address)), target);
                }
            }
        }
        for (id, subnet) in &plan.subnets {
            let number = self.subnets.of(id)?;
            let table = SUBNET_TABLES + number;
            rules.insert(SUBNET_RULES + number, (number, SUBNET_MASK, table));
            for route in &subnet.routes {
                let target = match &route.hop {
                    Hop::Network => Some(Target::Throw),
                    Hop::Nowhere => None,
                    Hop::Through(host, address) => {
                        self.target(host, Some(host.via.unwrap_or(*address)))
                    }
                };
                let target = target.unwrap_or(Target::Blackhole);
                wanted.insert((table, route.route.prefix), target);
            }
        }

        let mut sender = Sender::new(&self.route);
        for (&(table, prefix), &target) in &wanted {
            if self.routes.get(&(table, prefix)) != Some(&target) {
                sender.add(|batch| route::add_route(batch, table, prefix, target))?;
            }
        }
        for &(table, prefix) in self.routes.keys() {
            if !wanted.contains_key(&(table, prefix)) {
                sender.add(|batch| route::delete_route(batch, table, prefix))?;
            }
        }
        for (&priority, &(mark, mask, table)) in &rules {
            if !self.rules.contains(&priority) {
                sender.add(|batch| route::add_rule(batch, priority, mark, mask, table))?;
            }
        }
        sender.finish()?;
        self.routes = wanted;
        self.rules.extend(rules.into_keys());
        Ok(())
    }

    fn target(&self, host: &Host, via: Option<Ipv4Addr>) -> Option<Target> {
        let index = self.ports.get(&host.port)?.index;
        Some(via.map_or(Target::Device(index), |via| Target::Via(via, index)))
    }

    fn seat(&self, plan: &Plan) {
        let port_seat = |id: &EndpointId| {
            let state = self.ports.get(id)?;
            Some(Seat {
                slot: state.slot,
                address: state.port.address,
            })
        };
        let ports = plan.ports.keys().map(|id| (id, port_seat(id)));
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
        let all = ports.chain(pods).chain(host_pods);
        let seats = all.filter_map(|(id, seat)| Some((id.clone(), seat?)));
        *self.seats.write().unwrap_or_else(PoisonError::into_inner) = seats.collect();
    }
}

#[cfg(test)]
mod tests;
