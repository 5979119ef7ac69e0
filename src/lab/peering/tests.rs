use super::*;

fn id(name: &str) -> ResourceId {
    let text = format!(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/{name}"
    );
    ResourceId::parse(&text).expect("an id")
}

fn network(name: &str, prefix: &str) -> VirtualNetwork {
    VirtualNetwork {
        id: id(name),
        address_prefixes: vec![prefix.parse().expect("a prefix")],
        subnets: Vec::new(),
    }
}

fn side(from: &str, to: &str) -> PeeringSide {
    PeeringSide {
        network: id(from),
        name: to.to_owned(),
        remote: id(to),
        access: true,
        forwarded: false,
        connected: true,
    }
}

fn both(one: &str, other: &str) -> [PeeringSide; 2] {
    [side(one, other), side(other, one)]
}

fn spaces(networks: &[VirtualNetwork]) -> BTreeMap<ResourceId, Vec<Prefix>> {
    let space = |network: &VirtualNetwork| (network.id.clone(), network.address_prefixes.clone());
    networks.iter().map(space).collect()
}

#[test]
fn a_peering_takes_both_sides_and_is_not_transitive() {
    let networks = [
        network("a", "10.1.0.0/16"),
        network("b", "10.2.0.0/16"),
        network("hub", "10.0.0.0/16"),
    ];
    let mut sides = both("a", "hub").to_vec();
    sides.push(side("hub", "b"));
    let peers = peers(&networks, &sides).expect("no overlap");
    let of = |name: &str| {
        let peers = peers.get(&id(name)).into_iter().flatten();
        peers
            .map(|peer| peer.network.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (of("a"), of("hub"), of("b")),
        (vec!["hub".to_owned()], vec!["a".to_owned()], vec![])
    );
}

#[test]
fn a_side_that_is_disconnected_ends_the_peering_for_both() {
    let networks = [network("a", "10.1.0.0/16"), network("b", "10.2.0.0/16")];
    let mut sides = both("a", "b");
    sides[0].connected = false;
    assert!(peers(&networks, &sides).expect("no overlap").is_empty());
}

#[test]
fn networks_that_meet_must_not_overlap() {
    let networks = [
        network("a", "10.1.0.0/16"),
        network("b", "10.1.128.0/17"),
        network("hub", "10.0.0.0/16"),
    ];
    let sides = [both("a", "hub"), both("hub", "b")].concat();
    let error = peers(&networks, &sides).expect_err("an overlap");
    assert!(error.to_string().contains("R40"), "{error}");
    assert!(peers(&networks, &both("a", "hub")).is_ok());
}

#[test]
fn only_networks_of_the_same_addresses_need_zones_of_their_own() {
    let networks = [
        network("a", "10.1.0.0/16"),
        network("b", "10.2.0.0/16"),
        network("twin", "10.1.0.0/16"),
    ];
    let spaces = spaces(&networks);
    let apart = zones(&spaces, &Peers::new(), &BTreeMap::new());
    assert_eq!(apart.values().copied().collect::<Vec<_>>(), [1, 1, 2]);

    // A peering with the twin moves the network that must move, and no other.
    let peers = peers(&networks, &both("b", "twin")).expect("no overlap");
    let joined = zones(&spaces, &peers, &apart);
    assert_eq!(joined[&id("a")], 1);
    assert_eq!(joined[&id("b")], joined[&id("twin")]);
    assert_ne!(joined[&id("b")], 1);

    // What has found its place keeps it when the peering ends.
    assert_eq!(zones(&spaces, &Peers::new(), &joined), joined);
}
