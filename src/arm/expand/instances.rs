//! The resources of a deployment: loops unrolled, children flattened, conditions and ids settled.

use serde_json::{Map, Value};

use super::document::Document;
use super::env::Env;
use super::syntax::children;
use super::walk::{Loop, MAX_ROUNDS, count};
use super::{invalid, refuse};
use crate::arm::expression::Fault;
use crate::arm::resource::get;
use crate::arm::{AzureError, ResourceId, ResourceKey, Template, TemplateResource};

/// One resource of the deployment.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) id: ResourceId,
    pub(super) resource_type: String,
    pub(super) name: String,
    pub(super) api_version: String,
    /// As written.
    pub(super) depends_on: Vec<String>,
    /// As written.
    body: Map<String, Value>,
    /// The resource loops around it, at its round.
    pub(super) loops: Vec<Loop>,
    /// The rounds of its serial loop that go together, if it has one.
    pub(super) batch: Option<i64>,
    /// Whether its condition holds.
    pub(super) deployed: bool,
    /// Where it stands in the template.
    pub(super) path: String,
}

impl Instance {
    /// The members that make the body of the request.
    pub(super) fn body_members(&self) -> impl Iterator<Item = (&str, &Value)> {
        const OWN: [&str; 6] = [
            "condition",
            "comments",
            "metadata",
            "scope",
            "copy",
            "resources",
        ];
        self.body
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| !OWN.contains(name))
    }
}

/// The resources of a template, in its order, loops unrolled and children flattened.
pub(super) fn unroll(
    template: &Template,
    document: &Document,
) -> Result<Vec<Instance>, AzureError> {
    let mut unroll = Unroll {
        document,
        instances: Vec::new(),
    };
    for (index, resource) in template.resources.iter().enumerate() {
        unroll.root(resource, &format!("resources[{index}]"))?;
    }
    Ok(unroll.instances)
}

/// The resource that a child is nested in.
struct Parent<'a> {
    resource_type: &'a str,
    name: &'a str,
    loops: &'a [Loop],
}

/// The unrolling of a template's resources.
struct Unroll<'a> {
    document: &'a Document,
    instances: Vec<Instance>,
}

