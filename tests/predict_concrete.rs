//! What the analysis predicts for one flow, a test for each rule of Azure's semantics that it cites.
#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use vnetlab::arm::{
    Addresses, Destination, NodeAddress, Party, PodAddress, Question, Resource, ResourceId,
    ResourceKey,
};
use vnetlab::net::Protocol;
use vnetlab::predict::{PredictError, predict};
use vnetlab::verdict::{Decider, Leg, Outcome, Predicted, Prediction};

const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers";
const NETWORK: &str = "Microsoft.Network";
const ACI: &str = "Microsoft.ContainerInstance/containerGroups";
const AKS: &str = "Microsoft.ContainerService/managedClusters";

fn resource(kind: &str, name: &str, properties: Value) -> Resource {
    let key = ResourceKey::new(kind, name);
    Resource {
        id: ResourceId::in_group("s", "g", &key),
        resource_type: kind.to_owned(),
        name: name.to_owned(),
        api_version: "2025-05-01".to_owned(),
        depends_on: Vec::new(),
        body: json!({ "properties": properties })
            .as_object()
            .unwrap()
            .clone(),
    }
}

fn id(kind: &str, name: &str) -> Value {
    json!({ "id": format!("{GROUP}/{NETWORK}/{kind}/{name}") })
}

/// Subnets as `name: prefix`, `name: prefix nsg=N`, `name: prefix routes=T nat=G`.
fn vnet(name: &str, space: &[&str], subnets: &[&str]) -> Resource {
    let subnets = subnets.iter().map(|text| {
        let (subnet, rest) = text.split_once(": ").unwrap();
        let mut words = rest.split(' ');
        let mut properties = json!({ "addressPrefix": words.next().unwrap() });
        for word in words {
            let (field, value) = word.split_once('=').unwrap();
            let (member, kind) = match field {
                "nsg" => ("networkSecurityGroup", "networkSecurityGroups"),
                "routes" => ("routeTable", "routeTables"),
                "nat" => ("natGateway", "natGateways"),
                other => panic!("{other}"),
            };
            properties[member] = id(kind, value);
        }
        json!({ "name": subnet, "properties": properties })
    });
    let subnets = subnets.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/virtualNetworks",
        name,
        json!({ "addressSpace": { "addressPrefixes": space }, "subnets": subnets }),
    )
}

/// Rules as `name in|out PRIORITY allow|deny PROTOCOL SOURCE -> DESTINATION PORTS`.
fn nsg(name: &str, rules: &[&str]) -> Resource {
    let rules = rules.iter().map(|text| {
        let words = text.split(' ').collect::<Vec<_>>();
        let [
            name,
            way,
            priority,
            access,
            protocol,
            source,
            _,
            destination,
            port,
        ] = words[..]
        else {
            panic!("{text}")
        };
        json!({ "name": name, "properties": {
            "direction": if way == "in" { "Inbound" } else { "Outbound" },
            "priority": priority.parse::<u32>().unwrap(),
            "access": access,
            "protocol": protocol,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": destination,
            "destinationPortRange": port,
        }})
    });
    let rules = rules.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/networkSecurityGroups",
        name,
        json!({ "securityRules": rules }),
    )
}

/// Routes as `name PREFIX TYPE [ADDRESS]`.
fn routes(name: &str, routes: &[&str]) -> Resource {
    let routes = routes.iter().map(|text| {
        let words = text.split(' ').collect::<Vec<_>>();
        let mut properties = json!({ "addressPrefix": words[1], "nextHopType": words[2] });
        if let Some(address) = words.get(3) {
            properties["nextHopIpAddress"] = json!(address);
        }
        json!({ "name": words[0], "properties": properties })
    });
    let routes = routes.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/routeTables",
        name,
        json!({ "routes": routes }),
    )
}

fn subnet_id(path: &str) -> String {
    let (vnet, subnet) = path.split_once('/').unwrap();
    format!("{GROUP}/{NETWORK}/virtualNetworks/{vnet}/subnets/{subnet}")
}

fn aci(name: &str, subnet: &str) -> Resource {
    resource(
        ACI,
        name,
        json!({
            "subnetIds": [{ "id": subnet_id(subnet) }],
            "ipAddress": { "type": "Private", "ports": [{ "port": 80, "protocol": "TCP" }] },
        }),
    )
}

fn cluster(name: &str, subnet: &str, profile: Value) -> Resource {
    resource(
        AKS,
        name,
        json!({
            "networkProfile": profile,
            "agentPoolProfiles": [{ "name": "p", "count": 2, "vnetSubnetID": subnet_id(subnet) }],
        }),
    )
}

fn kubenet(name: &str, subnet: &str) -> Resource {
    let profile = json!({ "networkPlugin": "kubenet", "podCidr": "10.16.0.0/16" });
    cluster(name, subnet, profile)
}

fn overlay(name: &str, subnet: &str) -> Resource {
    let profile = json!({
        "networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16",
    });
    cluster(name, subnet, profile)
}

fn node_subnet(name: &str, subnet: &str) -> Resource {
    cluster(name, subnet, json!({ "networkPlugin": "azure" }))
}

fn group(name: &str) -> Party {
    Party::ContainerGroup(ResourceKey::new(ACI, name))
}

fn pod(cluster: &str, name: &str) -> Party {
    Party::Pod {
        cluster: ResourceKey::new(AKS, cluster),
        name: name.to_owned(),
        host_network: false,
    }
}

