//! What holds of every topology: texts survive as they are, and the same network gives the same bytes.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use vnetlab::arm::{Resource, ResourceKey};
use vnetlab::compile::Compiler;
use vnetlab::topology::{Delegation, Piece, SecretText, Topology};

/// Texts that something on the way could take for its own: ARM, JSON, handlebars.
fn text() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        Just("["),
        Just("]"),
        Just("[["),
        Just("'"),
        Just("''"),
        Just("\""),
        Just("\\"),
        Just("{{"),
        Just("}}"),
        Just("{{json name}}"),
        Just("[parameters('location')]"),
        Just("concat('a', 'b')"),
        Just("\n"),
        Just("\t"),
        Just("&"),
        Just("<"),
        Just("//"),
        Just("/*"),
        Just("{}"),
        Just("$(x)"),
        Just("\u{e4}\u{1f600}"),
        Just(" "),
        Just("a"),
    ];
    prop::collection::vec(odd, 1..6).prop_map(|pieces| pieces.concat())
}

fn of<'r>(resources: &'r [Resource], kind: &str, name: &str) -> &'r Resource {
    let key = ResourceKey::new(kind, name);
    let found = resources.iter().find(|resource| resource.id.key() == key);
    found.unwrap_or_else(|| panic!("there is no {key}"))
}

/// The network with `text` in every place that takes any text.
fn with(topology: &Topology, text: &str) -> Topology {
    let mut topology = topology.clone();
    let home = topology
        .virtual_networks
        .get_mut("home")
        .expect("the network");
    let groups = home.subnets.get_mut("groups").expect("the subnet");
    groups.endpoints = vec![text.to_owned()];
    let lent = home.subnets.get_mut("lent").expect("the subnet");
    lent.delegation = Some(Delegation::Other(text.to_owned()));
    let away = topology
        .virtual_networks
        .get_mut("away")
        .expect("the network");
    away.location = Some(text.to_owned());
    let three = topology.clusters.get_mut("three").expect("the cluster");
    three.version = Some(text.to_owned());
    three.size = text.to_owned();
    for name in ["own", "pulled"] {
        let workload = topology.workloads.get_mut(name).expect("the workload");
        workload.image = Some(text.to_owned());
        workload.command = vec![text.to_owned(), "-c".to_owned(), text.to_owned()];
        let mixed = SecretText {
            pieces: vec![
                Piece::Text(text.to_owned()),
                Piece::Secret("token".parse().expect("a name")),
                Piece::Text(text.to_owned()),
            ],
        };
        workload.env = BTreeMap::from([
            ("MIXED".to_owned(), mixed),
            ("PLAIN".to_owned(), SecretText::plain(text)),
        ]);
        let registry = workload.registry.as_mut().expect("a registry");
        registry.server = text.to_owned();
        registry.user = SecretText::plain(text);
    }
    topology
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_text_is_what_azure_gets(text in text()) {
        let experiment = support::everything();
        let topology = with(&experiment.steps[0].topology, &text);
        let tags = BTreeMap::from([("tag".to_owned(), text.clone()), (text.clone(), "x".to_owned())]);
        let compiled = Compiler::new().expect("sound").compile(&topology, &tags).expect("it compiles");
        let resources = support::expanded(&compiled, &compiled.template);

        let home = of(&resources, "Microsoft.Network/virtualNetworks", "home");
        prop_assert_eq!(&home.body["tags"], &json!({ "tag": text, text.clone(): "x" }));
        let subnets = home.properties()["subnets"].as_array().expect("subnets");
        let subnet = |name: &str| {
            let found = subnets.iter().find(|subnet| subnet["name"] == name);
            found.expect("the subnet")["properties"].clone()
        };
        prop_assert_eq!(&subnet("groups")["serviceEndpoints"], &json!([{ "service": text }]));
        prop_assert_eq!(&subnet("lent")["delegations"][0]["properties"]["serviceName"], &json!(text));
        let away = of(&resources, "Microsoft.Network/virtualNetworks", "away");
        prop_assert_eq!(&away.body["location"], &json!(text));

        let cluster = of(&resources, "Microsoft.ContainerService/managedClusters", "three").properties();
        prop_assert_eq!(&cluster["kubernetesVersion"], &json!(text));
        prop_assert_eq!(&cluster["agentPoolProfiles"][0]["vmSize"], &json!(text));

        let group = of(&resources, "Microsoft.ContainerInstance/containerGroups", "own").properties();
        prop_assert_eq!(
            &group["imageRegistryCredentials"],
            &json!([{ "server": text, "username": text, "password": "value of registry-password" }])
        );
        let container = &group["containers"][0]["properties"];
        prop_assert_eq!(&container["image"], &json!(text));
        prop_assert_eq!(&container["command"], &json!([text, "-c", text]));
        prop_assert_eq!(
            &container["environmentVariables"],
            &json!([
                { "name": "MIXED", "secureValue": format!("{text}value of token{text}") },
                { "name": "PLAIN", "value": text },
            ])
        );

        let pod = compiled.manifest.pods().find(|pod| pod.name == "pulled").expect("the pod");
        let container = &pod.manifest["spec"]["containers"][0];
        prop_assert_eq!(&container["image"], &json!(text));
        prop_assert_eq!(&container["command"], &json!([text, "-c", text]));
        prop_assert_eq!(&container["env"][1], &json!({ "name": "PLAIN", "value": text }));
    }

    #[test]
    fn the_order_in_which_a_network_is_put_together_does_not_show(order in any::<prop::sample::Index>(), rotate in 0_usize..12) {
        let experiment = support::everything();
        let written = &experiment.steps[1].topology;
        let again = permuted(written, order.index(7) + 1, rotate);
        let compiler = Compiler::new().expect("sound");
        let one = compiler.compile(written, &experiment.tags).expect("it compiles");
        let tags = experiment.tags.iter().rev().map(|(name, value)| (name.clone(), value.clone())).collect();
        let other = compiler.compile(&again, &tags).expect("it compiles");
        prop_assert_eq!(one.template.to_json(), other.template.to_json());
        prop_assert_eq!(one.manifest, other.manifest);
    }
}

