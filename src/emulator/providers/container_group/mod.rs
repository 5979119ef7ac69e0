//! Microsoft.ContainerInstance: container groups (R70 to R76; recorded traffic, section 9).
//!
//! Images are not pulled: a container is the agent image with its `netexec` or `pause` command, or it
//! is refused by name.

mod power;

pub(in crate::emulator) use power::{restart, start, stop};

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::arm::views::ContainerGroup;
use crate::arm::{AzureError, Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::builtin::agent::{self, Role};
use crate::emulator::builtin::servers::Served;
use crate::emulator::network::lease_group;
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

/// The containers of a group that serve: name and port.
pub(in crate::emulator) fn served(resource: &Resource) -> Vec<Served> {
    let containers = resource.properties().as_object();
    let containers = containers
        .into_iter()
        .flat_map(|p| body::items(p, "containers"));
    containers
        .filter_map(|container| {
            let container_name = body::text(container, "name")?.to_owned();
            let properties = body::get(container, "properties")?.as_object()?;
            match agent::role(body::text(properties, "image")?, &command(properties)) {
                Ok(Role::Serves { http, udp }) => Some(Served {
                    container: container_name,
                    http,
                    udp,
                }),
                Ok(Role::Pauses) | Err(_) => None,
            }
        })
        .collect()
}

fn command(properties: &Map<String, Value>) -> Vec<String> {
    body::get(properties, "command")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Writes a number that was sent as text as a number; typed clients expect one.
fn as_number(object: &mut Map<String, Value>, name: &str) {
    let number = body::text(object, name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(number) = number.filter(Value::is_number) {
        body::set(object, name, number);
    }
}

/// The list at a member that is there.
fn sent_list<'a>(
    object: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let there = body::get(object, name).is_some_and(Value::is_array);
    let list = there.then(|| body::list(object, name));
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    let group = resource.id.name().to_owned();
    let properties = body::object(&mut resource.body, "properties");
    for container in sent_list(properties, "containers") {
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
    // Neither is ever read back.
    for (list, secret) in [
        ("imageRegistryCredentials", "password"),
        ("initContainers", "secureValue"),
    ] {
        for item in sent_list(properties, list) {
            item.retain(|name, _| !name.eq_ignore_ascii_case(secret));
            for variable in sent_list(body::object(item, "properties"), "environmentVariables") {
                variable.retain(|name, _| !name.eq_ignore_ascii_case(secret));
            }
        }
    }
    if body::get(properties, "ipAddress").is_some_and(Value::is_object) {
        let address = body::object(properties, "ipAddress");
        address.retain(|name, _| !name.eq_ignore_ascii_case("ip"));
        for port in sent_list(address, "ports") {
            as_number(port, "port");
            body::default(port, "protocol", "TCP");
        }
    }
    body::list(properties, "initContainers");
    body::default(properties, "sku", "Standard");
    body::default(properties, "restartPolicy", "Always");
    body::default(properties, "osType", "Linux");
    body::set(properties, "provisioningTimeoutInSeconds", 1800);
    body::set(properties, "isCreatedFromStandbyPool", false);
    body::set(properties, "provisioningState", "Pending");

    if let Some(previous) = previous {
        unchanged(previous, resource)?;
    }
    let mut ports = BTreeMap::new();
    for Served {
        container,
        http,
        udp,
    } in served(resource)
    {
        for (protocol, port) in [("TCP", Some(http)), ("UDP", udp)] {
            let Some(port) = port else {
                continue;
            };
            if let Some(other) = ports.insert((protocol, port), container.clone()) {
                return Err(Refusal::not_supported(format!(
                    "Container group '{group}': containers '{other}' and '{container}' both listen on {protocol} port {port}, and containers of a group share one address."
                )));
            }
        }
    }
    let subnet = subnet(resource)?;
    let Some(subnet) = subnet else {
        return Err(Refusal::not_supported(format!(
            "Container group '{group}' has no subnetIds: the local Azure carries private groups alone."
        )));
    };
    lease_group(store, &resource.id, &subnet)
}

/// The subnet of a group.
fn subnet(resource: &Resource) -> Result<Option<ResourceId>, Refusal> {
    let groups = ContainerGroup::all(std::slice::from_ref(resource))
        .map_err(|error| AzureError::new("InvalidContainerGroup", error.to_string()))?;
    Ok(groups.into_iter().next().and_then(|view| view.subnet))
}

/// What a group may not change without being made anew: its system, restart policy, network, and the
/// CPU, memory and GPU of a container (MicrosoftDocs/azure-docs#38067).
fn unchanged(before: &Resource, after: &Resource) -> Result<(), Refusal> {
    let fixed = |resource: &Resource| -> (Vec<String>, BTreeMap<String, Value>) {
        let Some(properties) = resource.properties().as_object() else {
            return Default::default();
        };
        let lower = |text: Option<&str>| text.unwrap_or_default().to_ascii_lowercase();
        let mut words = vec![
            lower(body::text(properties, "osType")),
            lower(body::text(properties, "restartPolicy")),
        ];
        words
            .extend(body::items(properties, "subnetIds").map(|item| lower(body::text(item, "id"))));
        let containers = body::items(properties, "containers").filter_map(|container| {
            let own = body::get(container, "properties")?.as_object()?;
            let requests = body::get(own, "resources").and_then(Value::as_object);
            let requests = requests.and_then(|resources| body::get(resources, "requests"));
            let requests = requests.cloned().unwrap_or(Value::Null);
            Some((lower(body::text(container, "name")), requests))
        });
        (words, containers.collect())
    };
    let ((old_words, old), (new_words, new)) = (fixed(before), fixed(after));
    let resized = old
        .iter()
        .any(|(name, requests)| new.get(name).is_some_and(|now| !same_size(now, requests)));
    if old_words == new_words && !resized {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::BAD_REQUEST,
        "InvalidContainerGroupUpdate",
        format!(
            "The updates on container group '{}' are invalid. If you are going to update the os type, restart policy, network profile, CPU, memory or GPU resources for a container group, you must delete it first and then create a new one.",
            after.id.name()
        ),
    ))
}

/// Whether two requests for resources ask for the same; `1` and `1.0` do.
fn same_size(a: &Value, b: &Value) -> bool {
    let number = |value: &Value, name: &str| {
        let value = value.as_object().and_then(|object| body::get(object, name));
        value.and_then(Value::as_f64)
    };
    let gpu = |value: &Value| {
        value
            .as_object()
            .and_then(|object| body::get(object, "gpu"))
            .cloned()
    };
    number(a, "cpu") == number(b, "cpu")
        && number(a, "memoryInGB") == number(b, "memoryInGB")
        && gpu(a) == gpu(b)
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
    let running = store.leases.group(id);
    let (group, container) = match &running {
        Some((endpoint, _)) => (
            "Running",
            json!({ "state": "Running", "startTime": shared.servers.started(endpoint), "detailStatus": "" }),
        ),
        None => (
            "Stopped",
            json!({ "state": "Terminated", "exitCode": 0, "detailStatus": "Completed" }),
        ),
    };
    if let Some((_, address)) = running
        && let Some(shown) = properties
            .get_mut("ipAddress")
            .and_then(Value::as_object_mut)
    {
        shown.insert("ip".to_owned(), json!(address));
    }
    for item in sent_list(properties, "containers") {
        let view = json!({ "restartCount": 0, "currentState": container, "events": [] });
        body::object(item, "properties").insert("instanceView".to_owned(), view);
    }
    let view = json!({ "events": [], "state": group });
    properties.insert("instanceView".to_owned(), view);
}
