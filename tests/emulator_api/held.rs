//! Connections that a pod holds while rules change.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vnetlab::emulator::ModelFabric;
use vnetlab::probe::{CLIENT_ADDRESS_PATH, Held, Kind, Probe};
use vnetlab::verdict::{Observed, Outcome};

use crate::azure::Azure;
use crate::founding::exec;
use crate::probes::{NODE, Scene, WEB, lab, tcp};

/// The group of the founding template, with the deny rule first or last.
async fn set_rules(azure: &Azure, deny: u16, flush: bool) {
    let rule = |name: &str, priority: u16, access: &str, source: &str| {
        json!({ "name": name, "properties": {
            "priority": priority, "access": access, "direction": "Inbound", "protocol": "*",
            "sourceAddressPrefix": source, "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "*" } })
    };
    let group = azure.provider("Microsoft.Network/networkSecurityGroups/aci-nsg");
    let body = json!({ "location": "eastus", "properties": {
        "flushConnection": flush,
        "securityRules": [rule("allow-aks", 200, "Allow", "172.16.0.0/20"), rule("deny-else", deny, "Deny", "*")],
    } });
    azure.create(&group, body).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_held_connection_outlives_a_rule_until_flows_are_flushed() {
    let Some(lab) = lab() else { return };
    let scene = Scene::over(lab).await;
    let azure = &scene.azure;
    let held = Probe {
        address: Some(WEB),
        timeout: Duration::from_millis(800),
        kind: Kind::Held(Held {
            port: 80,
            session: "run-1".to_owned(),
            paths: vec![CLIENT_ADDRESS_PATH.to_owned()],
            asks_source: true,
        }),
    };
    let ask = async |nonce: &str| {
        let argv = held.command(nonce).unwrap();
        let (out, err, _) = exec(&scene.pods, "observer", &argv).await;
        assert_eq!(err, "", "{nonce}");
        let url = format!("{}/vnetlab/evidence/{nonce}", azure.emulator.base_url());
        let evidence = azure.get(&url).await.body;
        (held.read(nonce, &out), evidence["by"].clone())
    };
    let new = async || scene.sees(tcp(80, true)).await.outcome;
    let (reachable, timeout) = (
        Observed::Is(Outcome::Reachable),
        Observed::Is(Outcome::Timeout),
    );

    let (first, by) = ask("a1").await;
    assert_eq!((&first.outcome, first.source), (&reachable, Some(NODE)));
    assert_eq!(by["rule"], "allow-aks", "{by}");

    // R12: rules judge new connections alone.
    set_rules(azure, 100, false).await;
    assert_eq!(new().await, timeout);
    let (seen, by) = ask("a2").await;
    assert_eq!((&seen.outcome, seen.source), (&reachable, Some(NODE)));
    assert_eq!(by["cause"], "existing-flow-record", "{by}");

    set_rules(azure, 100, true).await;
    let (seen, by) = ask("a3").await;
    assert_eq!(seen.outcome, timeout);
    assert_eq!(by["rule"], "deny-else", "{by}");

    // The same connection answers again: what was lost is sent again.
    set_rules(azure, 300, true).await;
    let patient = Duration::from_secs(10);
    let held = Probe {
        timeout: patient,
        ..held.clone()
    };
    let (out, _) = scene.output(&held).await;
    let seen = held.read("n1", &out);
    assert_eq!((&seen.outcome, seen.source), (&reachable, Some(NODE)));

    // The container group goes and comes back: the connection does not.
    let group = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    let deletion = azure.delete(&group).await;
    assert!(matches!(deletion.status, 200 | 202), "{}", deletion.body);
    if deletion.status == 202 {
        azure.located(&deletion).await;
    }
    let held = Probe {
        timeout: Duration::from_millis(500),
        ..held
    };
    let (out, _) = scene.output(&held).await;
    assert_ne!(held.read("n1", &out).outcome, reachable);
    scene.azure.emulator.shutdown().await;
}

#[tokio::test]
async fn the_model_holds_no_connection() {
    let scene = Scene::over(Arc::new(ModelFabric::new())).await;
    let held = Probe {
        address: Some(WEB),
        timeout: Duration::from_millis(500),
        kind: Kind::Held(Held {
            port: 80,
            session: "run-1".to_owned(),
            paths: vec![CLIENT_ADDRESS_PATH.to_owned()],
            asks_source: true,
        }),
    };
    let (out, err) = scene.output(&held).await;
    assert_eq!(out, "");
    assert!(err.contains("needs the lab"), "{err}");
}
