//! The check of every expression of a template before any is evaluated: syntax, functions and their
//! numbers of arguments, declared names, and functions that may not stand where they stand.

use serde_json::{Map, Value};

use super::document::{Document, OwnNames};
use super::refuse;
use crate::arm::expression::{Fault, Names, Place, Text, check as check_expression, parse};
use crate::arm::{AzureError, Template, TemplateResource};

/// Checks the template's expressions.
pub(super) fn check(template: &Template, document: &Document) -> Result<(), AzureError> {
    for (name, declaration) in &template.parameters {
        part(
            declaration,
            Place::ParameterDefault,
            document,
            "parameter",
            name,
            "parameters",
        )?;
    }
    for (name, value) in &template.variables {
        part(
            value,
            Place::Variable,
            document,
            "variable",
            name,
            "variables",
        )?;
    }
    for ((namespace, name), function) in &document.functions {
        let names = OwnNames { function, document };
        let name = format!("{namespace}.{name}");
        part(
            &function.value,
            Place::UserFunction,
            &names,
            "function",
            &name,
            "functions",
        )?;
    }
    for (index, resource) in template.resources.iter().enumerate() {
        check_resource(resource, document, &format!("resources[{index}]"))?;
    }
    for (name, declaration) in &template.outputs {
        part(
            declaration,
            Place::Output,
            document,
            "output",
            name,
            "outputs",
        )?;
    }
    Ok(())
}

fn part(
    value: &Value,
    place: Place,
    names: &dyn Names,
    what: &str,
    name: &str,
    section: &str,
) -> Result<(), AzureError> {
    walk(value, place, names).map_err(|fault| {
        refuse(
            fault,
            &format!("{what} '{name}'"),
            &format!("{section}.{name}"),
        )
    })
}

fn check_resource(
    resource: &TemplateResource,
    names: &dyn Names,
    path: &str,
) -> Result<(), AzureError> {
    let refused = |fault: Fault, member: &str| {
        refuse(
            fault,
            &format!("resource '{}'", resource.name),
            &format!("{path}.{member}"),
        )
    };
    let texts = [
        ("type", &resource.resource_type),
        ("apiVersion", &resource.api_version),
        ("name", &resource.name),
    ];
    for (member, text) in texts {
        string(text, Place::Identity, names).map_err(|fault| refused(fault, member))?;
    }
    for text in &resource.depends_on {
        string(text, Place::Identity, names).map_err(|fault| refused(fault, "dependsOn"))?;
    }
    for (member, value) in &resource.body {
        let place = match member.as_str() {
            "condition" | "scope" | "location" | "copy" => Place::Identity,
            // Comments and metadata are never evaluated; children are resources of their own.
            "comments" | "metadata" | "resources" => continue,
            _ => Place::Body,
        };
        walk(value, place, names).map_err(|fault| refused(fault, member))?;
    }
    for (index, child) in children(resource, path)?.iter().enumerate() {
        check_resource(child, names, &format!("{path}.resources[{index}]"))?;
    }
    Ok(())
}

/// The nested children of a resource.
pub(super) fn children(
    resource: &TemplateResource,
    path: &str,
) -> Result<Vec<TemplateResource>, AzureError> {
    let children = resource.body.get("resources").and_then(Value::as_array);
    children
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, child)| {
            let path = format!("{path}.resources[{index}]");
            TemplateResource::from_value(child, &path).map_err(|error| super::invalid(error, &path))
        })
        .collect()
}

fn walk(value: &Value, place: Place, names: &dyn Names) -> Result<(), Fault> {
    match value {
        Value::String(text) => string(text, place, names),
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, place, names)),
        Value::Object(members) => object(members, place, names),
        _ => Ok(()),
    }
}

fn object(members: &Map<String, Value>, place: Place, names: &dyn Names) -> Result<(), Fault> {
    for (name, value) in members {
        let place = match (place, name.to_ascii_lowercase().as_str()) {
            // Only the default of a parameter is evaluated.
            (Place::ParameterDefault, "type" | "allowedvalues" | "metadata") => continue,
            (Place::Output, "condition") => Place::Identity,
            (Place::Output, "metadata") => continue,
            // The count of a loop; elsewhere a property of that name is one like any other.
            (_, "count") if members.contains_key("input") || place == Place::Identity => {
                Place::CopyCount
            }
            _ => place,
        };
        string(name, place, names)?;
        walk(value, place, names)?;
    }
    Ok(())
}

fn string(text: &str, place: Place, names: &dyn Names) -> Result<(), Fault> {
    match Text::of(text) {
        Text::Literal(_) => Ok(()),
        Text::Expression(text) => check_expression(&parse(text)?, place, names),
    }
}
