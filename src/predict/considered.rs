//! What the resources hold that the analysis does not know, so that nothing is left out in silence.
//!
//! A type is modelled, known to shape no flow, or listed; so is every property of a modelled type. What
//! is not set (null, false, empty) is nothing to consider.

mod known;

use serde_json::{Map, Value};

use crate::arm::Resource;
use crate::arm::views::{AGENT_POOL, PEERING, ROUTE, SECURITY_RULE, SUBNET};

use known::{INERT_TYPES, MODELLED, Members, Nested};

/// One line for every type and property that the analysis does not know, in the order of the ids.
pub(super) fn leftovers(resources: &[Resource]) -> Vec<String> {
    let mut sorted = resources.iter().collect::<Vec<_>>();
    sorted.sort_by(|a, b| a.id.cmp(&b.id));
    let mut lines = Vec::new();
    for resource in sorted {
        let subject = format!("{} `{}`", resource.resource_type, resource.name);
        let parent = resource.id.parent().filter(|_| is_joined(resource));
        if let Some(parent) = parent.filter(|id| resources.iter().all(|other| other.id != *id)) {
            let kind = parent.key().resource_type;
            lines.push(format!(
                "{subject}: its parent `{kind}` is not among the resources"
            ));
            continue;
        }
        if INERT_TYPES.iter().any(|kind| resource.is(kind)) {
            continue;
        }
        match MODELLED.iter().find(|(kind, _)| resource.is(kind)) {
            None => lines.push(format!("{subject}: a type that the analysis does not know")),
            Some((_, members)) => {
                let mut paths = Vec::new();
                if let Some(properties) = resource.properties().as_object() {
                    collect("properties", properties, members, &mut paths);
                }
                paths.sort();
                lines.extend(paths.into_iter().map(|path| format!("{subject}: `{path}`")));
            }
        }
    }
    lines
}

/// Whether the resource is read as a part of its parent.
fn is_joined(resource: &Resource) -> bool {
    [SUBNET, PEERING, SECURITY_RULE, ROUTE, AGENT_POOL]
        .iter()
        .any(|kind| resource.is(kind))
}

fn collect(path: &str, object: &Map<String, Value>, members: &Members, found: &mut Vec<String>) {
    for (name, value) in object {
        let mut plain = members.plain.split_whitespace();
        if is_unset(value) || plain.any(|one| one.eq_ignore_ascii_case(name)) {
            continue;
        }
        let path = format!("{path}.{name}");
        let mut nested = members.nested.iter();
        let nested = nested.find(|(one, _)| one.eq_ignore_ascii_case(name));
        match (nested.map(|(_, nested)| nested), value) {
            (Some(Nested::Object(inner)), Value::Object(object)) => {
                collect(&path, object, inner, found);
            }
            (Some(Nested::List(inner)), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(object) = item.as_object() {
                        collect(&format!("{path}[{index}]"), object, inner, found);
                    }
                }
            }
            // Children: their own members are in `properties`.
            (Some(Nested::Children(inner)), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let properties = item.as_object().and_then(|item| {
                        let mut members = item.iter();
                        members.find(|(name, _)| name.eq_ignore_ascii_case("properties"))
                    });
                    if let Some((name, Value::Object(object))) = properties {
                        collect(&format!("{path}[{index}].{name}"), object, inner, found);
                    }
                }
            }
            (Some(Nested::Unless(default)), Value::String(text))
                if text.eq_ignore_ascii_case(default) => {}
            (Some(Nested::AtMostOne), Value::Array(items)) if items.len() == 1 => {}
            _ => found.push(path),
        }
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    }
}