/// A map put together anew: every `step`-th entry first, from the `first`-th on, until all are in.
fn shuffled<K: Clone + Ord, V: Clone>(
    map: &BTreeMap<K, V>,
    step: usize,
    first: usize,
) -> BTreeMap<K, V> {
    let mut left = map.iter().collect::<Vec<_>>();
    let mut result = BTreeMap::new();
    let mut at = first;
    while !left.is_empty() {
        at = (at + step) % left.len();
        let (key, value) = left.remove(at);
        result.insert(key.clone(), value.clone());
    }
    result
}

fn permuted(topology: &Topology, step: usize, first: usize) -> Topology {
    let mut again = Topology {
        virtual_networks: shuffled(&topology.virtual_networks, step, first),
        ..Topology::default()
    };
    for vnet in again.virtual_networks.values_mut() {
        vnet.subnets = shuffled(&vnet.subnets, step, first);
    }
    again.network_security_groups = shuffled(&topology.network_security_groups, step, first);
    again.peerings = shuffled(&topology.peerings, step, first);
    again.route_tables = shuffled(&topology.route_tables, step, first);
    again.nat_gateways = shuffled(&topology.nat_gateways, step, first);
    again.clusters = shuffled(&topology.clusters, step, first);
    again.workloads = shuffled(&topology.workloads, step, first);
    for workload in again.workloads.values_mut() {
        workload.env = shuffled(&workload.env, step, first);
    }
    again.probes = shuffled(&topology.probes, step, first);
    again.invariants = shuffled(&topology.invariants, step, first);
    again
}

#[test]
fn what_a_topology_refers_to_and_does_not_have_is_named() {
    let experiment = support::everything();
    let compiler = Compiler::new().expect("the embedded files are sound");
    let without = |remove: fn(&mut Topology)| {
        let mut topology = Arc::clone(&experiment.steps[1].topology);
        remove(Arc::make_mut(&mut topology));
        let refused = compiler.compile(&topology, &experiment.tags);
        refused.expect_err("something is missing").to_string()
    };
    for (remove, told) in [
        (
            (|topology| drop(topology.network_security_groups.remove("rules")))
                as fn(&mut Topology),
            "the topology has no network security group `rules`",
        ),
        (
            |topology| drop(topology.virtual_networks.remove("away")),
            "the topology has no virtual network `away`",
        ),
        (
            |topology| drop(topology.route_tables.remove("authors")),
            "the topology has no route table `authors`",
        ),
        (
            |topology| drop(topology.nat_gateways.remove("shared")),
            "the topology has no NAT gateway `shared`",
        ),
        (
            |topology| drop(topology.workloads.remove("client")),
            "the topology has no workload `client`",
        ),
        (
            |topology| drop(topology.clusters.remove("five")),
            "the topology has no cluster `five`",
        ),
    ] {
        assert_eq!(without(remove), told);
    }
    let clash = without(|topology| {
        let mut copy = topology.workloads["host"].clone();
        copy.placement = topology.workloads["copies"].placement.clone();
        copy.azure_name = "copies-2".to_owned();
        topology
            .workloads
            .insert("other".parse().expect("a name"), copy);
    });
    assert_eq!(
        clash,
        "two pods of cluster `three` have the name `copies-2`"
    );
}

#[test]
fn a_probe_whose_end_is_gone_has_no_plan() {
    let experiment = support::everything();
    let mut topology = Arc::clone(&experiment.steps[0].topology);
    Arc::make_mut(&mut topology).workloads.remove("server");
    let compiler = Compiler::new().expect("the embedded files are sound");
    let compiled = compiler
        .compile(&topology, &experiment.tags)
        .expect("it compiles");
    assert!(compiled.manifest.probes.is_empty());
}
