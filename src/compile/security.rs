//! Network security groups as the values of their handlebars file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::net::{PortRange, Prefix, Protocol};
use crate::topology::{
    Access, Name, NetworkSecurityGroup, RuleAddresses, RuleSide, SecurityRule, Topology,
};
use crate::verdict::Direction;

use super::CompileError;
use super::parameters::{self, ParameterSource};

/// The region of each network security group that is in another than the deployment's: the one of the
/// virtual networks that use it.
pub(super) fn regions(topology: &Topology) -> BTreeMap<&Name, &str> {
    let mut regions = BTreeMap::new();
    for vnet in topology.virtual_networks.values() {
        if let Some(region) = &vnet.location {
            let used = vnet
                .subnets
                .values()
                .filter_map(|subnet| subnet.nsg.as_ref());
            regions.extend(used.map(|nsg| (nsg, &**region)));
        }
    }
    regions
}

pub(super) fn network_security_group(
    topology: &Topology,
    nsg: &NetworkSecurityGroup,
    location: Option<&str>,
) -> Result<Value, CompileError> {
    let rules = nsg.rules.iter().map(|rule| security_rule(topology, rule));
    let mut values = json!({
        "name": nsg.azure_name,
        "location": location,
        "flush_connection": nsg.flush_connections,
    });
    // What is put in afterwards is moved; inside `json!` it would be copied.
    values["rules"] = rules.collect::<Result<_, _>>()?;
    Ok(values)
}

fn security_rule(topology: &Topology, rule: &SecurityRule) -> Result<Value, CompileError> {
    let mut values = Map::new();
    let mut put = |name: &str, value: Value| values.insert(name.to_owned(), value);
    put("name", json!(rule.azure_name));
    put("priority", json!(rule.priority));
    put(
        "direction",
        json!(match rule.direction {
            Direction::Inbound => "Inbound",
            Direction::Outbound => "Outbound",
        }),
    );
    put(
        "access",
        json!(match rule.access {
            Access::Allow => "Allow",
            Access::Deny => "Deny",
        }),
    );
    put(
        "protocol",
        json!(match rule.protocol {
            None => "*",
            Some(Protocol::Tcp) => "Tcp",
            Some(Protocol::Udp) => "Udp",
            Some(Protocol::Icmp) => "Icmp",
            Some(Protocol::Esp) => "Esp",
            Some(Protocol::Ah) => "Ah",
        }),
    );
    side(topology, &mut values, "source", &rule.source)?;
    side(topology, &mut values, "destination", &rule.destination)?;
    Ok(Value::Object(values))
}

/// One value goes into the singular member, several into the plural one (R6, R10); addresses that only a
/// deployment tells are several.
fn side(
    topology: &Topology,
    values: &mut Map<String, Value>,
    name: &str,
    side: &RuleSide,
) -> Result<(), CompileError> {
    let mut parameters = Vec::new();
    let (prefix, prefixes) = match &side.addresses {
        RuleAddresses::Any => (Some("*".to_owned()), Vec::new()),
        RuleAddresses::Tag(tag) => (Some(tag.clone()), Vec::new()),
        RuleAddresses::Addresses(set) => {
            let deployed = parameters::deployed(topology, set)?;
            parameters.extend(deployed.iter().map(ParameterSource::parameter));
            match &set.prefixes[..] {
                [one] if parameters.is_empty() => (Some(one.to_string()), Vec::new()),
                several => (None, several.iter().map(address).collect()),
            }
        }
    };
    let (range, ranges) = match &side.ports[..] {
        [] => (Some("*".to_owned()), Vec::new()),
        [one] => (Some(one.to_string()), Vec::new()),
        several => (None, several.iter().map(PortRange::to_string).collect()),
    };
    for (member, value) in [
        ("prefix", json!(prefix)),
        ("prefixes", json!(prefixes)),
        ("parameters", json!(parameters)),
        ("range", json!(range)),
        ("ranges", json!(ranges)),
    ] {
        values.insert(format!("{name}_{member}"), value);
    }
    Ok(())
}

/// A prefix in a list: one address without its length, as a parameter holds it, so that neither stands twice.
fn address(prefix: &Prefix) -> String {
    if prefix.prefix_len() == 32 {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}
