use super::*;

fn rule(source: &[AddressTerm], destination_ports: &[&str]) -> SecurityRule {
    SecurityRule {
        name: "rule".to_owned(),
        direction: Direction::Inbound,
        priority: 100,
        access: Access::Deny,
        protocol: Some(Protocol::Tcp),
        source: AddressMatch {
            terms: source.to_vec(),
            asgs: Vec::new(),
        },
        source_ports: vec![PortRange::ANY],
        destination: AddressMatch {
            terms: vec![AddressTerm::Any],
            asgs: Vec::new(),
        },
        destination_ports: destination_ports
            .iter()
            .map(|text| text.parse().expect("a port range"))
            .collect(),
    }
}

fn compiled(rule: SecurityRule) -> Result<Group, FabricError> {
    let group = NetworkSecurityGroup {
            id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/nsg"
                .to_owned()
                .try_into()
                .expect("an id"),
            rules: Vec::new(),
            default_rules: vec![rule],
            flush_connection: false,
        };
    let range = "10.1.0.0/16".parse().expect("a prefix");
    compile(&group, &[range], &[range, PLATFORM], &Members::new())
}

fn prefix(text: &str) -> AddressTerm {
    AddressTerm::Prefix(text.parse().expect("a prefix"))
}

fn tag(name: &str) -> AddressTerm {
    AddressTerm::Tag(name.to_owned())
}

#[test]
fn few_combinations_become_matches_and_many_become_sets() {
    let few = compiled(rule(
        &[prefix("10.0.0.0/24"), prefix("10.9.0.0/24")],
        &["80", "443"],
    ))
    .expect("a group");
    assert_eq!(few.inbound[0].matches.len(), 4);
    assert!(few.address_sets.is_empty() && few.port_sets.is_empty());

    let ports = ["1", "3", "5", "7", "9", "11", "13", "15", "17"];
    let many = compiled(rule(
        &[prefix("10.0.0.0/24"), prefix("10.9.0.0/24")],
        &ports,
    ))
    .expect("a group");
    assert_eq!(many.inbound[0].matches.len(), 2);
    assert_eq!(many.port_sets[0].len(), 9);
}

#[test]
fn what_cannot_be_matched_is_refused_by_name() {
    let storage = compiled(rule(&[tag("Storage")], &["80"])).expect_err("an unknown tag");
    assert_eq!(
        storage.to_string(),
        "compile rule `rule` of network security group `nsg`: the lab does not know the service tag `Storage`"
    );
    let mut icmp = rule(&[AddressTerm::Any], &["80"]);
    icmp.protocol = Some(Protocol::Icmp);
    assert!(compiled(icmp).is_err());
}

#[test]
fn a_rule_for_any_protocol_with_a_port_matches_what_carries_ports() {
    let mut any = rule(&[AddressTerm::Any], &["80"]);
    any.protocol = None;
    let group = compiled(any).expect("a group");
    let protocols = group.inbound[0].matches.iter().map(|m| m.protocol);
    assert_eq!(protocols.collect::<Vec<_>>(), [Some(6), Some(17)]);
}
