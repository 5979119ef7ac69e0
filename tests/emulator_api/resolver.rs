//! Name lookups from inside a pod: the platform's resolver, and any other.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vnetlab::emulator::ModelFabric;
use vnetlab::probe::{Dns, Kind, Probe, RecordType};
use vnetlab::verdict::{Observation, Observed, Outcome};

use crate::probes::{Scene, WEB};

const PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn lookup(name: &str, record_type: RecordType, resolver: Option<Ipv4Addr>) -> Probe {
    let name = name.to_owned();
    let kind = Kind::Dns(Dns {
        name,
        record_type,
        resolver,
        port: 53,
    });
    Probe {
        address: None,
        timeout: Duration::from_millis(500),
        kind,
    }
}

async fn resolves(scene: &Scene, name: &str, record_type: RecordType) -> Observation {
    let probe = lookup(name, record_type, Some(PLATFORM));
    let (out, err) = scene.output(&probe).await;
    assert_eq!(err, "", "{name}");
    probe.read("n1", &out)
}

#[tokio::test]
async fn the_platforms_resolver_answers_from_the_zones_that_are_linked() {
    let scene = Scene::over(Arc::new(ModelFabric::new())).await;
    let azure = &scene.azure;
    let zone = azure.provider("Microsoft.Network/privateDnsZones/vault.example");
    azure
        .create(&zone, json!({ "location": "global", "properties": {} }))
        .await;
    for (path, properties) in [
        (
            "A/kv",
            json!({ "ttl": 300, "aRecords": [{ "ipv4Address": "10.50.1.5" }, { "ipv4Address": "10.50.1.4" }] }),
        ),
        (
            "A/*",
            json!({ "ttl": 300, "aRecords": [{ "ipv4Address": "10.50.1.9" }] }),
        ),
        (
            "CNAME/alias",
            json!({ "ttl": 300, "cnameRecord": { "cname": "KV.vault.example." } }),
        ),
        (
            "CNAME/circle",
            json!({ "ttl": 300, "cnameRecord": { "cname": "circle.vault.example" } }),
        ),
        (
            "TXT/kv",
            json!({ "ttl": 300, "txtRecords": [{ "value": ["a", "b c"] }] }),
        ),
    ] {
        let body = json!({ "properties": properties });
        azure.create(&format!("{zone}/{path}"), body).await;
    }

    // A zone says nothing to a network that it is not linked to.
    let unlinked = resolves(&scene, "kv.vault.example", RecordType::A).await;
    assert_eq!(unlinked.outcome, Observed::Is(Outcome::Nxdomain));
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let link = json!({ "location": "global", "properties": {
        "registrationEnabled": false, "virtualNetwork": { "id": vnet } } });
    azure
        .create(&format!("{zone}/virtualNetworkLinks/link"), link)
        .await;

    for (name, record_type, body) in [
        ("kv.vault.example", RecordType::A, "10.50.1.4\n10.50.1.5"),
        ("KV.Vault.Example.", RecordType::A, "10.50.1.4\n10.50.1.5"),
        ("alias.vault.example", RecordType::A, "10.50.1.4\n10.50.1.5"),
        (
            "alias.vault.example",
            RecordType::Cname,
            "KV.vault.example.",
        ),
        ("kv.vault.example", RecordType::Txt, "\"a\" \"b c\""),
        ("any.vault.example", RecordType::A, "10.50.1.9"),
    ] {
        let seen = resolves(&scene, name, record_type).await;
        assert_eq!(seen.outcome, Observed::Is(Outcome::Resolves), "{name}");
        assert_eq!(seen.body.as_deref(), Some(body), "{name}");
        assert_eq!(seen.source, None);
    }
    for name in [
        "kv.other.example",
        "xvault.example",
        "www.example.com",
        "circle.vault.example",
    ] {
        let seen = resolves(&scene, name, RecordType::A).await;
        assert_eq!(seen.outcome, Observed::Is(Outcome::Nxdomain), "{name}");
    }
    // The name is there, the type is not: neither word is true.
    let no_text = resolves(&scene, "any.vault.example", RecordType::Txt).await;
    assert_eq!(no_text.outcome.outcome(), None);

    // A resolver in the network is asked over the network; a container has none of its own.
    let asked = lookup("kv.vault.example", RecordType::A, Some(WEB));
    let (out, _) = scene.output(&asked).await;
    assert_eq!(
        asked.read("n1", &out).outcome,
        Observed::Is(Outcome::Refused)
    );
    let (out, err) = scene
        .output(&lookup("kv.vault.example", RecordType::A, None))
        .await;
    assert_eq!(out, "");
    assert!(err.contains("168.63.129.16"), "{err}");

    let rule = json!({ "priority": 100, "access": "Deny", "direction": "Outbound", "protocol": "*",
        "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "AzurePlatformDNS", "destinationPortRange": "*" });
    let group = azure.provider("Microsoft.Network/networkSecurityGroups/no-dns");
    let rules = json!({ "location": "eastus", "properties": {
        "securityRules": [{ "name": "no-dns", "properties": rule }] } });
    azure.create(&group, rules).await;
    let probe = lookup("kv.vault.example", RecordType::A, Some(PLATFORM));
    let (_, err) = scene.output(&probe).await;
    assert!(
        err.contains("`no-dns`") && err.contains("AzurePlatformDNS"),
        "{err}"
    );
}