impl Unroll<'_> {
    fn root(&mut self, resource: &TemplateResource, path: &str) -> Result<(), AzureError> {
        let Some(copy) = resource.body.get("copy") else {
            return self.one(resource, None, &[], None, path);
        };
        let refused = |fault| {
            refuse(
                fault,
                &format!("resource '{}'", resource.name),
                &format!("{path}.copy"),
            )
        };
        let (name, rounds, batch) = self.rounds(copy).map_err(refused)?;
        for index in 0..rounds {
            let around = [Loop {
                name: name.clone(),
                index,
                is_plain: true,
            }];
            self.one(resource, None, &around, batch, path)?;
        }
        Ok(())
    }

    /// A resource loop's name, rounds, and batch size if it is serial.
    fn rounds(&self, copy: &Value) -> Result<(String, i64, Option<i64>), Fault> {
        let wrong = |what: &str| {
            Fault::Invalid(format!(
                "{what}. Please see https://aka.ms/arm-copy for usage details"
            ))
        };
        let env = Env::of(self.document);
        let copy = copy
            .as_object()
            .ok_or_else(|| wrong("The copy is not an object"))?;
        let name = get(copy, "name")
            .and_then(Value::as_str)
            .ok_or_else(|| wrong("The copy has no name"))?;
        let name = env.text(name)?;
        let rounds = count(&name, copy, &env)?;
        let mode = get(copy, "mode")
            .and_then(Value::as_str)
            .unwrap_or("parallel");
        let size = match get(copy, "batchSize") {
            None => None,
            Some(size) => Some(
                env.value(size)?
                    .as_i64()
                    .filter(|size| *size >= 1)
                    .ok_or_else(|| wrong("The batchSize of the copy must be an integer from 1"))?,
            ),
        };
        match mode.to_ascii_lowercase().as_str() {
            "parallel" if size.is_none() => Ok((name, rounds, None)),
            "parallel" => Err(wrong("The batchSize of the copy needs the mode 'serial'")),
            "serial" => Ok((name, rounds, Some(size.unwrap_or(1)))),
            _ => Err(wrong(&format!(
                "The mode '{mode}' of the copy is neither 'parallel' nor 'serial'"
            ))),
        }
    }

    fn one(
        &mut self,
        resource: &TemplateResource,
        parent: Option<&Parent<'_>>,
        loops: &[Loop],
        batch: Option<i64>,
        path: &str,
    ) -> Result<(), AzureError> {
        if self.instances.len() >= usize::try_from(MAX_ROUNDS).unwrap_or(usize::MAX) {
            return Err(invalid(
                format!("The number of template resources exceeds the limit of {MAX_ROUNDS}."),
                path,
            ));
        }
        let refused = |fault, member: &str| {
            refuse(
                fault,
                &format!("resource '{}'", resource.name),
                &format!("{path}.{member}"),
            )
        };
        // A type and an API version are the same in every round.
        let fixed = Env::of(self.document);
        let env = fixed.in_loops(loops);
        let own_type = fixed
            .text(&resource.resource_type)
            .map_err(|fault| refused(fault, "type"))?;
        let api_version = fixed
            .text(&resource.api_version)
            .map_err(|fault| refused(fault, "apiVersion"))?;
        let own_name = env
            .text(&resource.name)
            .map_err(|fault| refused(fault, "name"))?;
        let deployed = condition(resource, &env).map_err(|fault| refused(fault, "condition"))?;
        let (full_type, full_name) = full(&own_type, &own_name, parent)
            .ok_or_else(|| invalid(segments(&own_type, &own_name), &format!("{path}.name")))?;
        if full_type.eq_ignore_ascii_case("Microsoft.Resources/deployments") {
            return Err(invalid(
                format!(
                    "The resource '{full_name}' is a nested deployment (Microsoft.Resources/deployments), which is not supported by this version."
                ),
                path,
            ));
        }
        let id = self
            .id(
                resource,
                &ResourceKey::new(full_type.clone(), full_name.clone()),
                &env,
            )
            .map_err(|fault| refused(fault, "scope"))?;
        // An extension resource in the old form has its target's type and name before its own.
        let key = id.key();
        let is_extension = full_type.to_ascii_lowercase().contains("/providers/");
        let (resource_type, name) = if is_extension {
            (key.resource_type, key.name)
        } else {
            (full_type.clone(), full_name.clone())
        };
        self.instances.push(Instance {
            id,
            resource_type,
            name,
            api_version,
            depends_on: resource.depends_on.clone(),
            body: resource.body.clone(),
            loops: loops.to_vec(),
            batch,
            deployed,
            path: path.to_owned(),
        });
        let parent = Parent {
            resource_type: &full_type,
            name: &full_name,
            loops,
        };
        for (index, child) in children(resource, path)?.iter().enumerate() {
            let path = format!("{path}.resources[{index}]");
            if child.body.contains_key("copy") {
                return Err(invalid(
                    format!(
                        "The template resource '{}' is nested in another resource and can therefore not have a copy. Please see https://aka.ms/arm-copy for usage details.",
                        child.name
                    ),
                    &format!("{path}.copy"),
                ));
            }
            self.one(child, Some(&parent), parent.loops, batch, &path)?;
        }
        Ok(())
    }

    fn id(
        &self,
        resource: &TemplateResource,
        key: &ResourceKey,
        env: &Env<'_>,
    ) -> Result<ResourceId, Fault> {
        let scope = &self.document.scope;
        let own = ResourceId::in_group(&scope.subscription_id, &scope.resource_group, key);
        let Some(target) = resource.body.get("scope") else {
            return Ok(own);
        };
        let target = target
            .as_str()
            .ok_or_else(|| Fault::Invalid("The scope is not a string".to_owned()))?;
        let target = env.text(target)?;
        let target = match target.trim_end_matches('/') {
            "" => {
                return Err(Fault::Invalid(format!(
                    "The scope '{target}' (the tenant) is not supported by this version"
                )));
            }
            full if full.starts_with('/') => full.to_owned(),
            relative => format!(
                "/subscriptions/{}/resourceGroups/{}/providers/{relative}",
                scope.subscription_id, scope.resource_group
            ),
        };
        ResourceId::parse(&format!("{target}/providers/{}", key.path()))
            .map_err(|error| Fault::Invalid(error.to_string()))
    }
}

/// The full type and name, if their numbers of segments fit.
fn full(own_type: &str, own_name: &str, parent: Option<&Parent<'_>>) -> Option<(String, String)> {
    let types = own_type.split('/').count();
    let names = own_name.split('/').count();
    let complete = own_type
        .split('/')
        .chain(own_name.split('/'))
        .all(|segment| !segment.is_empty());
    if !complete {
        return None;
    }
    let Some(parent) = parent else {
        return (types == names + 1).then(|| (own_type.to_owned(), own_name.to_owned()));
    };
    let relative = strip_prefix_without_case(own_type, parent.resource_type)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(own_type);
    (relative.split('/').count() == names).then(|| {
        (
            format!("{}/{relative}", parent.resource_type),
            format!("{}/{own_name}", parent.name),
        )
    })
}

fn strip_prefix_without_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn segments(resource_type: &str, name: &str) -> String {
    format!(
        "The template resource '{name}' for type '{resource_type}' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details."
    )
}

fn condition(resource: &TemplateResource, env: &Env<'_>) -> Result<bool, Fault> {
    let Some(condition) = resource.body.get("condition") else {
        return Ok(true);
    };
    match env.value(condition)? {
        Value::Bool(value) => Ok(value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(Fault::Invalid(format!(
            "The condition gives '{other}', expected a boolean"
        ))),
    }
}
