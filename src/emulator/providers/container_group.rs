//! Microsoft.ContainerInstance: container groups (R70 to R76; recorded traffic, section 9).
//!
//! Images are not pulled: a container is the agent image with its `netexec` or `pause` command, or it
//! is refused by name.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::arm::views::ContainerGroup;
use crate::arm::{AzureError, Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::builtin::agent::{self, Role};
use crate::emulator::containers::STOPPED;
use crate::emulator::network::{container_group_endpoint, lease_group};
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

/// The containers of a group that serve: name and port.
pub(in crate::emulator) fn served(resource: &Resource) -> Vec<(String, u16)> {
    let containers = resource.properties().as_object();
    let containers = containers
        .into_iter()
        .flat_map(|p| body::items(p, "containers"));
    containers
        .filter_map(|container| {
            let name = body::text(container, "name")?.to_owned();
            let properties = body::get(container, "properties")?.as_object()?;
            match agent::role(body::text(properties, "image")?, &command(properties)) {
                Ok(Role::Serves { port }) => Some((name, port)),
                Ok(Role::Pauses) | Err(_) => None,
            }
        })
        .collect()
}

fn command(properties: &serde_json::Map<String, Value>) -> Vec<String> {
    body::get(properties, "command")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Writes a number that was sent as text as a number; typed clients expect one.
fn as_number(object: &mut serde_json::Map<String, Value>, name: &str) {
    let number = body::text(object, name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(number) = number.filter(Value::is_number) {
        body::set(object, name, number);
    }
}

pub(super) fn accept(store: &mut Store, resource: &mut Resource) -> Result<(), Refusal> {
    let group = resource.id.name().to_owned();
    let properties = body::object(&mut resource.body, "properties");
    let containers = body::list(properties, "containers");
    for container in containers.iter_mut().filter_map(Value::as_object_mut) {
        let properties = body::object(container, "properties");
        let image = body::text(properties, "image").unwrap_or_default();
        agent::role(image, &command(properties)).map_err(|message| {
            AzureError::new(
                "InaccessibleImage",
                format!("Container group '{group}': {message}."),
            )
        })?;
        for port in body::list(properties, "ports")
            .iter_mut()
            .filter_map(Value::as_object_mut)
        {
            as_number(port, "port");
        }
        for variable in body::list(properties, "environmentVariables")
            .iter_mut()
            .filter_map(Value::as_object_mut)
        {
            variable.retain(|name, _| !name.eq_ignore_ascii_case("secureValue"));
        }
        let requests = body::object(body::object(properties, "resources"), "requests");
        as_number(requests, "cpu");
        as_number(requests, "memoryInGB");
    }
    for credential in body::list(properties, "imageRegistryCredentials")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        credential.retain(|name, _| !name.eq_ignore_ascii_case("password"));
    }
    for port in body::list(body::object(properties, "ipAddress"), "ports")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        as_number(port, "port");
    }
    body::list(properties, "initContainers");
    body::default(properties, "sku", "Standard");
    body::default(properties, "restartPolicy", "Always");
    body::default(properties, "osType", "Linux");
    body::set(properties, "provisioningTimeoutInSeconds", 1800);
    body::set(properties, "isCreatedFromStandbyPool", false);
    body::set(properties, "provisioningState", "Pending");

    let view = ContainerGroup::all(std::slice::from_ref(resource))
        .map_err(|error| AzureError::new("InvalidContainerGroup", error.to_string()))?
        .into_iter()
        .next();
    let Some(subnet) = view.and_then(|view| view.subnet) else {
        return Err(Refusal::not_supported(format!(
            "Container group '{group}' has no subnetIds: the local Azure carries private groups alone."
        )));
    };
    lease_group(store, &resource.id, &subnet)?;
    // A write of a group starts its containers.
    store.stopped.remove(&resource.id);
    Ok(())
}

fn address(store: &Store, id: &ResourceId) -> Option<Ipv4Addr> {
    let endpoint = store.leases.endpoints.get(&container_group_endpoint(id))?;
    Some(endpoint.address())
}

/// Adds to an answer what only a running group has: its address and the state of its containers.
pub(super) fn show(shared: &Shared, store: &Store, id: &ResourceId, value: &mut Value) {
    let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let state = body::text(properties, "provisioningState").unwrap_or_default();
    if state != "Succeeded" {
        let state = json!({ "events": [], "state": state });
        properties.insert("instanceView".to_owned(), state);
        return;
    }
    if let Some(since) = store.stopped.get(id) {
        show_stopped(properties, *since);
        return;
    }
    if let Some(address) = address(store, id) {
        let shown = body::object(properties, "ipAddress");
        shown.insert("ip".to_owned(), json!(address));
    }
    let started = shared.servers.started(&container_group_endpoint(id));
    for container in body::list(properties, "containers")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        let view = json!({
            "restartCount": 0,
            "currentState": { "state": "Running", "startTime": started, "detailStatus": "" },
            "events": [],
        });
        body::object(container, "properties").insert("instanceView".to_owned(), view);
    }
    let view = json!({ "events": [], "state": "Running" });
    properties.insert("instanceView".to_owned(), view);
}

/// A stopped group as recorded (06/aci-java-msi-restart-500): it has no address, and its containers
/// have ended without an exit status.
fn show_stopped(properties: &mut serde_json::Map<String, Value>, since: jiff::Timestamp) {
    body::object(properties, "ipAddress").remove("ip");
    for container in body::list(properties, "containers")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        let view = json!({
            "restartCount": 0,
            "currentState": {
                "state": "Terminated",
                "finishTime": since.to_string(),
                "detailStatus": "Container stopped per client request",
            },
            "events": [],
        });
        body::object(container, "properties").insert("instanceView".to_owned(), view);
    }
    let view = json!({ "events": [], "state": STOPPED });
    properties.insert("instanceView".to_owned(), view);
}
