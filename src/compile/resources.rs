//! The resources of a topology, in the order of the data flow: what is referred to first.

use std::collections::BTreeMap;
use std::thread;

use serde_json::{Value, json};

use crate::arm::{ResourceKey, TemplateResource, views};
use crate::topology::{Cluster, Placement, Topology};

use super::engine::Engine;
use super::lookup::{self, NAT_GATEWAY, PUBLIC_ADDRESS};
use super::network::{self, ClusterTables};
use super::{CompileError, cluster, security, workload};

/// The fewest resources for which a thread of their own pays.
const FEWEST_FOR_A_THREAD: usize = 64;

/// A resource that is still to be rendered.
struct Job<'a> {
    file: &'static str,
    /// What it is called; `None` where an expression makes its name.
    key: Option<ResourceKey>,
    takes_tags: bool,
    values: Box<dyn Fn() -> Result<Value, CompileError> + Send + Sync + 'a>,
}

impl<'a> Job<'a> {
    fn new(
        file: &'static str,
        key: ResourceKey,
        values: impl Fn() -> Result<Value, CompileError> + Send + Sync + 'a,
    ) -> Job<'a> {
        Job {
            file,
            key: Some(key),
            takes_tags: true,
            values: Box::new(values),
        }
    }

    /// A job whose values are there.
    fn of(file: &'static str, key: ResourceKey, values: Value) -> Job<'a> {
        Job::new(file, key, move || Ok(values.clone()))
    }

    fn without_tags(self) -> Job<'a> {
        Job {
            takes_tags: false,
            ..self
        }
    }

    fn render(&self, engine: &Engine, tags: &Value) -> Result<TemplateResource, CompileError> {
        let mut values = (self.values)()?;
        if self.takes_tags {
            values["tags"] = tags.clone();
        }
        engine.resource(self.file, self.key.as_ref(), values)
    }
}

/// Renders every resource of a topology.
pub(super) fn render(
    engine: &Engine,
    topology: &Topology,
    tags: &BTreeMap<String, String>,
) -> Result<Vec<TemplateResource>, CompileError> {
    let tags = if tags.is_empty() {
        Value::Null
    } else {
        json!(tags)
    };
    let tables = ClusterTables::of(topology)?;
    let regions = security::regions(topology);
    let mut jobs = Vec::new();
    for (name, nsg) in &topology.network_security_groups {
        let key = ResourceKey::new(views::NETWORK_SECURITY_GROUP, &*nsg.azure_name);
        let location = regions.get(name).copied();
        jobs.push(Job::new("network-security-group", key, move || {
            security::network_security_group(topology, nsg, location)
        }));
    }
    network(&mut jobs, topology, &tables)?;
    for cluster in topology.clusters.values() {
        self::cluster(&mut jobs, topology, &tables, cluster)?;
    }
    for workload in topology.workloads.values() {
        if let Placement::Aci(at) = &workload.placement {
            let key = lookup::container_group_key(workload);
            jobs.push(Job::new("container-group", key, move || {
                workload::container_group(topology, workload, at)
            }));
        }
    }
    all(engine, &tags, &jobs)
}

fn network<'a>(
    jobs: &mut Vec<Job<'a>>,
    topology: &'a Topology,
    tables: &'a ClusterTables<'a>,
) -> Result<(), CompileError> {
    for table in topology.route_tables.values() {
        let key = ResourceKey::new(views::ROUTE_TABLE, &*table.azure_name);
        jobs.push(Job::new("route-table", key, || {
            Ok(network::route_table(table))
        }));
    }
    for (key, values) in tables.values() {
        jobs.push(Job::of("route-table", key, values));
    }
    for nat in topology.nat_gateways.values() {
        let address = network::public_address(nat);
        let values = json!({ "name": address, "location": nat.location });
        let key = ResourceKey::new(PUBLIC_ADDRESS, &*address);
        jobs.push(Job::of("public-address", key, values));
        let values = json!({
            "name": nat.azure_name,
            "location": nat.location,
            "public_address": address,
        });
        let key = ResourceKey::new(NAT_GATEWAY, &*nat.azure_name);
        jobs.push(Job::of("nat-gateway", key, values));
    }
    for (name, vnet) in &topology.virtual_networks {
        let key = ResourceKey::new(views::VIRTUAL_NETWORK, &*vnet.azure_name);
        jobs.push(Job::new("virtual-network", key, || {
            network::virtual_network(topology, tables, name, vnet)
        }));
    }
    for peering in topology.peerings.values() {
        for (key, values) in network::peering(topology, peering)? {
            jobs.push(Job::of("virtual-network-peering", key, values).without_tags());
        }
    }
    Ok(())
}

fn cluster<'a>(
    jobs: &mut Vec<Job<'a>>,
    topology: &'a Topology,
    tables: &ClusterTables<'_>,
    cluster: &'a Cluster,
) -> Result<(), CompileError> {
    let vnet = lookup::virtual_network(topology, &cluster.subnet.vnet)?;
    if let Some(identity) = cluster::identity(cluster) {
        let values = json!({ "name": identity, "location": vnet.location });
        let key = ResourceKey::new(views::USER_ASSIGNED_IDENTITY, identity);
        jobs.push(Job::of("user-assigned-identity", key, values));
    }
    let assignments = cluster::role_assignments(topology, tables, cluster)?;
    for assignment in assignments.clone() {
        jobs.push(Job {
            file: "role-assignment",
            key: None,
            takes_tags: false,
            values: Box::new(move || Ok(assignment.clone())),
        });
    }
    let key = lookup::cluster_key(cluster);
    jobs.push(Job::new("managed-cluster", key, move || {
        cluster::managed_cluster(topology, cluster, &assignments)
    }));
    Ok(())
}

/// Renders all, in their order, on as many threads as the machine has and the work is worth. Of several errors the
/// first one counts, so that it does not depend on the threads.
fn all(
    engine: &Engine,
    tags: &Value,
    jobs: &[Job<'_>],
) -> Result<Vec<TemplateResource>, CompileError> {
    let render = |jobs: &[Job<'_>]| {
        let rendered = jobs.iter().map(|job| job.render(engine, tags));
        rendered.collect::<Result<Vec<_>, _>>()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = jobs.len().div_ceil(threads).max(FEWEST_FOR_A_THREAD);
    if jobs.len() <= share {
        return render(jobs);
    }
    let (own, others) = jobs.split_at(share);
    thread::scope(|scope| {
        let others = others
            .chunks(share)
            .map(|jobs| scope.spawn(move || render(jobs)))
            .collect::<Vec<_>>();
        let mut resources = render(own)?;
        for other in others {
            match other.join() {
                Ok(rendered) => resources.extend(rendered?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(resources)
    })
}
