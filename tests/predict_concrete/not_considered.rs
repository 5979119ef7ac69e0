//! What the analysis reads and does not know is listed, never dropped in silence.

use serde_json::json;

use crate::network::*;

#[test]
fn types_and_properties_that_are_not_known_are_listed_in_the_order_of_the_ids() {
    let mut network = vec![
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=n"]),
        nsg("n", &["in in 100 allow * * -> * *"]),
        aci("from", "v/a"),
        resource("Microsoft.Network/loadBalancers", "lb", json!({})),
        resource(
            "Microsoft.Network/virtualNetworks/subnets",
            "gone/a",
            json!({ "addressPrefix": "10.9.0.0/24" }),
        ),
    ];
    network[0].body["properties"]["encryption"] = json!({ "enabled": true });
    network[0].body["properties"]["subnets"][0]["properties"]["serviceEndpointPolicies"] =
        json!([{ "id": "x" }]);
    network[1].body["properties"]["securityRules"][0]["properties"]["odd"] = json!(1);
    network[1].body["properties"]["unset"] = json!({ "a": null }).get("a").cloned().unwrap();
    network[1].body["properties"]["off"] = json!(false);
    let question = call(group("from"), group("from"));
    assert_eq!(
        answer(&network, &question).not_considered,
        [
            "Microsoft.Network/loadBalancers `lb`: a type that the analysis does not know",
            "Microsoft.Network/networkSecurityGroups `n`: `properties.securityRules[0].properties.odd`",
            "Microsoft.Network/virtualNetworks/subnets `gone/a`: its parent `Microsoft.Network/virtualNetworks` is not among the resources",
            "Microsoft.Network/virtualNetworks `v`: `properties.encryption`",
            "Microsoft.Network/virtualNetworks `v`: `properties.subnets[0].properties.serviceEndpointPolicies`",
        ]
    );
}

#[test]
fn r66_r69_a_second_address_family_another_data_plane_and_policies_are_listed() {
    let cluster = cluster(
        "c",
        "v/a",
        json!({
            "networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium",
            "networkPolicy": "cilium", "ipFamilies": ["IPv4", "IPv6"],
        }),
    );
    let network = [vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]), cluster];
    let question = call(pod("c", "p"), pod("c", "q"));
    let named = answer(&network, &question).not_considered;
    let members = named.iter().map(|one| one.rsplit('.').next().unwrap());
    assert_eq!(
        members.collect::<Vec<_>>(),
        ["ipFamilies`", "networkDataplane`", "networkPolicy`"]
    );
}

#[test]
fn what_the_analysis_knows_is_not_listed() {
    let profile = json!({
        "networkPlugin": "azure", "networkDataplane": "azure", "networkPolicy": "none",
        "podCidrs": ["10.244.0.0/16"],
    });
    let network = [
        vnet(
            "v",
            &["10.1.0.0/16"],
            &["a: 10.1.0.0/24 nat=n", "b: 10.1.1.0/24"],
        ),
        cluster("c", "v/a", profile),
        nic(
            "i",
            "v/b",
            json!({ "privateIPAddressVersion": "IPv4" }),
            json!({ "enableIPForwarding": true }),
        ),
        aci("from", "v/b"),
        resource(
            "Microsoft.Network/natGateways",
            "n",
            json!({ "idleTimeoutInMinutes": 4 }),
        ),
        resource(
            "Microsoft.Authorization/roleAssignments",
            "r",
            json!({ "principalId": "p" }),
        ),
    ];
    let question = call(group("from"), group("from"));
    assert_eq!(
        answer(&network, &question).not_considered,
        Vec::<String>::new()
    );
}
