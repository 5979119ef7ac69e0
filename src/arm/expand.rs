//! From template and parameters to resources: binding, copies, conditions, ids, dependencies.
//!
//! [`bind`] settles everything that Azure settles before it deploys anything: parameters, the number
//! and the ids of the resources, their conditions and their order. Properties are evaluated one resource
//! at a time, just before it is deployed ([`Bound::evaluate`]), because only then `reference()` has an
//! answer. [`expand`] does the same without a deployment and keeps what it cannot know as the text of
//! the expression. Nothing here deploys, reads a clock or guesses.

mod dependencies;
mod document;
mod env;
mod index;
mod instances;
mod outputs;
mod parameters;
mod syntax;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::expression::{Fault, Runtime};
use super::{AzureError, Resource, ResourceId, Template};

use document::Document;
use env::{Env, Live};
use index::Index;
use instances::Instance;

/// Parameter values by name (plain values: the `{"value": ...}` wrapper is taken off).
pub type Parameters = BTreeMap<String, Value>;

/// Where a template is deployed: what `subscription()`, `resourceGroup()` and `deployment()` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The subscription's id, a GUID.
    pub subscription_id: String,
    /// The tenant's id, a GUID.
    pub tenant_id: String,
    /// The resource group's name.
    pub resource_group: String,
    /// The resource group's location.
    pub location: String,
    /// The deployment's name.
    pub deployment: String,
}

/// When a template is deployed: what `utcNow()` and `newGuid()` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: jiff::Timestamp,
    /// A GUID of this deployment alone, from which `newGuid()` derives its own.
    pub seed: uuid::Uuid,
}

/// A template bound to parameters and a scope: every name, id, condition and dependency is known;
/// properties are still to be evaluated.
#[derive(Debug, Clone)]
pub struct Bound {
    document: Document,
    index: Index,
    planned: Vec<Planned>,
    /// For each of `planned`, its place among the instances.
    order: Vec<usize>,
}

/// A resource of a bound template.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The id.
    pub id: ResourceId,
    /// The full type; for an extension resource the extension's own.
    pub resource_type: String,
    /// The full name; for an extension resource the extension's own.
    pub name: String,
    /// The API version.
    pub api_version: String,
    /// Explicit and implicit dependencies within the deployment.
    pub depends_on: Vec<ResourceId>,
}

/// Binds parameters and works out every resource's identity and order (steps 1 to 5 of a deployment).
///
/// Without the time of a deployment `utcNow()` and `newGuid()` have no value; see [`bind_at`].
///
/// # Errors
/// `InvalidTemplate` as Azure words it: an undeclared or missing parameter, a cycle, a dependency that
/// is not in the template, a function that may not stand there ...
pub fn bind(
    template: &Template,
    parameters: &Parameters,
    scope: &Scope,
) -> Result<Bound, AzureError> {
    bound(template, parameters, scope, None)
}

/// Binds as [`bind`] does, at the time of a deployment, so that `utcNow()` and `newGuid()` have values.
///
/// # Errors
/// As [`bind`].
pub fn bind_at(
    template: &Template,
    parameters: &Parameters,
    scope: &Scope,
    moment: Moment,
) -> Result<Bound, AzureError> {
    bound(template, parameters, scope, Some(moment))
}

fn bound(
    template: &Template,
    supplied: &Parameters,
    scope: &Scope,
    moment: Option<Moment>,
) -> Result<Bound, AzureError> {
    let document = Document::read(template, supplied, scope, moment)?;
    syntax::check(template, &document)?;
    parameters::check(&document)?;
    let index = Index::over(instances::unroll(template, &document)?)?;
    let dependencies = dependencies::resolve(&index, &document)?;
    let order = dependencies::order(&index, &dependencies)?;
    let planned = order
        .iter()
        .map(|&place| {
            let instance = &index.instances[place];
            Planned {
                id: instance.id.clone(),
                resource_type: instance.resource_type.clone(),
                name: instance.name.clone(),
                api_version: instance.api_version.clone(),
                depends_on: dependencies[place]
                    .iter()
                    .map(|&other| index.instances[other].id.clone())
                    .collect(),
            }
        })
        .collect();
    Ok(Bound {
        document,
        index,
        planned,
        order,
    })
}

impl Bound {
    /// The resources to deploy, in an order that respects their dependencies.
    #[must_use]
    pub fn resources(&self) -> &[Planned] {
        &self.planned
    }

    /// Evaluates one resource just before it is deployed; `index` is its place in [`Bound::resources`].
    ///
    /// # Errors
    /// As Azure words them, for example a property that a reference does not have.
    pub fn evaluate(&self, index: usize, runtime: &dyn Runtime) -> Result<Resource, AzureError> {
        let (planned, instance) = self.at(index)?;
        self.fill(planned, instance, Some(runtime), None)
    }

    /// Evaluates the outputs after the deployment: `{name: {"type", "value"}}`. As in Azure's answers,
    /// names begin with a lower-case letter and secure values are left out.
    ///
    /// # Errors
    /// As [`Bound::evaluate`].
    pub fn outputs(&self, runtime: &dyn Runtime) -> Result<Map<String, Value>, AzureError> {
        outputs::evaluate(
            &self.document,
            Live {
                index: &self.index,
                runtime: Some(runtime),
            },
        )
    }

