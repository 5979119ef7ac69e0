//! What a change sends: exactly the resources whose compiled JSON differs, and what is deleted before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::arm::expression::{self, Call, Expression, Head, Step, Text};
use crate::arm::{ResourceKey, Template, TemplateResource, views};

use super::engine::resource_id_call;
use super::lookup::PEERING;

/// The difference between two compiled templates, ready to deploy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Delta {
    /// What is deleted before the template is deployed, users before what they use: what is no longer there and
    /// would hold on to a subnet or another network, and what is replaced.
    pub deleted_before: Vec<ResourceKey>,
    /// The new and changed resources, with `dependsOn` cut to what is sent, and the parameters that they use;
    /// everything else exists.
    pub template: Template,
    /// What is no longer there and is deleted after the deployment, because until then something refers to it;
    /// users before what they use.
    pub deleted_after: Vec<ResourceKey>,
}

impl Delta {
    /// The difference that turns what `before` deployed into what `after` describes.
    #[must_use]
    pub fn between(before: &Template, after: &Template) -> Delta {
        let old = by_key(before);
        let new = by_key(after);
        let changed = after.resources.iter().filter(|resource| {
            old.get(&resource.key())
                .is_none_or(|before| before != resource)
        });
        let template = part(after, changed);
        // A compiled template lists what is referred to first, so what is deleted goes in reverse.
        let mut deleted_before = Vec::new();
        let mut deleted_after = Vec::new();
        for resource in before.resources.iter().rev() {
            let key = resource.key();
            match new.get(&key) {
                Some(after) if is_replaced(resource, after) => deleted_before.push(key),
                Some(_) => {}
                None if holds_network(&key) => deleted_before.push(key),
                None => deleted_after.push(key),
            }
        }
        Delta {
            deleted_before,
            template,
            deleted_after,
        }
    }

    /// The first deployment of a template: all of it.
    #[must_use]
    pub fn first(template: &Template) -> Delta {
        Delta {
            deleted_before: Vec::new(),
            template: template.clone(),
            deleted_after: Vec::new(),
        }
    }

    /// What is deleted and made again, because Azure cannot change it in place.
    pub fn replaced(&self) -> impl Iterator<Item = &ResourceKey> {
        let keys = self.deleted_before.iter();
        keys.filter(|key| {
            self.template
                .resources
                .iter()
                .any(|sent| sent.key() == **key)
        })
    }

    /// Everything that is deleted for good, in the order in which it is deleted.
    pub fn deleted(&self) -> impl Iterator<Item = &ResourceKey> {
        let before = self.deleted_before.iter().filter(|key| {
            let mut sent = self.template.resources.iter();
            !sent.any(|sent| sent.key() == **key)
        });
        before.chain(&self.deleted_after)
    }

    /// Takes resources out of what is sent: they stay as they are.
    pub fn leave_out(&mut self, resources: &[TemplateResource]) {
        let left_out = resources
            .iter()
            .map(TemplateResource::key)
            .collect::<BTreeSet<_>>();
        let sent = self.template.resources.iter();
        let sent = sent.filter(|resource| !left_out.contains(&resource.key()));
        self.template = part(&self.template, sent);
    }

    /// Whether nothing is to be sent and nothing to be deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.template.resources.is_empty()
            && self.deleted_before.is_empty()
            && self.deleted_after.is_empty()
    }
}

/// The part of a template with the resources that use one of the parameters: what is sent again when the value
/// of a parameter has changed and the template has not.
#[must_use]
pub fn using(template: &Template, parameters: &BTreeSet<String>) -> Template {
    let resources = template.resources.iter().filter(|resource| {
        let used = parameters_of(resource);
        parameters
            .iter()
            .any(|name| used.contains(&name.to_lowercase()))
    });
    part(template, resources)
}

/// A template of some of the resources of another, with `dependsOn` cut to them and the parameters that they
/// use. A parameter with a default stays.
pub(super) fn part<'t>(
    template: &Template,
    resources: impl Iterator<Item = &'t TemplateResource>,
) -> Template {
    let mut resources = resources.cloned().collect::<Vec<_>>();
    let ids = resources.iter().map(id_expression).collect::<BTreeSet<_>>();
    let mut used = BTreeSet::new();
    let needs_value = |declaration: &Value| declaration.get("defaultValue").is_none();
    let has_own = template.parameters.values().any(needs_value);
    for resource in &mut resources {
        resource.depends_on.retain(|target| ids.contains(target));
        if has_own {
            used.extend(parameters_of(resource));
        }
    }
    if has_own {
        for output in template.outputs.values() {
            of_value(output, &mut used);
        }
    }
    let mut part = Template {
        resources,
        schema: template.schema.clone(),
        content_version: template.content_version.clone(),
        parameters: template.parameters.clone(),
        variables: template.variables.clone(),
        functions: template.functions.clone(),
        outputs: template.outputs.clone(),
        metadata: template.metadata.clone(),
    };
    part.parameters.retain(|name, declaration| {
        !needs_value(declaration) || used.contains(&name.to_lowercase())
    });
    part
}

