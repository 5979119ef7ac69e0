use super::*;

fn key(name: &str) -> EgressKey {
    let id = format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/x/{name}");
    EgressKey::Default(ResourceId::parse(&id).expect("an id"))
}

fn egress(address: Option<&str>) -> Egress {
    let EgressKey::Default(network) = key("vnet") else {
        unreachable!("made above");
    };
    Egress {
        network,
        address: address.map(|text| text.parse().expect("an address")),
        nat_gateway: false,
    }
}

fn held(addresses: &PublicAddresses, name: &str) -> String {
    addresses.of(&key(name)).expect("an address").to_string()
}

#[test]
fn a_chosen_address_stays_and_a_stated_one_is_taken() {
    let mut addresses = PublicAddresses::default();
    let mut egresses = BTreeMap::from([(key("b"), egress(None)), (key("c"), egress(None))]);
    addresses.assign(&egresses, &BTreeSet::new()).expect("room");
    assert_eq!(
        [held(&addresses, "b"), held(&addresses, "c")],
        ["192.0.2.1", "192.0.2.2"]
    );
    egresses.remove(&key("b"));
    egresses.insert(key("a"), egress(Some("192.0.2.1")));
    egresses.insert(key("d"), egress(None));
    addresses.assign(&egresses, &BTreeSet::new()).expect("room");
    assert_eq!(
        [
            held(&addresses, "a"),
            held(&addresses, "c"),
            held(&addresses, "d")
        ],
        ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    );
}

#[test]
fn addresses_that_resources_hold_are_not_chosen_and_none_is_given_twice() {
    let mut addresses = PublicAddresses::default();
    let reserved = BTreeSet::from(["192.0.2.1".parse().expect("an address")]);
    let egresses = BTreeMap::from([(key("a"), egress(None))]);
    addresses.assign(&egresses, &reserved).expect("room");
    assert_eq!(held(&addresses, "a"), "192.0.2.2");

    let same = egress(Some("20.0.0.1"));
    let twice = BTreeMap::from([(key("a"), same.clone()), (key("b"), same)]);
    let error = addresses
        .assign(&twice, &BTreeSet::new())
        .expect_err("one address");
    assert!(error.to_string().contains("20.0.0.1"), "{error}");

    let many = (0..255).map(|n| (key(&format!("n{n:03}")), egress(None)));
    let error = addresses
        .assign(&many.collect(), &BTreeSet::new())
        .expect_err("no room");
    assert!(error.to_string().contains("254"), "{error}");
}
