//! What Azure cannot change in place: two states compared, before a change and after it.
//!
//! Workloads are replaced and security rules are data; what is left of a network keeps its addresses.

use super::{Placement, SubnetRef, Topology};
use crate::spec::{Change, Diagnostic, Network, Span, codes};

/// Reports what a change may not touch; `written` is the network after it, which may hold what could not be read.
pub(super) fn check(
    before: &Topology,
    after: &Topology,
    written: &Network,
    changes: &[Change],
    found: &mut Vec<Diagnostic>,
) {
    let mut refuse = |path: &[&str], what: String| {
        found.push(
            Diagnostic::error(
                codes::IMMUTABLE,
                blame(changes, path),
                format!("{what} cannot be changed in place"),
            )
            .help("make it so from the beginning, or write a second experiment"),
        );
    };
    for (name, old) in &before.virtual_networks {
        let vnet = name.as_str();
        let Some(new) = after.virtual_networks.get(name) else {
            if !written.hides_vnet(name) {
                refuse(
                    &["vnets", vnet],
                    format!("virtual network `{name}` (it is removed)"),
                );
            }
            continue;
        };
        if old.address_space != new.address_space {
            refuse(
                &["vnets", vnet, "space"],
                format!("the address space of virtual network `{name}`"),
            );
        }
        if old.azure_name != new.azure_name {
            refuse(
                &["vnets", vnet, "azure-name"],
                format!("the name of virtual network `{name}`"),
            );
        }
        for (subnet_name, old) in &old.subnets {
            let at = SubnetRef {
                vnet: name.clone(),
                subnet: subnet_name.clone(),
            };
            let path = ["vnets", vnet, "subnets", subnet_name.as_str(), "prefix"];
            match new.subnets.get(subnet_name) {
                Some(new) if old.prefix == new.prefix => {}
                _ if !in_use(before, &at) => {}
                None if written.hides_subnet(Some(name), subnet_name) => {}
                _ => refuse(
                    &path,
                    format!("the range of subnet `{subnet_name}`, which is in use,"),
                ),
            }
        }
    }
    for (name, old) in &before.network_security_groups {
        if let Some(new) = after.network_security_groups.get(name)
            && old.azure_name != new.azure_name
        {
            refuse(
                &["nsgs", name.as_str(), "azure-name"],
                format!("the name of network security group `{name}`"),
            );
        }
    }
    for (name, old) in &before.clusters {
        let Some(new) = after.clusters.get(name) else {
            continue;
        };
        for (key, differs) in [
            ("network", old.network != new.network),
            ("subnet", old.subnet != new.subnet),
            ("pods", old.network == new.network && old.pods != new.pods),
            ("services", old.services != new.services),
            (
                "dns-ip",
                old.services == new.services && old.dns_ip != new.dns_ip,
            ),
            ("size", old.size != new.size),
            ("max-pods", old.max_pods != new.max_pods),
            ("azure-name", old.azure_name != new.azure_name),
        ] {
            if differs {
                refuse(
                    &["clusters", name.as_str(), key],
                    format!("`{key}` of cluster `{name}`"),
                );
            }
        }
    }
}

fn in_use(topology: &Topology, subnet: &SubnetRef) -> bool {
    topology
        .clusters
        .values()
        .any(|cluster| cluster.subnet == *subnet)
        || topology
            .workloads
            .values()
            .any(|workload| match &workload.placement {
                Placement::Aci(at) => at == subnet,
                Placement::Pod(_) => false,
            })
}

/// The change that touches `path`: the one with the longest common beginning.
fn blame(changes: &[Change], path: &[&str]) -> Span {
    let common = |change: &&Change| {
        let pairs = change.segments().zip(path);
        pairs.take_while(|(a, b)| a == *b).count()
    };
    let change = changes.iter().max_by_key(common);
    change.map(|change| change.path.span).unwrap_or_default()
}
