//! Networks put together piece by piece, and calls told in one line.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use vnetlab::arm::{Resource, ResourceId};
use vnetlab::emulator::fabric::{DialError, Endpoint, EndpointId, Fabric, NetworkState};
use vnetlab::lab::Lab;
use vnetlab::verdict::{Decider, Leg};

use crate::scene::{
    ALLOWED, CLUSTER, DENIED, GROUP, NSG, TABLE, VNET, id, ip, resource, rules, seen_from,
};

pub(crate) const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
const INTERFACE: &str = "Microsoft.Network/networkInterfaces";
pub(crate) const NAT_GATEWAY: &str = "Microsoft.Network/natGateways";
pub(crate) const PUBLIC_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";

/// Everything is in the resource group `rg`.
#[derive(Default)]
pub(crate) struct World(pub(crate) NetworkState);

pub(crate) fn at(resource_type: &str, name: &str) -> ResourceId {
    id("rg", resource_type, name)
}

pub(crate) fn named(endpoint: &str) -> EndpointId {
    EndpointId(endpoint.to_owned())
}

/// A rule for one protocol and one port: name, priority, direction, access, protocol, source,
/// destination, destination port.
pub(crate) type PortRule<'a> = (
    &'a str,
    u16,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
);

impl World {
    /// A virtual network; each subnet has a name, a prefix and more properties.
    pub(crate) fn vnet(&mut self, name: &str, prefix: &str, subnets: &[(&str, &str, Value)]) {
        let subnets = subnets.iter().map(|(name, prefix, more)| {
            let mut properties = json!({ "addressPrefix": prefix });
            for (key, value) in more.as_object().into_iter().flatten() {
                properties[key] = value.clone();
            }
            json!({ "name": name, "properties": properties })
        });
        let properties = json!({
            "addressSpace": { "addressPrefixes": [prefix] },
            "subnets": subnets.collect::<Vec<_>>(),
        });
        self.put(resource("rg", VNET, name, properties));
    }

    pub(crate) fn put(&mut self, resource: Resource) {
        self.0.resources.retain(|other| other.id != resource.id);
        self.0.resources.push(resource);
    }

    pub(crate) fn remove(&mut self, resource_type: &str, name: &str) {
        let id = at(resource_type, name);
        self.0.resources.retain(|other| other.id != id);
    }

    /// One side of a peering, as a child resource.
    pub(crate) fn side(&mut self, from: &str, to: &str, flags: Value) {
        let mut properties = json!({ "remoteVirtualNetwork": { "id": at(VNET, to).as_str() } });
        for (key, value) in flags.as_object().into_iter().flatten() {
            properties[key] = value.clone();
        }
        let name = format!("{from}/to-{to}");
        self.put(resource("rg", PEERING, &name, properties));
    }

    /// Both sides of a peering.
    pub(crate) fn peer(&mut self, one: &str, other: &str) {
        self.side(one, other, json!({}));
        self.side(other, one, json!({}));
    }

    /// A route table; each route has a name, a prefix, a next hop type, and an address or "".
    pub(crate) fn table(&mut self, name: &str, routes: &[(&str, &str, &str, &str)]) {
        let routes = routes.iter().map(|(name, prefix, kind, address)| {
            let mut properties = json!({ "addressPrefix": prefix, "nextHopType": kind });
            if !address.is_empty() {
                properties["nextHopIpAddress"] = json!(address);
            }
            json!({ "name": name, "properties": properties })
        });
        let routes = routes.collect::<Vec<_>>();
        self.put(resource("rg", TABLE, name, json!({ "routes": routes })));
    }