fn host_pod(cluster: &str, name: &str) -> Party {
    Party::Pod {
        cluster: ResourceKey::new(AKS, cluster),
        name: name.to_owned(),
        host_network: true,
    }
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn ask(from: Party, to: Destination, protocol: Protocol, port: u16, listens: bool) -> Question {
    Question {
        from,
        to,
        protocol,
        port: protocol.has_ports().then_some(port),
        listens,
    }
}

fn call(from: Party, to: Party) -> Question {
    ask(from, Destination::Party(to), Protocol::Tcp, 80, true)
}

fn call_address(from: Party, address: &str) -> Question {
    let to = Destination::Address(ip(address));
    ask(from, to, Protocol::Tcp, 80, true)
}

fn ping(from: Party, to: Party) -> Question {
    ask(from, Destination::Party(to), Protocol::Icmp, 0, true)
}

/// The prediction when every address is assumed.
fn answer(resources: &[Resource], question: &Question) -> Prediction {
    predict(resources, &Addresses::default(), question).expect("the template can be analysed")
}

/// `outcome | by | source`, with `-` for what there is none of.
fn line(prediction: &Prediction) -> String {
    let by = match &prediction.by {
        Some(Decider::Rule(rule)) => format!("{}/{}/{}", rule.nsg, rule.direction, rule.rule),
        Some(Decider::Route { route }) => {
            let leg = if route.leg == Leg::Return {
                " back"
            } else {
                ""
            };
            format!("{}/{} {}{leg}", route.table, route.name, route.prefix)
        }
        Some(Decider::Cause { cause }) => cause.clone(),
        None => "-".to_owned(),
    };
    let source = prediction.source.map_or("-".to_owned(), |s| s.to_string());
    format!("{} | {by} | {source}", prediction.outcome)
}

fn said(resources: &[Resource], question: &Question) -> String {
    line(&answer(resources, question))
}

fn readings(prediction: &Prediction) -> Vec<String> {
    assert_eq!(
        prediction.outcome,
        Predicted::Undetermined,
        "{}",
        line(prediction)
    );
    let readings = prediction.readings.iter();
    readings
        .map(|reading| format!("{}: {}", reading.outcome, reading.source))
        .collect()
}

/// Pods on two nodes, 172.16.0.4 and 172.16.0.5, as a deployment would tell them.
fn two_nodes(cluster: &str, pods: [(&str, &str, &str); 2]) -> Addresses {
    let key = ResourceKey::new(AKS, cluster);
    let nodes = ["172.16.0.4", "172.16.0.5"].map(|address| NodeAddress {
        name: format!("node-{address}"),
        address: ip(address),
    });
    let pods = pods.map(|(name, address, node)| {
        let told = PodAddress {
            address: ip(address),
            node: format!("node-{node}"),
            node_address: ip(node),
        };
        ((key.clone(), name.to_owned()), told)
    });
    Addresses {
        nodes: [(key, nodes.to_vec())].into(),
        pods: pods.into(),
        ..Addresses::default()
    }
}

mod founding_experiment {
    use super::*;

    fn network(allow_priority: u32, cluster: Resource, allowed: &str) -> Vec<Resource> {
        vec![
            vnet(
                "v",
                &["172.16.0.0/18"],
                &[
                    "aks: 172.16.0.0/20",
                    "services: 172.16.16.0/20",
                    "aci: 172.16.32.0/20 nsg=aci-nsg",
                ],
            ),
            nsg(
                "aci-nsg",
                &[
                    &format!("allow-http in {allow_priority} allow Tcp {allowed} -> * 80"),
                    "allow-health in 200 allow * AzureLoadBalancer -> * *",
                    "deny-all in 300 deny * * -> * *",
                    "allow-to-vnet out 100 allow * * -> VirtualNetwork *",
                    "deny-out out 200 deny * * -> * *",
                ],
            ),
            cluster,
            aci("web", "v/aci"),
        ]
    }

    fn question() -> Question {
        call(pod("c", "observer"), group("web"))
    }

    #[test]
    fn e2_e3_phase_1_the_group_sees_the_node_and_rule_100_lets_it_in() {
        let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
        let prediction = answer(&network, &question());
        assert_eq!(
            line(&prediction),
            "reachable | aci-nsg/inbound/allow-http | 172.16.0.4"
        );
        assert!(prediction.assumed, "no deployment has told an address");
        assert_eq!(
            prediction.path.len(),
            1,
            "the node subnet has no group: {prediction:?}"
        );
    }

    #[test]
    fn e2_phase_2_below_the_deny_rule_the_allow_rule_is_never_read() {
        let network = network(400, kubenet("c", "v/aks"), "172.16.0.0/20");
        assert_eq!(
            said(&network, &question()),
            "timeout | aci-nsg/inbound/deny-all | -"
        );
    }

    #[test]
    fn e4_control_a_rule_for_the_node_alone_tells_kubenet_from_azure_cni() {
        let node_only = network(100, kubenet("c", "v/aks"), "172.16.0.4/32");
        assert_eq!(
            said(&node_only, &question()),
            "reachable | aci-nsg/inbound/allow-http | 172.16.0.4"
        );
        let node_only = network(100, node_subnet("c", "v/aks"), "172.16.0.4/32");
        assert_eq!(
            said(&node_only, &question()),
            "timeout | aci-nsg/inbound/deny-all | -"
        );
        let range = network(100, node_subnet("c", "v/aks"), "172.16.0.0/20");
        assert_eq!(
            said(&range, &question()),
            "reachable | aci-nsg/inbound/allow-http | 172.16.0.5"
        );
    }

    #[test]
    fn told_addresses_are_used_and_nothing_is_assumed() {
        let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
        let mut told = two_nodes(
            "c",
            [
                ("observer", "10.16.1.2", "172.16.0.5"),
                ("other", "10.16.0.2", "172.16.0.4"),
            ],
        );
        let web = ResourceKey::new(ACI, "web");
        told.container_groups.insert(web, ip("172.16.32.9"));
        let prediction = predict(&network, &told, &question()).unwrap();
        assert_eq!(
            line(&prediction),
            "reachable | aci-nsg/inbound/allow-http | 172.16.0.5"
        );
        assert!(!prediction.assumed);
    }

    #[test]
    fn r81_an_allowed_flow_to_a_port_without_a_listener_is_refused() {
        let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
        let question = Question {
            listens: false,
            ..question()
        };
        assert_eq!(
            said(&network, &question),
            "refused | aci-nsg/inbound/allow-http | 172.16.0.4"
        );
    }
}

mod security_rules {
    use super::*;

    fn two_groups(a: &[&str], b: &[&str]) -> Vec<Resource> {
        vec![
            vnet(
                "v",
                &["10.1.0.0/16"],
                &["a: 10.1.0.0/24 nsg=na", "b: 10.1.1.0/24 nsg=nb"],
            ),
            nsg("na", a),
            nsg("nb", b),
            aci("from", "v/a"),
            aci("to", "v/b"),
        ]
    }

    fn between() -> Question {
        call(group("from"), group("to"))
    }

    const DEFAULT: &str = "reachable | nb/inbound/AllowVnetInBound | 10.1.0.4";

    #[test]
    fn r2_the_lowest_priority_decides_whatever_the_order_of_the_list() {
        let rules = [
            "z in 300 deny * * -> * *",
            "y in 200 allow * * -> * *",
            "x in 250 deny * * -> * *",
        ];
        assert_eq!(
            said(&two_groups(&[], &rules), &between()),
            "reachable | nb/inbound/y | 10.1.0.4"
        );
    }

    #[test]
    fn r4_default_rules_admit_the_virtual_network_both_ways() {
        let prediction = answer(&two_groups(&[], &[]), &between());
        assert_eq!(line(&prediction), DEFAULT);
        let path = prediction.path.iter().map(|rule| rule.rule.as_str());
        assert_eq!(
            path.collect::<Vec<_>>(),
            ["AllowVnetOutBound", "AllowVnetInBound"]
        );
    }

    #[test]
    fn r4_r21_private_space_beyond_the_virtual_network_falls_to_the_last_default_rule() {
        assert_eq!(
            said(
                &two_groups(&[], &[]),
                &call_address(group("from"), "10.9.0.4")
            ),
            "timeout | na/outbound/DenyAllOutBound | -"
        );
    }

    #[test]
    fn r6_port_ranges_are_inclusive() {
        for (ports, outcome) in [
            ("80", "reachable"),
            ("79-80", "reachable"),
            ("80-90", "reachable"),
            ("81-90", "timeout"),
            ("1-79", "timeout"),
        ] {
            let some = format!("some in 100 allow Tcp * -> * {ports}");
            let rules = [some.as_str(), "rest in 200 deny * * -> * *"];
            let said = said(&two_groups(&[], &rules), &between());
            assert!(said.starts_with(outcome), "{ports}: {said}");
        }
    }

    #[test]
    fn r6_a_rule_for_some_random_source_ports_leaves_the_answer_open() {
        let mut network = two_groups(&[], &[]);
        network[2].body["properties"]["securityRules"] = json!([{ "name": "high", "properties": {
            "direction": "Inbound", "priority": 100, "access": "Deny", "protocol": "Tcp",
            "sourceAddressPrefix": "*", "sourcePortRange": "50000-60000",
            "destinationAddressPrefix": "*", "destinationPortRange": "*",
        }}]);
        assert_eq!(
            readings(&answer(&network, &between())),
            [
                "timeout: R6: the caller's random port lies in the source ports of `high`",
                "reachable: R6: the caller's random port lies outside the source ports of `high`",
            ]
        );
    }

    #[test]
    fn r8_the_protocol_is_compared_without_case() {
        let network = two_groups(&["out out 100 allow TCP * -> * 80"], &[]);
        let path = answer(&network, &between()).path;
        assert_eq!(path[0].rule, "out");
    }

    #[test]
    fn r8_any_holds_icmp_and_leaves_esp_open() {
        let ping = ping(group("from"), group("to"));
        let esp = Question {
            protocol: Protocol::Esp,
            ..ping.clone()
        };
        let none = two_groups(&[], &["none in 100 deny * * -> * *"]);
        assert_eq!(said(&none, &ping), "timeout | nb/inbound/none | -");
        assert_eq!(
            answer(&none, &esp).outcome,
            Predicted::Is(Outcome::Timeout),
            "no reading lets it pass"
        );
        let some = two_groups(&[], &["some in 100 allow * * -> * *"]);
        assert_eq!(
            readings(&answer(&some, &esp)),
            [
                "reachable: R8: protocol * holds esp",
                "timeout: R8: protocol * holds TCP, UDP and ICMP, not esp",
            ]
        );
    }

    #[test]
    fn r9_icmp_against_a_rule_with_a_port_is_undetermined_and_against_star_is_not() {
        let ping = ping(group("from"), group("to"));
        let network = two_groups(&[], &["p in 100 deny * * -> * 80"]);
        assert_eq!(
            readings(&answer(&network, &ping)),
            [
                "timeout: R9: a rule with a port matches icmp",
                "reachable: R9: a rule with a port does not match icmp",
            ]
        );
        let network = two_groups(&[], &["p in 100 deny Icmp * -> * *"]);
        assert_eq!(said(&network, &ping), "timeout | nb/inbound/p | -");
        assert_eq!(said(&network, &between()), DEFAULT, "tcp is not icmp");
    }

    #[test]
    fn r9_an_open_question_that_changes_no_outcome_leaves_only_the_rule_open() {
        let network = two_groups(&[], &["p in 100 allow * * -> * 80"]);
        let prediction = answer(&network, &ping(group("from"), group("to")));
        assert_eq!(line(&prediction), "reachable | - | 10.1.0.4");
        assert_eq!(prediction.path.len(), 1, "the part that all readings share");
    }

    #[test]
    fn r11_the_reply_needs_no_rule() {
        let no_in = ["none in 100 deny * * -> * *"];
        let no_out = ["none out 100 deny * * -> * *"];
        assert_eq!(said(&two_groups(&no_in, &no_out), &between()), DEFAULT);
    }

    #[test]
    fn r14_r16_the_outbound_rules_of_the_caller_come_first() {
        let out = ["no-out out 100 deny * * -> * *"];
        let inbound = ["no-in in 100 deny * * -> * *"];
        assert_eq!(
            said(&two_groups(&out, &inbound), &between()),
            "timeout | na/outbound/no-out | -"
        );
    }

    #[test]
    fn r15_rules_of_a_subnet_stop_traffic_within_it() {
        let network = [
            vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=na"]),
            nsg(
                "na",
                &["no-intra in 100 deny * 10.1.0.0/24 -> 10.1.0.0/24 *"],
            ),
            aci("from", "v/a"),
            aci("to", "v/a"),
        ];
        assert_eq!(
            said(&network, &between()),
            "timeout | na/inbound/no-intra | -"
        );
    }

    #[test]
    fn r13_without_groups_the_system_route_alone_lets_it_pass() {
        let network = [
            vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
            aci("from", "v/a"),
            aci("to", "v/a"),
        ];
        assert_eq!(
            said(&network, &between()),
            "reachable | no-nsg-and-system-route | 10.1.0.4"
        );
    }

    #[test]
    fn r17_r18_own_routes_are_in_virtualnetwork_and_other_or_default_routes_leave_it_open() {
        let with = |route: &str, a: &str, b: &str| {
            let mut network = two_groups(&["vnet out 100 deny * * -> VirtualNetwork *"], &[]);
            let a = format!("a: 10.1.0.0/24 nsg=na nat=n{a}");
            let b = format!("b: 10.1.1.0/24 nsg=nb{b}");
            network[0] = vnet("v", &["10.1.0.0/16"], &[&a, &b]);
            network.push(routes("t", &[route]));
            network
        };
        let there = call_address(group("from"), "203.0.113.9");
        let own = with("r 203.0.113.0/24 Internet", " routes=t", "");
        assert_eq!(said(&own, &there), "timeout | na/outbound/vnet | -");
        let other = with("r 203.0.113.0/24 Internet", "", " routes=t");
        assert_eq!(
            readings(&answer(&other, &there)),
            [
                "timeout: R18: routes of other subnets count in VirtualNetwork",
                "reachable: R18: only the subnet's own routes count in VirtualNetwork",
            ]
        );
        let default = with("r 0.0.0.0/0 Internet", " routes=t", "");
        assert_eq!(
            readings(&answer(&default, &there)),
            [
                "timeout: R18: a user-defined route 0.0.0.0/0 makes VirtualNetwork hold every address",
                "reachable: R17: a user-defined route 0.0.0.0/0 leaves VirtualNetwork as it is",
            ]
        );
    }

    #[test]
    fn r20_the_load_balancer_tag_admits_no_client() {
        let rules = [
            "lb in 100 allow * azureloadbalancer -> * *",
            "rest in 200 deny * * -> * *",
        ];
        assert_eq!(
            said(&two_groups(&[], &rules), &between()),
            "timeout | nb/inbound/rest | -"
        );
    }

    #[test]
    fn r21_internet_is_public_space_outside_the_virtual_network() {
        let mut network = two_groups(&["no out 100 deny * * -> Internet *"], &[]);
        network[0] = vnet(
            "v",
            &["10.1.0.0/16", "20.0.0.0/16"],
            &["a: 10.1.0.0/24 nsg=na nat=n", "b: 20.0.1.0/24 nsg=nb"],
        );
        let outside = call_address(group("from"), "20.1.0.9");
        assert_eq!(said(&network, &outside), "timeout | na/outbound/no | -");
        assert_eq!(
            said(&network, &between()),
            DEFAULT,
            "public space of the virtual network is not Internet"
        );
    }

    #[test]
    fn r22_dns_of_the_platform_is_exempt_unless_a_rule_names_it() {
        let dns = call_address(group("from"), "168.63.129.16");
        let network = two_groups(&["all out 100 deny * * -> * *"], &[]);
        assert_eq!(
            said(&network, &dns),
            "reachable | platform-exempt | 10.1.0.4"
        );
        let network = two_groups(&["dns out 100 deny * * -> AzurePlatformDNS *"], &[]);
        assert_eq!(said(&network, &dns), "timeout | na/outbound/dns | -");
        let metadata = call_address(group("from"), "169.254.169.254");
        assert_eq!(
            said(&network, &metadata),
            "reachable | platform-exempt | 10.1.0.4"
        );
    }

    #[test]
    fn r23_a_tag_without_pinned_contents_is_undetermined() {
        let network = two_groups(&["s out 100 deny * * -> Storage.EastUS *"], &[]);
        assert_eq!(
            readings(&answer(&network, &between())),
            [
                "timeout: R23: the current contents of tag Storage.EastUS hold 10.1.1.4",
                "reachable: R23: the current contents of tag Storage.EastUS do not hold 10.1.1.4",
            ]
        );
    }

    #[test]
    fn r23_more_open_questions_than_can_be_tried_are_undetermined_too() {
        let rules = (0..100)
            .map(|i| format!("r{i} in {} allow * Tag{i} -> * *", 100 + i))
            .collect::<Vec<_>>();
        let rules = rules.iter().map(String::as_str).collect::<Vec<_>>();
        let prediction = answer(&two_groups(&[], &rules), &between());
        assert_eq!(prediction.outcome, Predicted::Undetermined);
    }

    #[test]
    fn r24_application_security_groups_match_no_container_group() {
        let mut network = two_groups(&[], &[]);
        network[2].body["properties"]["securityRules"] = json!([{ "name": "asg", "properties": {
            "direction": "Inbound", "priority": 100, "access": "Deny", "protocol": "*",
            "sourceApplicationSecurityGroups": [id("applicationSecurityGroups", "web")],
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
        }}]);
        assert_eq!(said(&network, &between()), DEFAULT);
    }

    #[test]
    fn r28_names_and_ids_compare_without_case() {
        let mut network = two_groups(&[], &["no in 100 deny * * -> * *"]);
        let subnets = ["A: 10.1.0.0/24 nsg=NA", "B: 10.1.1.0/24 nsg=NB"];
        network[0] = vnet("V", &["10.1.0.0/16"], &subnets);
        assert_eq!(said(&network, &between()), "timeout | nb/inbound/no | -");
    }
}

mod routing {
    use super::*;

    fn network(a: &str, b: &str, table: &[&str]) -> Vec<Resource> {
        let a = format!("a: 10.1.0.0/24{a}");
        let b = format!("b: 10.1.1.0/24{b}");
        vec![
            vnet("v", &["10.1.0.0/16"], &[&a, &b]),
            routes("t", table),
            aci("from", "v/a"),
            aci("to", "v/b"),
        ]
    }

    fn between() -> Question {
        call(group("from"), group("to"))
    }

    #[test]
    fn r35_private_space_outside_the_virtual_network_is_dropped() {
        let network = network("", "", &[]);
        for (address, prefix) in [
            ("10.9.0.4", "10.0.0.0/8"),
            ("172.20.0.1", "172.16.0.0/12"),
            ("192.168.0.1", "192.168.0.0/16"),
            ("100.64.0.1", "100.64.0.0/10"),
        ] {
            assert_eq!(
                said(&network, &call_address(group("from"), address)),
                format!("timeout | system/None {prefix} | -")
            );
        }
    }

    #[test]
    fn r35_a_virtual_network_that_covers_a_reserved_range_lifts_it() {
        let network = [
            vnet("v", &["10.0.0.0/7"], &["a: 10.1.0.0/24", "b: 11.0.0.0/24"]),
            aci("from", "v/a"),
        ];
        assert_eq!(
            said(&network, &call_address(group("from"), "10.9.0.4")),
            "timeout | no-endpoint-at-address | -"
        );
    }

    #[test]
    fn r36_r37_a_route_to_none_drops_within_the_virtual_network() {
        let network = network(" routes=t", "", &["drop 10.1.1.0/24 None"]);
        assert_eq!(
            said(&network, &between()),
            "timeout | t/drop 10.1.1.0/24 | -"
        );
    }

    #[test]
    fn r36_the_longest_prefix_wins_and_at_the_same_length_the_users() {
        let with = |table: &[&str]| network(" routes=t", "", table);
        let longer = with(&["drop 10.1.1.0/24 None", "keep 10.1.1.0/25 VnetLocal"]);
        assert_eq!(
            said(&longer, &between()),
            "reachable | t/keep 10.1.1.0/25 | 10.1.0.4"
        );
        let shorter = with(&["drop 10.0.0.0/8 None"]);
        assert_eq!(
            said(&shorter, &between()),
            "reachable | no-nsg-and-system-route | 10.1.0.4"
        );
        let same = with(&["drop 10.1.0.0/16 None"]);
        assert_eq!(said(&same, &between()), "timeout | t/drop 10.1.0.0/16 | -");
    }

    #[test]
    fn r37_a_gateway_as_next_hop_is_named_as_not_modelled() {
        let table = ["vpn 10.1.1.0/24 VirtualNetworkGateway"];
        let network = network(" routes=t", "", &table);
        let error = predict(&network, &Addresses::default(), &between()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer depends on route `vpn` with next hop type `VirtualNetworkGateway`, which the analysis does not model"
        );
    }

    #[test]
    fn r38_whether_an_appliance_forwards_is_undetermined() {
        let table = ["fw 10.1.1.0/24 VirtualAppliance 10.1.0.9"];
        let network = network(" routes=t", "", &table);
        assert_eq!(
            readings(&answer(&network, &between())),
            [
                "reachable: R38: an appliance at 10.1.0.9 forwards the packet",
                "timeout: R38: no appliance at 10.1.0.9 forwards the packet",
            ]
        );
    }

    #[test]
    fn r39_a_route_that_drops_the_reply_breaks_the_connection() {
        let network = network("", " routes=t", &["drop 10.1.0.0/24 None"]);
        assert_eq!(
            said(&network, &between()),
            "timeout | t/drop 10.1.0.0/24 back | -"
        );
    }

    #[test]
    fn r40_peerings_are_named_where_they_could_matter() {
        let mut network = network("", "", &[]);
        let peering = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
        network.push(resource(peering, "v/to-hub", json!({})));
        assert_eq!(
            said(&network, &between()),
            "reachable | no-nsg-and-system-route | 10.1.0.4"
        );
        let away = call_address(group("from"), "10.2.0.4");
        let error = predict(&network, &Addresses::default(), &away).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer depends on virtual network peering `to-hub` of `v`, which the analysis does not model"
        );
    }

    #[test]
    fn r73_a_container_group_leaves_only_through_a_nat_gateway() {
        let out = call_address(group("from"), "8.8.8.8");
        assert_eq!(
            said(&network("", "", &[]), &out),
            "timeout | no-nat-gateway | -"
        );
        assert_eq!(
            said(&network(" nat=n", "", &[]), &out),
            "reachable | no-nsg-and-system-route | -"
        );
    }

    #[test]
    fn what_listens_outside_the_template_is_undetermined_unless_the_question_says_so() {
        let out = Question {
            listens: false,
            ..call_address(group("from"), "8.8.8.8")
        };
        let prediction = answer(&network(" nat=n", "", &[]), &out);
        let outcomes = prediction.readings.iter().map(|r| r.outcome.word());
        assert_eq!(
            outcomes.collect::<Vec<_>>(),
            ["reachable", "refused", "timeout"]
        );
    }

    #[test]
    fn two_virtual_networks_with_the_same_ranges_do_not_mix() {
        let subnets = ["a: 10.1.0.0/24", "b: 10.1.1.0/24"];
        let closed = ["a: 10.1.0.0/24", "b: 10.1.1.0/24 nsg=closed"];
        let network = [
            vnet("one", &["10.1.0.0/16"], &closed),
            vnet("two", &["10.1.0.0/16"], &subnets),
            nsg("closed", &["no in 100 deny * * -> * *"]),
            aci("one-from", "one/a"),
            aci("one-to", "one/b"),
            aci("two-from", "two/a"),
            aci("two-more", "two/b"),
            aci("two-to", "two/b"),
        ];
        let said = |from: &str, to: &str| said(&network, &call(group(from), group(to)));
        assert_eq!(
            said("two-from", "two-more"),
            "reachable | no-nsg-and-system-route | 10.1.0.4"
        );
        assert_eq!(
            said("one-from", "one-to"),
            "timeout | closed/inbound/no | -"
        );
        // two-to is 10.1.1.5, which nobody is in `one`.
        assert_eq!(
            said("one-from", "two-to"),
            "timeout | no-endpoint-at-address | -"
        );
        // two-more is 10.1.1.4, which in `one` is one-to: the rules in front of that decide.
        assert_eq!(
            said("one-from", "two-more"),
            "timeout | closed/inbound/no | -"
        );
        // The other way round the caller reaches whoever has the address in its own network.
        let prediction = answer(&network, &call(group("two-from"), group("one-to")));
        assert_eq!(
            readings(&prediction)[0],
            "reachable: container group `two-more` has the called address in the caller's virtual network, and answers"
        );
    }
}

