//! The containers of a workload, in a container group or in a pod.

use serde_json::{Value, json};

use crate::probe::AGENT_IMAGE;
use crate::topology::{Listen, Workload};

use super::CompileError;
use super::engine::Engine;

/// One container for each listener of the built-in server; one that waits where there is none.
fn arguments(workload: &Workload) -> Vec<(String, Vec<String>, Option<u16>)> {
    let name = &workload.azure_name;
    if workload.image.is_some() {
        return vec![(
            name.clone(),
            Vec::new(),
            workload.serve.first().map(|listen| listen.port),
        )];
    }
    if workload.serve.is_empty() {
        return vec![(name.clone(), vec!["pause".to_owned()], None)];
    }
    let netexec = |listen: &Listen| {
        let port = listen.port;
        // The server's UDP side moves with its TCP port, so that two containers do not claim one port.
        let arguments = [
            "netexec".to_owned(),
            format!("--http-port={port}"),
            format!("--udp-port={port}"),
        ];
        (format!("{name}-{port}"), arguments.to_vec(), Some(port))
    };
    workload.serve.iter().map(netexec).collect()
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
    let all = arguments(workload);
    let count = all.len();
    all.into_iter()
        .map(|(name, arguments, port)| {
            let port = port.or(workload.serve.is_empty().then_some(UNSERVED_PORT));
            let command = (!arguments.is_empty()).then(|| {
                std::iter::once("/agnhost".to_owned())
                    .chain(arguments)
                    .collect::<Vec<_>>()
            });
            json!({
                "name": name,
                "image": workload.image.as_deref().unwrap_or(AGENT_IMAGE),
                "command": command,
                "ports": port.map(|port| json!([{ "port": port, "protocol": "TCP" }])),
                "cpu": number(share(workload.cpu_millis, count)),
                "memory_in_gb": number(share(workload.memory_mb.saturating_mul(1000) / 1024, count)),
            })
        })
        .collect()
}

/// The Pod object of a workload.
pub(super) fn pod(engine: &Engine, workload: &Workload) -> Result<Value, CompileError> {
    let all = arguments(workload);
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let containers = all
        .into_iter()
        .map(|(name, arguments, port)| {
            json!({
                "name": name,
                "image": workload.image.as_deref().unwrap_or(AGENT_IMAGE),
                "args": (!arguments.is_empty()).then_some(arguments),
                "ports": port.map(|port| json!([{ "containerPort": port, "protocol": "TCP" }])),
                "cpu": format!("{}m", workload.cpu_millis / count),
                "memory": format!("{}Mi", workload.memory_mb / count),
            })
        })
        .collect::<Value>();
    let text = engine.render(
        "pod",
        &json!({ "name": workload.azure_name, "containers": containers }),
    )?;
    serde_json::from_str(&text).map_err(|error| CompileError::Template {
        template: "pod.json.hbs".to_owned(),
        message: error.to_string(),
    })
}