    /// A network security group with the default rules.
    pub(crate) fn nsg(&mut self, name: &str, custom: &[PortRule<'_>]) {
        let custom = custom.iter().map(|rule| {
            let (name, priority, direction, access, protocol, source, destination, port) = rule;
            json!({ "name": name, "properties": {
                "priority": priority, "direction": direction, "access": access,
                "protocol": protocol, "sourcePortRange": "*", "destinationPortRange": port,
                "sourceAddressPrefix": source, "destinationAddressPrefix": destination,
            }})
        });
        let vnet = "VirtualNetwork";
        let properties = json!({
            "securityRules": custom.collect::<Vec<_>>(),
            "defaultSecurityRules": rules(&[
                ("AllowVnetInBound", 65000, "Inbound", "Allow", vnet, vnet),
                ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
                ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
                ("AllowVnetOutBound", 65000, "Outbound", "Allow", vnet, vnet),
                ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
                ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
            ]),
        });
        self.put(resource("rg", NSG, name, properties));
    }

    pub(crate) fn group(&mut self, name: &str, subnet: &str, address: &str) {
        let endpoint = Endpoint::ContainerGroup {
            group: at(GROUP, name),
            subnet: subnet_of(subnet),
            address: ip(address),
        };
        self.0.endpoints.insert(named(name), endpoint);
    }

    /// A network interface with an endpoint; `more` is of its properties.
    pub(crate) fn interface(&mut self, name: &str, subnet: &str, address: &str, more: Value) {
        let mut properties = json!({ "ipConfigurations": [{ "name": "ip", "properties": {
            "privateIPAddress": address, "subnet": { "id": subnet_of(subnet).as_str() },
        }}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            properties[key] = value.clone();
        }
        self.put(resource("rg", INTERFACE, name, properties));
        let endpoint = Endpoint::NetworkInterface {
            interface: at(INTERFACE, name),
            subnet: subnet_of(subnet),
            address: ip(address),
        };
        self.0.endpoints.insert(named(name), endpoint);
    }

    /// A managed cluster with a pool for each pair of a node subnet and a pod subnet (or "").
    pub(crate) fn cluster(&mut self, name: &str, profile: Value, pools: &[(&str, &str)]) {
        let pools = pools.iter().enumerate().map(|(place, (nodes, pods))| {
            let mut pool = json!({ "name": format!("pool{place}"), "count": 1,
                "vnetSubnetID": subnet_of(nodes).as_str() });
            if !pods.is_empty() {
                pool["podSubnetID"] = json!(subnet_of(pods).as_str());
            }
            pool
        });
        let properties = json!({
            "networkProfile": profile,
            "agentPoolProfiles": pools.collect::<Vec<_>>(),
        });
        self.put(resource("rg", CLUSTER, name, properties));
    }

    /// A node of a cluster, with the range of its pods or "".
    pub(crate) fn node(&mut self, name: &str, cluster: &str, subnet: &str, own: (&str, &str)) {
        let (address, pods) = own;
        let endpoint = Endpoint::Node {
            cluster: at(CLUSTER, cluster),
            name: name.to_owned(),
            subnet: subnet_of(subnet),
            address: ip(address),
            pod_prefix: (!pods.is_empty()).then(|| pods.parse().unwrap()),
        };
        self.0.endpoints.insert(named(name), endpoint);
    }

    pub(crate) fn pod(&mut self, name: &str, cluster: &str, node: &str, address: &str) {
        let endpoint = Endpoint::Pod {
            cluster: at(CLUSTER, cluster),
            name: name.to_owned(),
            node: named(node),
            address: ip(address),
            host_network: false,
        };
        self.0.endpoints.insert(named(name), endpoint);
    }

    pub(crate) async fn apply(&self, lab: &Lab) {
        lab.apply(&self.0).await.unwrap();
    }
}

/// The id of `vnet/subnet`.
pub(crate) fn subnet_of(path: &str) -> ResourceId {
    let (vnet, subnet) = path.split_once('/').unwrap();
    at(VNET, vnet).child("subnets", subnet)
}

/// A reference to a resource, as a property holds it.
pub(crate) fn reference(resource_type: &str, name: &str) -> Value {
    json!({ "id": at(resource_type, name).as_str() })
}

/// What came of a call to port 80, and what decided: `10.1.0.4 | nsg/AllowVnetInBound inbound`, the
/// address being the caller's as the called one saw it.
pub(crate) async fn call(lab: &Lab, from: &str, to: &str) -> String {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let nonce = format!("call {}", CALLS.fetch_add(1, Ordering::Relaxed));
    let to = SocketAddrV4::new(ip(to), 80);
    // Who is not answered waits for the whole time, so it is the short one.
    let dial = lab.dial(&named(from), to, DENIED, Some(&nonce)).await;
    let outcome = match dial {
        Ok(mut connection) => {
            let seen = tokio::time::timeout(ALLOWED, seen_from(&mut connection));
            seen.await.unwrap().to_string()
        }
        Err(DialError::Refused) => "refused".to_owned(),
        Err(DialError::TimedOut) => "timeout".to_owned(),
        Err(DialError::Unreachable) => "unreachable".to_owned(),
        Err(DialError::Fabric(error)) => panic!("{from} -> {to}: {error}"),
    };
    let evidence = lab.evidence(&nonce).await.unwrap();
    let by = match &evidence.by {
        None => "nothing on record".to_owned(),
        Some(Decider::Cause { cause }) => cause.clone(),
        Some(Decider::Rule(rule)) => {
            let direction = rule.direction.to_string().to_lowercase();
            format!("{}/{} {direction}", rule.nsg, rule.rule)
        }
        Some(Decider::Route { route }) => {
            let leg = match route.leg {
                Leg::Forward => "",
                Leg::Return => " return",
            };
            format!("{}/{} {}{leg}", route.table, route.name, route.prefix)
        }
    };
    format!("{outcome} | {by}")
}

/// Makes each call and holds what came of it against what is expected, all at once.
pub(crate) async fn expect(lab: &Lab, calls: &[(&str, &str, &str)]) {
    let mut wrong = BTreeMap::new();
    for (from, to, expected) in calls {
        let got = call(lab, from, to).await;
        if got != *expected {
            wrong.insert(format!("{from} -> {to}"), format!("{got}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
