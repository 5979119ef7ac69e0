//! The namespaces of endpoints, and the links that join them to the fabric or to their node.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use crate::emulator::fabric::{EndpointId, FabricError};
use crate::lab::error::fabric_error;
use crate::lab::helper::{HelperError, MAX_SLOTS, NewNamespace};
use crate::lab::masquerade;
use crate::lab::netlink::{Batch, Socket};
use crate::lab::plan::{Plan, Port, PortId, Role};
use crate::lab::route::{self, Far, Target};
use crate::lab::rule;
use crate::lab::space;
use crate::net::Prefix;

use super::{Network, PodState, PortState, Sender};

/// The first interface index on the near side of a veth; none is used twice.
pub(super) const FIRST_INDEX: u32 = 10_000;

/// The rules and tables of a node whose pods have a way of their own to the fabric.
const LOCAL_RULE: u32 = 50;
const POD_RULES: u32 = 100;
const POD_TABLES: u32 = 1_000;

/// Whether a port can stay as it is.
fn same(port: &Port, other: &Port) -> bool {
    let shape = |port: &Port| {
        (
            port.table.subnet.clone(),
            port.address,
            port.role == Role::Node,
            port.role.routes(),
            port.pod_prefix,
            port.pods.clone(),
        )
    };
    shape(port) == shape(other)
}

impl Network {
    pub(super) fn remove(&mut self, plan: &Plan) -> Result<(), FabricError> {
        // An endpoint goes with all its ports: they are in one namespace.
        let stays = |id: &PortId, state: &PortState| {
            let port = plan.ports.get(id);
            port.is_some_and(|port| same(port, &state.port))
        };
        let changed = self.ports.iter().filter(|(id, state)| !stays(id, state));
        let mut stale = changed
            .map(|(id, _)| id.endpoint.clone())
            .collect::<BTreeSet<_>>();
        let known = |id: &&PortId| self.ports.contains_key(&PortId::own(&id.endpoint));
        let new = plan.ports.keys().filter(|id| !self.ports.contains_key(id));
        stale.extend(new.filter(known).map(|id| id.endpoint.clone()));
        let stale_pods = self
            .pods
            .iter()
            .filter(|(id, state)| {
                plan.pods.get(id) != Some(&state.pod) || stale.contains(&state.pod.node)
            })
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>();
        self.unseat(plan, &stale, &stale_pods);
        for id in stale_pods {
            if let Some(state) = self.pods.remove(&id) {
                // Listeners keep a namespace alive; without its link it is cut off all the same.
                let node = self.ports.get(&PortId::own(&state.pod.node));
                if let Some(route) = node.and_then(|node| node.route.as_ref()) {
                    let mut batch = Batch::default();
                    route::delete_link(&mut batch, state.index);
                    route.transact(batch)?;
                }
                self.release(state.slot)?;
            }
        }
        let ids = self.ports.keys().filter(|id| stale.contains(&id.endpoint));
        for id in ids.cloned().collect::<Vec<_>>() {
            if let Some(state) = self.ports.remove(&id) {
                let mut batch = Batch::default();
                route::delete_link(&mut batch, state.index);
                self.route.transact(batch)?;
                // The kernel has deleted the routes with their device.
                self.routes
                    .retain(|_, target| target.device() != Some(state.index));
                if id.pods_of.is_none() {
                    self.release(state.slot)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the seats of what goes, before it goes.
    fn unseat(&self, plan: &Plan, stale: &BTreeSet<EndpointId>, stale_pods: &[EndpointId]) {
        let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|id, _| {
            let host_pod_stays = || {
                let node = plan.host_pods.get(id);
                node.is_some_and(|node| !stale.contains(node))
            };
            let planned = plan.ports.contains_key(&PortId::own(id)) || plan.pods.contains_key(id);
            let stays = planned || *id == EndpointId::internet();
            (stays && !stale.contains(id) && !stale_pods.contains(id)) || host_pod_stays()
        });
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

    pub(super) fn create_ports(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let new = plan
            .ports
            .iter()
            .filter(|(id, _)| id.pods_of.is_none() && !self.ports.contains_key(id))
            .collect::<Vec<_>>();
        let mut made = Vec::with_capacity(new.len());
        self.create(new.len(), |network, place, slot, namespace| {
            let (id, port) = new[place];
            let inside = Socket::new(namespace.route);
            let own = [(id, port)];
            // The ports of one endpoint follow each other.
            let of_pods = plan
                .ports
                .range(id.clone()..)
                .skip(1)
                .take_while(|(other, _)| other.endpoint == id.endpoint);
            let mut far = Batch::default();
            for (place, (id, port)) in (0..).zip(own.into_iter().chain(of_pods)) {
                let index = network.take_index();
                let far_end = Far {
                    namespace: &namespace.namespace,
                    interface: route::NIC + place,
                    address: port.address,
                };
                let mut near = Batch::default();
                route::add_port(&mut near, &format!("p{index}"), index, &far_end);
                network.route.transact(near)?;
                made.push(index);
                configure(&mut far, place, port);
                let state = PortState {
                    port: port.clone(),
                    slot,
                    index,
                    route: None,
                    unmasked: None,
                };
                network.ports.insert(id.clone(), state);
            }
            inside.transact(far)?;
            if port.role == Role::Node
                && let Some(state) = network.ports.get_mut(id)
            {
                state.route = Some(inside);
            }
            Ok(())
        })?;
        let mut sender = Sender::new(&self.route);
        for index in made {
            sender.add(|batch| route::settle_link(batch, index))?;
        }
        sender.finish()
    }

    pub(super) fn create_pods(&mut self, plan: &Plan) -> Result<(), FabricError> {
        let new = plan
            .pods
            .iter()
            .filter(|(id, _)| !self.pods.contains_key(id))
            .collect::<Vec<_>>();
        self.create(new.len(), |network, place, slot, namespace| {
            let (id, pod) = new[place];
            let index = network.take_index();
            let node = network.ports.get(&PortId::own(&pod.node));
            let route = node
                .and_then(|node| node.route.as_ref())
                .ok_or_else(|| fabric_error("add pod", format!("no node `{}`", pod.node)))?;
            let far_end = Far {
                namespace: &namespace.namespace,
                interface: route::NIC,
                address: pod.address,
            };
            let mut near = Batch::default();
            route::add_port(&mut near, &format!("azv{index}"), index, &far_end);
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

    /// Has what forwards hide the senders behind it, but for the destinations that it spares.
    pub(super) fn mask(&mut self, plan: &Plan) -> Result<(), FabricError> {
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
                let ranges = space::ranges(prefixes);
                masquerade::set(&Socket::new(socket), route::NIC, &ranges)?;
                state.unmasked = Some(prefixes.clone());
            }
        }
        Ok(())
    }
}

/// Sets up the inside of a port: its endpoint's own, or one more that a node's pods go through.
fn configure(batch: &mut Batch, place: u32, port: &Port) {
    if place == 0 {
        route::configure_endpoint(batch, port.address);
        if port.role.routes() {
            route::forward(batch, route::NIC);
        }
        if let Some(prefix) = port.pod_prefix {
            // Else what is meant for a pod that is not there would go back to the fabric.
            route::add_route(batch, route::MAIN_TABLE, prefix, Target::Unreachable);
        }
        return;
    }
    // Pods on the same node come first: their packets do not leave it (R68).
    rule::add_main_without_default(batch, LOCAL_RULE);
    let table = POD_TABLES + place;
    route::configure_second(batch, route::NIC + place, table);
    for prefix in &port.pods {
        rule::add_source(batch, POD_RULES, *prefix, table);
    }
}
