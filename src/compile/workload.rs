//! Workloads as the values of their handlebars files: container groups and pods.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::topology::{
    ListenScheme, Registry, Restart, SecretText, Spread, SubnetRef, Topology, Workload,
};

use super::CompileError;
use super::containers;
use super::engine::Engine;
use super::lookup;
use super::manifest::{PodSecret, SecretData};
use super::parameters::pieces;

pub(super) fn container_group(
    topology: &Topology,
    workload: &Workload,
    at: &SubnetRef,
) -> Result<Value, CompileError> {
    let mut ports = workload
        .serve
        .iter()
        .map(|listen| json!({ "port": listen.port, "protocol": protocol(listen.scheme) }))
        .collect::<Vec<_>>();
    if ports.is_empty() {
        // A group without a port is given no address; nothing listens on this one.
        ports.push(json!({ "port": containers::UNSERVED_PORT, "protocol": "TCP" }));
    }
    let vnet = lookup::virtual_network(topology, &at.vnet)?;
    let mut values = json!({
        "name": workload.azure_name,
        "location": vnet.location,
        "virtual_network": vnet.azure_name,
        "subnet": lookup::subnet_name(topology, at)?,
        "restart_policy": match workload.restart {
            Restart::Always => "Always",
            Restart::OnFailure => "OnFailure",
            Restart::Never => "Never",
        },
        "dns_servers": workload.dns_servers,
        "registry": workload.registry.as_ref().map(|registry| json!({
            "server": registry.server,
            "user": pieces(&registry.user),
            "password": pieces(&registry.password),
        })),
    });
    // What is put in afterwards is moved; inside `json!` it would be copied.
    values["ports"] = Value::Array(ports);
    values["containers"] = containers::in_group(workload);
    Ok(values)
}

pub(super) fn protocol(scheme: ListenScheme) -> &'static str {
    match scheme {
        ListenScheme::Http | ListenScheme::Tcp => "TCP",
        ListenScheme::Udp => "UDP",
    }
}

/// The names of a workload's pods: its own, or with a number where there are several, so that a copy keeps
/// its name when others come or go.
pub(super) fn pod_names(workload: &Workload) -> Vec<String> {
    let name = &workload.azure_name;
    match workload.count {
        0 | 1 => vec![name.clone()],
        count => (1..=count).map(|copy| format!("{name}-{copy}")).collect(),
    }
}

/// The Pod object of one copy of a workload.
pub(super) fn pod(engine: &Engine, workload: &Workload, name: &str) -> Result<Value, CompileError> {
    let secrets = secrets(workload);
    let named = |data: fn(&SecretData) -> bool| {
        let found = secrets.iter().find(|secret| data(&secret.data));
        found.map(|secret| &*secret.name)
    };
    let values = json!({
        "name": name,
        "workload": workload.azure_name,
        "host_network": workload.host_network,
        "spread": workload.spread == Some(Spread::Nodes),
        "pull_secret": named(|data| matches!(data, SecretData::Registry(_))),
        "containers": containers::in_pod(workload, named(|data| matches!(data, SecretData::Environment(_)))),
    });
    let text = engine.render("pod", values)?;
    serde_json::from_str(&text).map_err(|error| CompileError::Template {
        template: "pod.json.hbs".to_owned(),
        line: None,
        message: format!("the result is not JSON: {error} of the result"),
    })
}

/// The Secret objects that the pods of a workload take their secrets from.
pub(super) fn secrets(workload: &Workload) -> Vec<PodSecret> {
    let name = &workload.azure_name;
    let environment = workload
        .env
        .iter()
        .filter(|(_, value)| is_secret(value))
        .map(|(variable, value)| (variable.clone(), value.clone()))
        .collect::<BTreeMap<_, _>>();
    let environment = (!environment.is_empty()).then(|| PodSecret {
        name: format!("{name}-env"),
        data: SecretData::Environment(environment),
    });
    let registry = workload
        .registry
        .as_ref()
        .map(|registry: &Registry| PodSecret {
            name: format!("{name}-registry"),
            data: SecretData::Registry(registry.clone()),
        });
    environment.into_iter().chain(registry).collect()
}

pub(super) fn is_secret(text: &SecretText) -> bool {
    text.secrets().next().is_some()
}
