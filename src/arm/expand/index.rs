//! The resources of a deployment by what templates call them: ids, names, types with names, loops.

use std::collections::BTreeMap;

use super::instances::Instance;
use super::invalid;
use crate::arm::expression::Fault;
use crate::arm::{AzureError, ResourceId, ResourceKey};

/// The resources of a deployment, in the template's order, with their names.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) instances: Vec<Instance>,
    by_id: BTreeMap<ResourceId, usize>,
    /// Names, types with names, and loops, in lower case.
    by_name: BTreeMap<String, Vec<usize>>,
    by_loop: BTreeMap<String, Vec<usize>>,
}

impl Index {
    /// Indexes the instances; refuses two that are deployed under one id.
    pub(super) fn over(instances: Vec<Instance>) -> Result<Index, AzureError> {
        let mut by_id: BTreeMap<ResourceId, usize> = BTreeMap::new();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut by_loop: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, instance) in instances.iter().enumerate() {
            match by_id.get(&instance.id).map(|other| &instances[*other]) {
                Some(other) if other.deployed && instance.deployed => {
                    return Err(invalid(
                        format!(
                            "The resource '{}/{}' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.",
                            instance.resource_type, instance.name
                        ),
                        &instance.path,
                    ));
                }
                // Of two with one id, the one that is deployed is meant.
                Some(other) if other.deployed => {}
                _ => {
                    by_id.insert(instance.id.clone(), place);
                }
            }
            let key = ResourceKey::new(instance.resource_type.clone(), instance.name.clone());
            let mut names = vec![instance.name.clone(), key.path(), key.to_string()];
            names.sort_unstable();
            names.dedup();
            for name in names {
                by_name.entry(name.to_lowercase()).or_default().push(place);
            }
            for around in &instance.loops {
                by_loop
                    .entry(around.name.to_lowercase())
                    .or_default()
                    .push(place);
            }
        }
        Ok(Index {
            instances,
            by_id,
            by_name,
            by_loop,
        })
    }

    /// The resources that an entry of `dependsOn` names; none where it is not in the template.
    pub(super) fn named(&self, text: &str) -> Vec<usize> {
        if text.starts_with('/') {
            let id = ResourceId::parse(text).ok();
            return id
                .and_then(|id| self.by_id.get(&id).copied())
                .into_iter()
                .collect();
        }
        let lower = text.trim_end_matches('/').to_lowercase();
        if let Some(instances) = self.by_loop.get(&lower) {
            return instances.clone();
        }
        match self.by_name.get(&lower).map(Vec::as_slice) {
            // A name that several resources have is no name, unless they are one resource in two
            // conditional forms.
            Some(places @ [first, rest @ ..])
                if rest
                    .iter()
                    .all(|place| self.instances[*place].id == self.instances[*first].id) =>
            {
                places.to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// The resource behind the first argument of `reference()` or `list*()`, with the API version that
    /// the template gives it.
    pub(super) fn target(&self, text: &str) -> Result<(ResourceId, Option<&str>), Fault> {
        let place = match self.named(text).as_slice() {
            [place, ..] => Some(*place),
            [] => None,
        };
        match place {
            Some(place) => {
                let instance = &self.instances[place];
                Ok((instance.id.clone(), Some(&instance.api_version)))
            }
            None => match ResourceId::parse(text) {
                Ok(id) => Ok((id, None)),
                Err(_) => Err(Fault::Invalid(undefined(text))),
            },
        }
    }
}

/// The message for a name that no resource of the template has.
pub(super) fn undefined(name: &str) -> String {
    format!(
        "The resource '{name}' is not defined in the template. Please see https://aka.ms/arm-template for usage details."
    )
}
