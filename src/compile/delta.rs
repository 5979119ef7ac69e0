//! What a change sends: exactly the resources whose compiled JSON differs.

use std::collections::BTreeMap;

use crate::arm::{ResourceKey, Template, TemplateResource};

use super::engine::resource_id_call;

/// The difference between two compiled templates, ready to deploy.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// The new and changed resources, with `dependsOn` cut to what is sent; everything else exists.
    pub template: Template,
    /// The resources that are no longer there, users before what they use.
    pub deleted: Vec<ResourceKey>,
}

impl Delta {
    /// The difference that turns what `before` deployed into what `after` describes.
    #[must_use]
    pub fn between(before: &Template, after: &Template) -> Delta {
        let old = before
            .resources
            .iter()
            .map(|resource| (resource.key(), resource))
            .collect::<BTreeMap<_, _>>();
        let new = after
            .resources
            .iter()
            .map(|resource| (resource.key(), resource))
            .collect::<BTreeMap<_, _>>();
        let mut sent = after
            .resources
            .iter()
            .filter(|resource| {
                old.get(&resource.key())
                    .is_none_or(|before| before != resource)
            })
            .cloned()
            .collect::<Vec<_>>();
        let ids = sent.iter().map(id_expression).collect::<Vec<_>>();
        for resource in &mut sent {
            resource.depends_on.retain(|target| ids.contains(target));
        }
        // A compiled template lists what is referred to first, so what is deleted goes in reverse.
        let gone = before
            .resources
            .iter()
            .rev()
            .map(TemplateResource::key)
            .filter(|key| !new.contains_key(key));
        Delta {
            deleted: gone.collect(),
            template: Template {
                resources: sent,
                ..after.clone()
            },
        }
    }

    /// Whether nothing is to be sent and nothing to be deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.template.resources.is_empty() && self.deleted.is_empty()
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
