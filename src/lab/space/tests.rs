use super::*;

#[test]
fn the_internet_is_public_space_outside_the_network() {
    let ranges = internet(&["20.0.0.0/8".parse().expect("a prefix")]);
    let holds = |text: &str| {
        let address = text.parse::<Ipv4Addr>().expect("an address").to_bits();
        ranges
            .iter()
            .any(|range| range.0 <= address && address <= range.1)
    };
    for (address, public) in [
        ("1.1.1.1", true),
        ("19.255.255.255", true),
        ("20.1.1.1", false),
        ("21.0.0.0", true),
        ("10.1.2.3", false),
        ("100.64.0.1", false),
        ("192.168.1.1", false),
        ("172.32.0.1", true),
        ("168.63.129.16", false),
        ("168.63.129.17", true),
        ("224.0.0.1", false),
        ("255.255.255.255", false),
    ] {
        assert_eq!(holds(address), public, "{address}");
    }
}

#[test]
fn ranges_that_meet_are_joined() {
    assert_eq!(
        merge(vec![(5, 9), (0, 4), (20, u32::MAX)]),
        [(0, 9), (20, u32::MAX)]
    );
}