mod clusters {
    use super::*;

    fn network(cluster: Resource, aks: &str) -> Vec<Resource> {
        let aks = format!("aks: 172.16.0.0/20{aks}");
        vec![
            vnet("v", &["172.16.0.0/18"], &[&aks, "aci: 172.16.32.0/20"]),
            cluster,
            aci("web", "v/aci"),
        ]
    }

    fn outbound() -> Question {
        call(pod("c", "p"), group("web"))
    }

    #[test]
    fn r31_addresses_are_assumed_from_the_fifth_on_nodes_first() {
        let two = network(kubenet("c", "v/aks"), "");
        for (address, expected) in [
            ("172.16.0.3", Outcome::Timeout),
            ("172.16.0.4", Outcome::Refused),
            ("172.16.0.5", Outcome::Refused),
            ("172.16.0.6", Outcome::Timeout),
        ] {
            let question = Question {
                listens: false,
                ..call_address(group("web"), address)
            };
            let outcome = answer(&two, &question).outcome;
            assert_eq!(outcome, Predicted::Is(expected), "{address}");
        }
    }

    #[test]
    fn r31_a_subnet_without_a_free_address_is_named() {
        let mut network = vec![vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/29"])];
        network.extend(["g1", "g2", "g3", "g4"].map(|name| aci(name, "v/a")));
        let question = call(group("g1"), group("g2"));
        let error = predict(&network, &Addresses::default(), &question).unwrap_err();
        assert!(
            matches!(&error, PredictError::SubnetFull { party, .. } if party == "container group `g4`"),
            "{error}"
        );
    }

    #[test]
    fn r51_kubenet_pods_on_two_nodes_keep_their_addresses_and_pass_the_groups_as_such() {
        let mut network = network(kubenet("c", "v/aks"), " nsg=n routes=t");
        network.push(routes("t", &[]));
        let addresses = two_nodes(
            "c",
            [
                ("p", "10.16.0.2", "172.16.0.4"),
                ("q", "10.16.1.2", "172.16.0.5"),
            ],
        );
        let question = call(pod("c", "p"), pod("c", "q"));
        // R17: the pod routes of the subnet's table put the pods into VirtualNetwork.
        network.push(nsg("n", &[]));
        let prediction = predict(&network, &addresses, &question).unwrap();
        assert_eq!(
            line(&prediction),
            "reachable | n/inbound/AllowVnetInBound | 10.16.0.2"
        );
        network.pop();
        network.push(nsg("n", &["pods in 100 deny * 10.16.0.0/24 -> * *"]));
        let prediction = predict(&network, &addresses, &question).unwrap();
        assert_eq!(line(&prediction), "timeout | n/inbound/pods | -");
    }

    #[test]
    fn r52_kubenet_the_far_end_sees_the_node() {
        assert_eq!(
            said(&network(kubenet("c", "v/aks"), ""), &outbound()),
            "reachable | no-nsg-and-system-route | 172.16.0.4"
        );
    }

    #[test]
    fn r52_kubenet_the_rules_of_the_node_subnet_see_the_node_too() {
        let mut network = network(kubenet("c", "v/aks"), " nsg=n");
        let rules = [
            "pods out 100 deny * 10.16.0.0/16 -> * *",
            "nodes out 200 deny * 172.16.0.4 -> * *",
        ];
        network.push(nsg("n", &rules));
        assert_eq!(
            said(&network, &outbound()),
            "timeout | n/outbound/nodes | -"
        );
    }

    #[test]
    fn r52_kubenet_to_the_node_subnet_the_sources_disagree() {
        let network = network(kubenet("c", "v/aks"), "");
        let addresses = two_nodes(
            "c",
            [
                ("p", "10.16.0.2", "172.16.0.4"),
                ("host", "172.16.0.5", "172.16.0.5"),
            ],
        );
        let question = call(pod("c", "p"), host_pod("c", "host"));
        let prediction = predict(&network, &addresses, &question).unwrap();
        assert_eq!(prediction.source, None);
        assert_eq!(
            readings(&prediction),
            [
                "reachable: R52: kubenet translates everything that leaves the pod range, so the node is seen",
                "reachable: R52: kubenet does not translate within the node subnet, so the pod is seen",
            ]
        );
    }

    #[test]
    fn r53_r61_nothing_in_the_virtual_network_can_address_a_kubenet_or_overlay_pod() {
        let inbound = call(group("web"), pod("c", "p"));
        for cluster in [kubenet("c", "v/aks"), overlay("c", "v/aks")] {
            assert_eq!(
                said(&network(cluster, ""), &inbound),
                "timeout | system/None 10.0.0.0/8 | -"
            );
        }
    }

    #[test]
    fn r56_r57_azure_cni_keeps_the_pods_address_within_the_virtual_network_both_ways() {
        let network = network(node_subnet("c", "v/aks"), "");
        assert_eq!(
            said(&network, &outbound()),
            "reachable | no-nsg-and-system-route | 172.16.0.5"
        );
        assert_eq!(
            said(&network, &call(group("web"), pod("c", "p"))),
            "reachable | no-nsg-and-system-route | 172.16.32.4"
        );
    }

    #[test]
    fn r57_azure_cni_outside_the_virtual_network_the_rules_see_the_node() {
        let mut network = network(node_subnet("c", "v/aks"), " nsg=n");
        network.push(nsg("n", &["nodes out 100 deny * 172.16.0.4 -> * *"]));
        assert_eq!(
            said(&network, &call_address(pod("c", "p"), "10.9.0.4")),
            "timeout | n/outbound/nodes | -"
        );
        assert_eq!(
            said(&network, &outbound()),
            "reachable | n/outbound/AllowVnetOutBound | 172.16.0.5"
        );
    }

    fn pod_subnet(rules: &[&str]) -> Vec<Resource> {
        let mut cluster = node_subnet("c", "v/aks");
        cluster.body["properties"]["agentPoolProfiles"][0]["podSubnetID"] =
            json!(subnet_id("v/pods"));
        let subnets = [
            "aks: 172.16.0.0/20",
            "pods: 172.16.16.0/20 nsg=n",
            "aci: 172.16.32.0/20",
        ];
        vec![
            vnet("v", &["172.16.0.0/18"], &subnets),
            nsg("n", rules),
            cluster,
            aci("web", "v/aci"),
        ]
    }

    #[test]
    fn r58_a_pod_subnet_keeps_the_pods_address() {
        let prediction = answer(&pod_subnet(&[]), &outbound());
        assert_eq!(prediction.outcome, Predicted::Is(Outcome::Reachable));
        assert_eq!(prediction.source, Some(ip("172.16.16.4")));
    }

    #[test]
    fn r58_whose_rules_apply_to_pods_of_a_pod_subnet_is_undetermined_where_it_matters() {
        let network = pod_subnet(&["no out 100 deny * * -> * *"]);
        assert_eq!(
            readings(&answer(&network, &outbound())),
            [
                "timeout: R58: rules and routes of the pod subnet apply to its pods",
                "reachable: R58: rules and routes of the node subnet apply to pods, as was once reported",
            ]
        );
    }

    #[test]
    fn r60_overlay_the_far_end_sees_the_node() {
        assert_eq!(
            said(&network(overlay("c", "v/aks"), ""), &outbound()),
            "reachable | no-nsg-and-system-route | 172.16.0.4"
        );
    }

    #[test]
    fn r60_overlay_pods_pass_the_groups_with_their_own_addresses() {
        let addresses = two_nodes(
            "c",
            [
                ("p", "10.244.0.2", "172.16.0.4"),
                ("q", "10.244.1.2", "172.16.0.5"),
            ],
        );
        let question = call(pod("c", "p"), pod("c", "q"));
        let mut network = network(overlay("c", "v/aks"), " nsg=n");
        let rules = [
            "nodes out 100 deny * 172.16.0.0/20 -> * *",
            "pods out 200 allow * 10.244.0.0/16 -> * *",
            "pods-in in 200 allow * 10.244.0.0/16 -> * *",
        ];
        network.push(nsg("n", &rules));
        let prediction = predict(&network, &addresses, &question).unwrap();
        assert_eq!(
            line(&prediction),
            "reachable | n/inbound/pods-in | 10.244.0.2"
        );
        network.pop();
        network.push(nsg("n", &[]));
        let prediction = predict(&network, &addresses, &question).unwrap();
        assert_eq!(
            readings(&prediction),
            [
                "reachable: R60: the pod range of an overlay cluster is in VirtualNetwork",
                "timeout: R60: the pod range of an overlay cluster is not in VirtualNetwork",
            ]
        );
    }

    #[test]
    fn r62_a_pod_on_the_host_network_uses_the_nodes_address_in_every_mode() {
        for cluster in [
            kubenet("c", "v/aks"),
            overlay("c", "v/aks"),
            node_subnet("c", "v/aks"),
        ] {
            let question = call(host_pod("c", "p"), group("web"));
            assert_eq!(
                said(&network(cluster, ""), &question),
                "reachable | no-nsg-and-system-route | 172.16.0.4"
            );
        }
    }

    #[test]
    fn r65_a_clusters_outbound_type_decides_its_way_to_the_internet() {
        let out = call_address(pod("c", "p"), "8.8.8.8");
        let with = |kind: &str| {
            let profile = json!({ "networkPlugin": "kubenet", "outboundType": kind });
            network(cluster("c", "v/aks", profile), "")
        };
        assert_eq!(
            said(&with("loadBalancer"), &out),
            "reachable | no-nsg-and-system-route | -"
        );
        assert_eq!(
            said(&with("userDefinedRouting"), &out),
            "timeout | no-egress | -"
        );
        assert_eq!(
            readings(&answer(&with("none"), &out)),
            [
                "reachable: R42: the nodes have default outbound access",
                "timeout: R42: the nodes have no default outbound access",
            ]
        );
    }

    #[test]
    fn r68_pods_of_one_node_never_cross_the_groups() {
        let mut network = network(kubenet("c", "v/aks"), " nsg=n");
        let rules = [
            "no in 100 deny * * -> * *",
            "no-out out 100 deny * * -> * *",
        ];
        network.push(nsg("n", &rules));
        assert_eq!(
            said(&network, &call(pod("c", "p"), pod("c", "q"))),
            "reachable | same-node | 10.16.0.2"
        );
    }
}

#[test]
fn r82_a_silent_datagram_port_and_a_refusing_one_are_not_told_apart() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        aci("from", "v/a"),
        aci("to", "v/a"),
    ];
    let to = Destination::Party(group("to"));
    let question = ask(group("from"), to, Protocol::Udp, 53, false);
    let prediction = answer(&network, &question);
    let outcomes = prediction.readings.iter().map(|reading| reading.outcome);
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [Outcome::Refused, Outcome::Timeout]
    );
}

