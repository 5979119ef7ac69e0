use super::*;

fn id(name: &str) -> ResourceId {
    let text = format!(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/{name}"
    );
    ResourceId::parse(&text).expect("an id")
}

fn network(name: &str, prefix: &str, remotes: &[&str]) -> VirtualNetwork {
    VirtualNetwork {
        id: id(name),
        address_prefixes: vec![prefix.parse().expect("a prefix")],
        subnets: Vec::new(),
        peerings: remotes.iter().map(|remote| side(remote)).collect(),
    }
}

fn side(remote: &str) -> Peering {
    Peering {
        id: id(remote),
        remote: id(remote),
        remote_prefixes: Vec::new(),
        state: None,
        allow_virtual_network_access: true,
        allow_forwarded_traffic: false,
        allow_gateway_transit: false,
        use_remote_gateways: false,
    }
}

fn spaces(networks: &[VirtualNetwork]) -> BTreeMap<ResourceId, Vec<Prefix>> {
    let space = |network: &VirtualNetwork| (network.id.clone(), network.address_prefixes.clone());
    networks.iter().map(space).collect()
}

#[test]
fn a_peering_takes_both_sides_and_is_not_transitive() {
    let networks = [
        network("a", "10.1.0.0/16", &["hub"]),
        network("b", "10.2.0.0/16", &[]),
        network("hub", "10.0.0.0/16", &["a", "b", "nobody", "hub"]),
    ];
    let peers = peers(&networks).expect("no overlap");
    let of = |name: &str| {
        let peers = peers.get(&id(name)).into_iter().flatten();
        let names = peers.map(|peer| peer.network.name().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(of("a"), ["hub"]);
    assert_eq!(of("hub"), ["a"]);
    assert!(of("b").is_empty());
}

#[test]
fn a_side_that_is_disconnected_ends_the_peering_for_both() {
    let mut networks = [
        network("a", "10.1.0.0/16", &["b"]),
        network("b", "10.2.0.0/16", &["a"]),
    ];
    assert_eq!(peers(&networks).expect("no overlap").len(), 2);
    networks[0].peerings[0].state = Some(PeeringState::Disconnected);
    assert!(peers(&networks).expect("no overlap").is_empty());
}

#[test]
fn networks_that_meet_must_not_overlap() {
    let mut networks = [
        network("a", "10.1.0.0/16", &["hub"]),
        network("b", "10.1.128.0/17", &["hub"]),
        network("hub", "10.0.0.0/16", &["a", "b"]),
    ];
    let error = peers(&networks).expect_err("an overlap");
    assert!(error.to_string().contains("R40"), "{error}");
    networks[2].peerings.pop();
    assert!(peers(&networks).is_ok());
}

#[test]
fn only_networks_of_the_same_addresses_need_zones_of_their_own() {
    let mut networks = [
        network("a", "10.1.0.0/16", &[]),
        network("b", "10.2.0.0/16", &[]),
        network("twin", "10.1.0.0/16", &["b"]),
    ];
    let spaces = spaces(&networks);
    let apart = zones(&spaces, &Peers::new(), &BTreeMap::new());
    assert_eq!(apart.values().copied().collect::<Vec<_>>(), [1, 1, 2]);

    // A peering with the twin moves the network that must move, and no other.
    networks[1].peerings.push(side("twin"));
    let joined = zones(&spaces, &peers(&networks).expect("no overlap"), &apart);
    assert_eq!(joined[&id("a")], 1);
    assert_eq!(joined[&id("b")], joined[&id("twin")]);
    assert_ne!(joined[&id("b")], 1);

    // What has found its place keeps it when the peering ends.
    assert_eq!(zones(&spaces, &Peers::new(), &joined), joined);
}