fn by_key(template: &Template) -> BTreeMap<ResourceKey, &TemplateResource> {
    let resources = template.resources.iter();
    resources
        .map(|resource| (resource.key(), resource))
        .collect()
}

/// What must be gone before the network around it can change.
fn holds_network(key: &ResourceKey) -> bool {
    [views::CONTAINER_GROUP, views::MANAGED_CLUSTER, PEERING]
        .iter()
        .any(|kind| key.is(kind))
}

/// Whether Azure refuses to turn one into the other in place, and it can be made again.
fn is_replaced(before: &TemplateResource, after: &TemplateResource) -> bool {
    let key = before.key();
    let members: &[&str] = if key.is(views::CONTAINER_GROUP) {
        // What an update of a container group may not change; and the size of a container, below.
        &[
            "/location",
            "/zones",
            "/properties/osType",
            "/properties/restartPolicy",
            "/properties/subnetIds",
        ]
    } else if key.is(PEERING) {
        &["/properties/remoteVirtualNetwork"]
    } else {
        return false;
    };
    let differs = |path: &&str| pointer(before, path) != pointer(after, path);
    members.iter().any(differs) || resized(before, after)
}

fn pointer<'r>(resource: &'r TemplateResource, path: &str) -> Option<&'r Value> {
    let (first, rest) = match path[1..].split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (&path[1..], None),
    };
    let value = resource.body.get(first)?;
    match rest {
        Some(rest) => value.pointer(&format!("/{rest}")),
        None => Some(value),
    }
}

/// Whether a container that stays has another size.
fn resized(before: &TemplateResource, after: &TemplateResource) -> bool {
    let sizes = |resource: &TemplateResource| {
        let containers = pointer(resource, "/properties/containers").and_then(Value::as_array);
        let containers = containers.into_iter().flatten();
        containers
            .map(|container| {
                (
                    container["name"].clone(),
                    container["properties"]["resources"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let (old, new) = (sizes(before), sizes(after));
    old.iter().any(|(name, size)| {
        let same = new.iter().find(|(other, _)| other == name);
        same.is_some_and(|(_, now)| now != size)
    })
}

/// The names of the parameters that a resource uses, in lower case.
fn parameters_of(resource: &TemplateResource) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    of_text(&resource.name, &mut used);
    for value in resource.body.values() {
        of_value(value, &mut used);
    }
    used
}

fn of_value(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => of_text(text, used),
        Value::Array(items) => items.iter().for_each(|item| of_value(item, used)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            of_text(name, used);
            of_value(member, used);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn of_text(text: &str, used: &mut BTreeSet<String>) {
    if let Text::Expression(text) = Text::of(text)
        && let Ok(expression) = expression::parse(text)
    {
        of_expression(&expression, used);
    }
}

fn of_expression(expression: &Expression, used: &mut BTreeSet<String>) {
    if let Head::Call(call) = &expression.head {
        of_call(call, used);
    }
    for step in &expression.steps {
        if let Step::Index(index) = step {
            of_expression(index, used);
        }
    }
}

fn of_call(call: &Call, used: &mut BTreeSet<String>) {
    if call.is("parameters") {
        let name = call.arguments.first().and_then(Expression::as_text);
        used.extend(name.map(str::to_lowercase));
    }
    for argument in &call.arguments {
        of_expression(argument, used);
    }
}

/// The expression by which the compiled templates name a resource in `dependsOn`.
fn id_expression(resource: &TemplateResource) -> String {
    let scope = resource.body.get("scope").and_then(|scope| scope.as_str());
    match (
        scope.and_then(|scope| scope.rsplit_once('/')),
        resource
            .name
            .strip_prefix('[')
            .and_then(|n| n.strip_suffix(']')),
    ) {
        (Some((kind, name)), Some(expression)) => {
            let target = resource_id_call(kind, name);
            format!(
                "[extensionResourceId({target}, '{}', {expression})]",
                resource.resource_type
            )
        }
        _ => format!(
            "[{}]",
            resource_id_call(&resource.resource_type, &resource.name)
        ),
    }
}