#[test]
fn what_is_not_in_the_template_is_named() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=elsewhere"]),
        aci("from", "v/a"),
        aci("stray", "gone/a"),
        resource(ACI, "public", json!({})),
    ];
    let error = |question: &Question| {
        let error = predict(&network, &Addresses::default(), question);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        error(&call(group("from"), group("nobody"))),
        "container group `nobody` is not in the template"
    );
    assert_eq!(
        error(&call(pod("none", "p"), group("from"))),
        "cluster `none` is not in the template"
    );
    assert_eq!(
        error(&call(group("stray"), group("from"))),
        format!(
            "`{GROUP}/{ACI}/stray` refers to `{}`, which is not in the template",
            subnet_id("gone/a")
        )
    );
    assert_eq!(
        error(&call(group("public"), group("from"))),
        "the answer depends on container group `public`, which is in no subnet, which the analysis does not model"
    );
    let missing_nsg = error(&call_address(group("from"), "10.1.0.9"));
    assert!(
        missing_nsg.contains("networkSecurityGroups/elsewhere"),
        "{missing_nsg}"
    );
}

#[test]
fn a_resource_that_cannot_be_read_is_an_error() {
    let network = [vnet("v", &["10.1.0.0/99"], &[]), aci("from", "v/a")];
    let question = call(group("from"), group("from"));
    let error = predict(&network, &Addresses::default(), &question);
    assert!(matches!(error, Err(PredictError::View(_))), "{error:?}");
}
