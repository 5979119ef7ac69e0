//! The platform's resolver, 168.63.129.16: it answers from the private zones that are stored and
//! linked to the caller's virtual network. The local Azure has no Internet, so any other name does not
//! exist.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::fabric::{Endpoint, EndpointId};
use crate::emulator::store::Store;
use crate::probe::{Dns, RecordType, Transcript};

use super::command::CommandError;

/// The resolver's address and port.
pub(super) const PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
pub(super) const PORT: u16 = 53;

const ZONE: &str = "Microsoft.Network/privateDnsZones";
const LINK: &str = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";
const SECURITY_GROUP: &str = "Microsoft.Network/networkSecurityGroups";

/// The tag whose rules apply to the resolver (R22).
const TAG: &str = "AzurePlatformDNS";

/// More aliases than a sound zone chains.
const ALIASES: usize = 8;

/// Answers a lookup from an endpoint.
///
/// # Errors
/// When a rule names the resolver's tag: it would have to be judged, and the network does not carry
/// these packets. Also when the endpoint is gone.
pub(super) fn answer(
    store: &Store,
    endpoint: &EndpointId,
    dns: &Dns,
) -> Result<Transcript, CommandError> {
    let resources = || store.resources.values();
    if let Some(group) = resources().find(|group| group.is(SECURITY_GROUP) && names_tag(group)) {
        return Err(CommandError::Unsupported(format!(
            "network security group `{}` has a rule about `{TAG}`, which the local Azure's resolver does not obey",
            group.id.name()
        )));
    }
    let network = network_of(store, endpoint)
        .ok_or_else(|| CommandError::Unsupported(format!("there is no endpoint `{endpoint}`")))?;
    let zones = resources()
        .filter(|link| link.is(LINK) && links(link) == Some(network.clone()))
        .filter_map(|link| link.id.parent())
        .collect::<Vec<_>>();
    look_up(store, &zones, dns)
}

fn names_tag(group: &Resource) -> bool {
    let text = group.properties().to_string().to_ascii_lowercase();
    text.contains(&format!("\"{}\"", TAG.to_ascii_lowercase()))
}

fn links(link: &Resource) -> Option<ResourceId> {
    body::reference(link.properties().as_object()?, "virtualNetwork")
}

/// The virtual network that an endpoint stands in.
fn network_of(store: &Store, endpoint: &EndpointId) -> Option<ResourceId> {
    let subnet = match store.leases.endpoints.get(endpoint)? {
        Endpoint::ContainerGroup { subnet, .. }
        | Endpoint::NetworkInterface { subnet, .. }
        | Endpoint::Node { subnet, .. } => subnet,
        Endpoint::Pod { node, .. } => match store.leases.endpoints.get(node)? {
            Endpoint::Node { subnet, .. } => subnet,
            _ => return None,
        },
    };
    subnet.parent()
}

fn look_up(store: &Store, zones: &[ResourceId], dns: &Dns) -> Result<Transcript, CommandError> {
    let mut name = dns.name.trim_end_matches('.').to_ascii_lowercase();
    let mut found = Vec::new();
    for _ in 0..ALIASES {
        // The longest zone that the name lies in is the one that is asked.
        let inside = zones.iter().filter_map(|zone| {
            let zone_name = zone.name().to_ascii_lowercase();
            let rest = name.strip_suffix(&zone_name)?;
            let label = if rest.is_empty() {
                Some("@")
            } else {
                rest.strip_suffix('.')
            };
            Some((zone_name.len(), zone, label?.to_owned()))
        });
        let Some((_, zone, label)) = inside.max_by_key(|(length, ..)| *length) else {
            break;
        };
        let sets = record_sets(store, zone, &label);
        if sets.is_empty() {
            break;
        }
        let of_type = |wanted: RecordType| {
            sets.iter().filter_map(move |(kind, set)| {
                let same = kind.eq_ignore_ascii_case(&wanted.to_string());
                same.then(|| values(wanted, set.properties())).flatten()
            })
        };
        let wanted = of_type(dns.record_type).flatten().collect::<Vec<_>>();
        let alias = of_type(RecordType::Cname).flatten().next();
        let own = !wanted.is_empty();
        found.extend(wanted.into_iter().map(|value| (dns.record_type, value)));
        match alias {
            Some(target) if !own => {
                found.push((RecordType::Cname, target.clone()));
                name = target.trim_end_matches('.').to_ascii_lowercase();
            }
            // A name that is there without a record of the type is not a name that is not there.
            _ => return Ok(Transcript::Resolved { records: found }),
        }
    }
    Ok(Transcript::Nxdomain)
}

/// The record sets of a name in a zone, with the type of each; a wildcard's where it has none.
fn record_sets<'a>(
    store: &'a Store,
    zone: &ResourceId,
    label: &str,
) -> Vec<(String, &'a Resource)> {
    let named = |wanted: &str| {
        let of_zone = store.resources.values().filter_map(|resource| {
            let key = resource.id.key();
            let (parent_type, kind) = key.resource_type.rsplit_once('/')?;
            let is_set = parent_type.eq_ignore_ascii_case(ZONE)
                && resource.id.parent().as_ref() == Some(zone)
                && resource.id.name().eq_ignore_ascii_case(wanted);
            is_set.then(|| (kind.to_owned(), resource))
        });
        of_zone.collect::<Vec<_>>()
    };
    let own = named(label);
    if own.is_empty() { named("*") } else { own }
}

/// The values of a record set; `None` where it cannot be read.
fn values(record_type: RecordType, properties: &Value) -> Option<Vec<String>> {
    let properties = properties.as_object()?;
    let text = |object: &Map<String, Value>, member: &str| {
        Some(body::get(object, member)?.as_str()?.to_owned())
    };
    match record_type {
        RecordType::A => {
            let records = body::items(properties, "aRecords");
            Some(
                records
                    .filter_map(|record| text(record, "ipv4Address"))
                    .collect(),
            )
        }
        RecordType::Cname => {
            let record = body::get(properties, "cnameRecord")?.as_object()?;
            Some(vec![text(record, "cname")?])
        }
        RecordType::Txt => {
            let quoted = |record: &Map<String, Value>| {
                let strings = body::get(record, "value")?.as_array()?;
                let strings = strings.iter().filter_map(Value::as_str);
                Some(
                    strings
                        .map(|text| format!("\"{text}\""))
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            };
            let records = body::items(properties, "txtRecords");
            Some(records.filter_map(quoted).collect())
        }
    }
}
