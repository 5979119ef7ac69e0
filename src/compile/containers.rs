//! The containers of a workload, in a container group or in a pod.

use serde_json::{Value, json};

use crate::probe::AGENT_IMAGE;
use crate::topology::{Listen, Workload};

use super::parameters::pieces;
use super::workload::{is_secret, protocol};

/// The longest name of a container.
const LONGEST_NAME: usize = 63;

/// One container of a workload.
struct Container<'w> {
    name: String,
    /// Arguments of the built-in server; empty where the author gave a command, or an image of its own.
    agent: Vec<String>,
    serves: &'w [Listen],
}

/// One container for each listener of the built-in server, one that waits where there is none, one for an
/// image or a command of the author's.
fn containers<'w>(workload: &'w Workload) -> Vec<Container<'w>> {
    let name = &workload.azure_name;
    let whole = |agent: Vec<String>| Container {
        name: name.clone(),
        agent,
        serves: &workload.serve,
    };
    if workload.image.is_some() || !workload.command.is_empty() {
        return vec![whole(Vec::new())];
    }
    if workload.serve.is_empty() {
        return vec![whole(vec!["pause".to_owned()])];
    }
    let server = |listen: &'w Listen| {
        let port = listen.port;
        // The server's UDP side moves with its TCP port, so that two containers do not claim one port.
        let agent = [
            "netexec".to_owned(),
            format!("--http-port={port}"),
            format!("--udp-port={port}"),
        ];
        Container {
            name: with_port(name, port),
            agent: agent.to_vec(),
            serves: std::slice::from_ref(listen),
        }
    };
    workload.serve.iter().map(server).collect()
}

/// `NAME-PORT`, the name cut where both are too long.
fn with_port(name: &str, port: u16) -> String {
    let port = port.to_string();
    let room = LONGEST_NAME - port.len() - 1;
    let cut = name
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let end = cut.take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}-{port}", name[..end].trim_end_matches('-'))
}

/// A share of the workload's cores or memory for each of its `count` containers, rounded down to a hundredth.
fn share(thousandths: u32, count: usize) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    f64::from((thousandths / count / 10).max(1)) / 100.0
}

/// A number that is whole where it can be: `1`, not `1.0`.
fn number(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is zero and the value small"
    )]
    if value.fract() == 0.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// The port of a container group that serves none: without one it is given no address, and a port of the
/// group must be its container's too (R72). Nothing listens there.
pub(super) const UNSERVED_PORT: u16 = 80;

/// The `containers` of a container group, as the template's values.
pub(super) fn in_group(workload: &Workload) -> Value {
    let all = containers(workload);
    let count = all.len();
    let env = workload
        .env
        .iter()
        .map(|(name, value)| {
            json!({ "name": name, "value": pieces(value), "secret": is_secret(value) })
        })
        .collect::<Vec<_>>();
    all.into_iter()
        .map(|container| {
            // A group's command takes the place of the image's whole command line.
            let command = if container.agent.is_empty() {
                workload.command.clone()
            } else {
                let agent = std::iter::once("/agnhost".to_owned());
                agent.chain(container.agent).collect()
            };
            let mut ports = container
                .serves
                .iter()
                .map(|listen| json!({ "port": listen.port, "protocol": protocol(listen.scheme) }))
                .collect::<Vec<_>>();
            if workload.serve.is_empty() {
                ports.push(json!({ "port": UNSERVED_PORT, "protocol": "TCP" }));
            }
            json!({
                "name": container.name,
                "image": workload.image.as_deref().unwrap_or(AGENT_IMAGE),
                "command": command,
                "ports": ports,
                "env": env,
                "cpu": number(share(workload.cpu_millis, count)),
                "memory_in_gb": number(share(workload.memory_mb.saturating_mul(1000) / 1024, count)),
            })
        })
        .collect()
}

/// The `containers` of a pod, as the template's values; `secret` names the Secret object that holds the
/// variables with secrets.
pub(super) fn in_pod(workload: &Workload, secret: Option<&str>) -> Value {
    let all = containers(workload);
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let env = workload
        .env
        .iter()
        .map(|(name, value)| match value.as_plain() {
            Some(value) => json!({ "name": name, "value": value, "secret": null }),
            None => json!({ "name": name, "value": null, "secret": secret }),
        })
        .collect::<Vec<_>>();
    all.into_iter()
        .map(|container| {
            let ports = container.serves.iter().map(|listen| {
                json!({ "containerPort": listen.port, "protocol": protocol(listen.scheme) })
            });
            json!({
                "name": container.name,
                "image": workload.image.as_deref().unwrap_or(AGENT_IMAGE),
                "command": workload.command,
                "args": container.agent,
                "ports": ports.collect::<Vec<_>>(),
                "env": env,
                "cpu": format!("{}m", workload.cpu_millis / count),
                "memory": format!("{}Mi", workload.memory_mb / count),
            })
        })
        .collect()
}
