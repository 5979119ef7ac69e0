//! What a change sends, replaces and deletes, and in which order.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use vnetlab::arm::Template;
use vnetlab::compile::{Compiler, Delta, using};
use vnetlab::topology::{Restart, Topology};

fn compiled(topology: &Topology) -> Template {
    let compiler = Compiler::new().expect("the embedded files are sound");
    let tags = support::everything().tags;
    let compiled = compiler.compile(topology, &tags);
    compiled.expect("it compiles").template
}

/// The difference that a change of the network with everything in it makes.
fn change(edit: impl FnOnce(&mut Topology)) -> Delta {
    let experiment = support::everything();
    let mut after = Arc::clone(&experiment.steps[0].topology);
    edit(Arc::make_mut(&mut after));
    Delta::between(&compiled(&experiment.steps[0].topology), &compiled(&after))
}

/// A difference as `delete first | send | delete last`, by names.
fn told(delta: &Delta) -> String {
    let names = |keys: &[vnetlab::arm::ResourceKey]| {
        let names = keys.iter().map(|key| key.name.clone());
        names.collect::<Vec<_>>().join(" ")
    };
    let sent = delta.template.resources.iter();
    let sent = sent.map(|resource| resource.name.clone());
    format!(
        "{} | {} | {}",
        names(&delta.deleted_before),
        sent.collect::<Vec<_>>().join(" "),
        names(&delta.deleted_after)
    )
}

#[test]
fn what_azure_changes_in_place_is_sent_and_nothing_is_deleted() {
    let image = change(|topology| {
        let own = topology.workloads.get_mut("own").expect("the workload");
        own.image = Some("demo.azurecr.io/server:2".to_owned());
    });
    assert_eq!(told(&image), " | own | ");
    let nodes = change(|topology| {
        topology
            .clusters
            .get_mut("three")
            .expect("the cluster")
            .nodes = 3;
    });
    assert_eq!(told(&nodes), " | three | ");
    assert!(change(|_| {}).is_empty());
}

#[test]
fn a_container_group_that_cannot_be_changed_in_place_is_deleted_and_made_again() {
    let edits: [fn(&mut Topology); 4] = [
        |topology| topology.workloads.get_mut("own").expect("it").restart = Restart::Always,
        |topology| topology.workloads.get_mut("own").expect("it").cpu_millis = 2000,
        |topology| topology.workloads.get_mut("own").expect("it").memory_mb = 2048,
        |topology| {
            let away = topology.workloads["client"].placement.clone();
            topology.workloads.get_mut("own").expect("it").placement = away;
        },
    ];
    for edit in edits {
        let delta = change(edit);
        assert_eq!(told(&delta), "own | own | ");
        assert_eq!(delta.replaced().count(), 1);
        assert_eq!(delta.deleted().count(), 0, "nothing goes for good");
    }
}

#[test]
fn a_peering_that_leads_elsewhere_is_made_again() {
    let delta = change(|topology| {
        let mut third = topology.virtual_networks["away"].clone();
        third.azure_name = "third".to_owned();
        let name = "third".parse::<vnetlab::topology::Name>().expect("a name");
        topology.virtual_networks.insert(name.clone(), third);
        let peering = topology.peerings.get_mut("home-away").expect("the peering");
        peering.between[1] = name;
    });
    assert_eq!(
        told(&delta),
        "away/home-away home/home-away | third home/home-away third/home-away | "
    );
}

#[test]
fn users_go_before_the_network_is_written_and_what_it_refers_to_after() {
    let delta = change(|topology| {
        topology.workloads.remove("own");
        topology.workloads.remove("host");
        topology.clusters.remove("one");
        let home = topology
            .virtual_networks
            .get_mut("home")
            .expect("the network");
        home.subnets.remove("kubenet");
        let groups = home.subnets.get_mut("groups").expect("the subnet");
        groups.nsg = None;
        topology.network_security_groups.remove("rules");
    });
    let (before, rest) = told(&delta)
        .split_once(" | ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("parts");
    assert_eq!(before, "own one");
    let (sent, after) = rest.split_once(" | ").expect("parts");
    assert_eq!(sent, "home");
    let after = after.split(' ').collect::<Vec<_>>();
    let place = |name: &str| after.iter().position(|other| *other == name);
    assert!(place("one-identity").is_some() && place("rules").is_some());
    assert!(place("one-routes") < place("rules"), "{after:?}");
}

#[test]
fn a_difference_has_the_parameters_that_it_uses_and_no_others() {
    let experiment = support::everything();
    let states = experiment.steps.iter().map(|step| compiled(&step.topology));
    let states = states.collect::<Vec<_>>();
    let names = |template: &Template| template.parameters.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&states[0]),
        ["location", "registry-password-secret", "token-secret"]
    );
    let delta = Delta::between(&states[0], &states[1]);
    assert_eq!(told(&delta), " | rules away-routes | ");
    assert_eq!(
        names(&delta.template),
        [
            "client-addresses",
            "copies-addresses",
            "location",
            "one-nodes",
            "server-addresses"
        ]
    );
    let moved = using(&states[1], &BTreeSet::from(["client-addresses".to_owned()]));
    let sent = moved.resources.iter().map(|resource| &*resource.name);
    assert_eq!(sent.collect::<Vec<_>>(), ["rules"]);
    let moved = using(&states[1], &BTreeSet::from(["server-addresses".to_owned()]));
    let sent = moved.resources.iter().map(|resource| &*resource.name);
    assert_eq!(sent.collect::<Vec<_>>(), ["rules", "away-routes"]);
}

#[test]
fn what_is_sent_waits_for_what_is_sent_with_it() {
    let delta = change(|topology| {
        let home = topology
            .virtual_networks
            .get_mut("home")
            .expect("the network");
        home.dns_servers.clear();
        topology.clusters.get_mut("one").expect("the cluster").nodes = 2;
        let rules = topology
            .network_security_groups
            .get_mut("rules")
            .expect("the group");
        rules.flush_connections = false;
    });
    let waits = delta.template.resources.iter();
    let waits = waits.map(|resource| (&*resource.name, resource.depends_on.clone()));
    let id = |kind: &str, name: &str| format!("[resourceId('Microsoft.Network/{kind}', '{name}')]");
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [
            ("rules", vec![]),
            ("home", vec![id("networkSecurityGroups", "rules")]),
            ("one", vec![id("virtualNetworks", "home")]),
        ]
    );
}