    /// The parameters as a deployment shows them: `{name: {"type": "String", "value"}}`, defaults
    /// filled in, secure values left out. As in Azure's answers, names begin with a lower-case letter.
    #[must_use]
    pub fn parameters(&self) -> Map<String, Value> {
        parameters::shown(&self.document)
    }

    fn at(&self, index: usize) -> Result<(&Planned, &Instance), AzureError> {
        self.planned
            .get(index)
            .zip(self.order.get(index))
            .map(|(planned, &place)| (planned, &self.index.instances[place]))
            .ok_or_else(|| {
                AzureError::new(
                    "InvalidTemplate",
                    format!("the deployment has no resource number {index}"),
                )
            })
    }

    /// Evaluates a resource's body. With `unknown`, a value that only a deployment can tell keeps its
    /// expression's text and its path is noted there; without, it is an error.
    fn fill(
        &self,
        planned: &Planned,
        instance: &Instance,
        runtime: Option<&dyn Runtime>,
        mut unknown: Option<&mut Vec<Unknown>>,
    ) -> Result<Resource, AzureError> {
        let live = Live {
            index: &self.index,
            runtime,
        };
        let env = Env::of(&self.document)
            .in_loops(&instance.loops)
            .live(&live);
        let mut leaf = |text: &str, env: &Env<'_>, path: &str| match (
            env.expression(text),
            unknown.as_deref_mut(),
        ) {
            (Err(Fault::Unknown), Some(unknown)) => {
                unknown.push(Unknown {
                    resource: planned.id.clone(),
                    path: path.to_owned(),
                });
                Ok(Value::from(format!("[{text}]")))
            }
            (value, _) => value,
        };
        let mut body = Map::new();
        for (member, value) in instance.body_members() {
            let mut walk = walk::Walk::new(member, &mut leaf);
            let value = walk.value(value, &env).map_err(|fault| {
                let path = format!("{}.{}", instance.path, walk.path());
                match message(fault) {
                    Ok(text) => violation(
                        format!(
                            "Unable to process template language expressions for resource '{}'. '{text}'",
                            planned.id
                        ),
                        &path,
                    ),
                    Err(error) => error,
                }
            })?;
            // A member that evaluates to null counts as absent.
            if !value.is_null() {
                body.insert(member.to_owned(), value);
            }
        }
        Ok(Resource {
            id: planned.id.clone(),
            resource_type: planned.resource_type.clone(),
            name: planned.name.clone(),
            api_version: planned.api_version.clone(),
            depends_on: planned.depends_on.clone(),
            body,
        })
    }
}

/// A template evaluated as far as it can be without a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// The resources, in an order that respects their dependencies. A value that only a deployment
    /// can tell keeps its expression text.
    pub resources: Vec<Resource>,
    /// Where a value is unknown until deployed.
    pub unknown: Vec<Unknown>,
}

/// A value that is unknown until deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The resource.
    pub resource: ResourceId,
    /// The path in its body, for example `properties.principalId`.
    pub path: String,
}

/// Evaluates a template as far as it can be without a deployment.
///
/// # Errors
/// As [`bind`] and [`Bound::evaluate`].
pub fn expand(
    template: &Template,
    parameters: &Parameters,
    scope: &Scope,
) -> Result<Expansion, AzureError> {
    let bound = bind(template, parameters, scope)?;
    let mut unknown = Vec::new();
    let resources = (0..bound.planned.len())
        .map(|index| {
            let (planned, instance) = bound.at(index)?;
            bound.fill(planned, instance, None, Some(&mut unknown))
        })
        .collect::<Result<_, _>>()?;
    Ok(Expansion { resources, unknown })
}

/// The error that refuses a template before anything is deployed.
fn invalid(inner: impl std::fmt::Display, path: &str) -> AzureError {
    violation(
        format!("Deployment template validation failed: '{inner}'."),
        path,
    )
}

/// `InvalidTemplate` with the place of the fault. Lines are not given: the template has been parsed.
fn violation(message: String, path: &str) -> AzureError {
    let mut error = AzureError::new("InvalidTemplate", message);
    let path = if path.is_empty() {
        String::new()
    } else {
        format!("properties.template.{path}")
    };
    error.additional_info.push(json!({
        "type": "TemplateViolation",
        "info": {"lineNumber": 0, "linePosition": 0, "path": path},
    }));
    error
}

/// A fault's message, unless it is an error of its own.
fn message(fault: Fault) -> Result<String, AzureError> {
    match fault {
        Fault::Invalid(message) => Ok(message),
        Fault::Unknown => Ok("The value is not known until the deployment runs.".to_owned()),
        Fault::Azure(error) => Err(error),
    }
}

/// Wraps a fault's message in Azure's sentence about the part of the template that it lies in.
fn refuse(fault: Fault, part: &str, path: &str) -> AzureError {
    match message(fault) {
        Ok(message) => invalid(
            format!(
                "The template {part} is not valid: {message}. Please see https://aka.ms/arm-template-expressions for usage details."
            ),
            path,
        ),
        Err(error) => error,
    }
}

/// A name with its first letter in lower case, as Azure's answers show parameters and outputs.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
