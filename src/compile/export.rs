//! An experiment as files: the template of its first deployment, what each later step sends, the parameters of
//! both, and a manifest that says what stands for what. No secret's value is ever in them.

use serde_json::{Map, Value, json};

use crate::arm::{ResourceKey, Template};
use crate::topology::{Experiment, Span};

use super::delta::Delta;
use super::manifest::{Manifest, Pod, ProbePlan, SecretData, Workload};
use super::{CompileError, Compiled, Compiler, ParameterSource};

/// Stands for the id of a key vault that is not known.
const NO_VAULT: &str =
    "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.KeyVault/vaults/VAULT";

/// A file of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedFile {
    /// The path, relative to the directory, with `/` between its parts.
    pub path: String,
    /// The text.
    pub text: String,
}

/// What the files of an experiment say beside the experiment itself.
pub struct Export<'a> {
    /// The place of a span: `file:line:column`.
    pub place: &'a dyn Fn(Span) -> String,
    /// The id of the key vault that holds the secrets under their own names; without one a placeholder stands
    /// in the parameter files.
    pub key_vault: Option<&'a str>,
}

impl Compiler {
    /// The files of an experiment: `main.json` and `main.parameters.json`, the same for each step that sends
    /// something in `steps/`, and `manifest.json`.
    ///
    /// # Errors
    /// As of [`Compiler::compile`].
    pub fn export(
        &self,
        experiment: &Experiment,
        export: &Export<'_>,
    ) -> Result<Vec<ExportedFile>, CompileError> {
        let mut files = Vec::new();
        let mut deployments = Vec::new();
        let mut before: Option<Compiled> = None;
        for (index, step) in experiment.steps.iter().enumerate() {
            let states = self.step(step, &experiment.tags)?;
            let parts = states.len();
            for (part, state) in states.into_iter().enumerate() {
                let delta = match &before {
                    None => Delta::first(&state.template),
                    Some(before) => Delta::between(&before.template, &state.template),
                };
                let is_first = before.is_none();
                if is_first || !delta.is_empty() {
                    let stem = match (is_first, parts) {
                        (true, _) => "main".to_owned(),
                        (false, 1) => format!("steps/{:02}-{}", index + 1, slug(&step.name)),
                        (false, _) => {
                            format!("steps/{:02}-{}-{}", index + 1, slug(&step.name), part + 1)
                        }
                    };
                    let mut deployment = export.deployment(&delta, &state.manifest);
                    deployment["step"] = json!(step.name);
                    deployment["place"] = json!((export.place)(step.span));
                    if !delta.template.resources.is_empty() || is_first {
                        let (template, parameters) =
                            (format!("{stem}.json"), format!("{stem}.parameters.json"));
                        deployment["template"] = json!(template);
                        deployment["parametersFile"] = json!(parameters);
                        files.push(file(template, delta.template.to_json()));
                        let values = export.parameters(&delta.template, &state.manifest);
                        files.push(file(parameters, pretty(&values)));
                    }
                    deployments.push(deployment);
                }
                before = Some(state);
            }
        }
        let manifest = json!({
            "name": experiment.name,
            "location": experiment.location,
            "files": files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "deployments": deployments,
        });
        files.push(file("manifest.json".to_owned(), pretty(&manifest)));
        Ok(files)
    }
}

fn file(path: String, text: String) -> ExportedFile {
    ExportedFile { path, text }
}

/// The name of a step as a part of a file's name.
fn slug(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    });
    let mut slug = String::new();
    for letter in letters.take(60) {
        if letter != '-' || !slug.ends_with('-') {
            slug.push(letter);
        }
    }
    slug.trim_matches('-').to_owned()
}

/// JSON with its members sorted, two spaces deep, and a final line break.
fn pretty(value: &Value) -> String {
    /// With `preserve_order` in the build a map keeps the order of insertion.
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members = members.iter().collect::<Vec<_>>();
                members.sort_by_key(|(name, _)| *name);
                let members = members.into_iter();
                members
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    format!("{:#}\n", sorted(value))
}

impl Export<'_> {
    /// The parameter file of a template. What only a deployment tells, or the author keeps elsewhere, has a
    /// placeholder and says so.
    fn parameters(&self, template: &Template, manifest: &Manifest) -> Value {
        let declared = template.parameters.keys();
        let values = declared.filter_map(|name| {
            let source = manifest.parameters.get(name)?;
            let metadata = json!({ "description": source.description() });
            let value = match source {
                ParameterSource::Secret(secret) => json!({
                    "reference": {
                        "keyVault": { "id": self.key_vault.unwrap_or(NO_VAULT) },
                        "secretName": secret,
                    },
                    "metadata": metadata,
                }),
                ParameterSource::WorkloadAddresses(_) | ParameterSource::NodeAddresses(_) => {
                    let placeholder = format!("<{}>", source.description().trim_end_matches('.'));
                    json!({ "value": [placeholder], "metadata": metadata })
                }
            };
            Some((name.clone(), value))
        });
        json!({
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
            "contentVersion": template.content_version,
            "parameters": values.collect::<Map<_, _>>(),
        })
    }

    fn deployment(&self, delta: &Delta, manifest: &Manifest) -> Value {
        let paths = |keys: &[ResourceKey]| keys.iter().map(ResourceKey::path).collect::<Vec<_>>();
        let mut value = self.manifest(manifest);
        value["deletedBefore"] = json!(paths(&delta.deleted_before));
        value["deletedAfter"] = json!(paths(&delta.deleted_after));
        value["replaced"] = json!(delta.replaced().map(ResourceKey::path).collect::<Vec<_>>());
        value
    }

    /// The manifest of one state.
    fn manifest(&self, manifest: &Manifest) -> Value {
        let workloads = manifest.workloads.iter().map(|(name, copies)| {
            let copies = copies.iter().map(workload).collect::<Vec<_>>();
            (name.to_string(), json!(copies))
        });
        let clusters = manifest.clusters.iter();
        let clusters = clusters.map(|(name, key)| (name.to_string(), json!(key.path())));
        let parameters = manifest.parameters.iter().map(|(name, source)| {
            let filled_by = match source {
                ParameterSource::WorkloadAddresses(name) => json!({ "workloadAddresses": name }),
                ParameterSource::NodeAddresses(name) => json!({ "nodeAddresses": name }),
                ParameterSource::Secret(name) => json!({ "secret": name }),
            };
            (name.clone(), filled_by)
        });
        let probes = manifest.probes.iter().map(|(name, plans)| {
            let plans = plans.iter().map(probe).collect::<Vec<_>>();
            (name.to_string(), json!(plans))
        });
        let places = manifest.spans.iter();
        let places = places.map(|(key, span)| (key.path(), json!((self.place)(*span))));
        json!({
            "workloads": workloads.collect::<Map<_, _>>(),
            "clusters": clusters.collect::<Map<_, _>>(),
            "parameters": parameters.collect::<Map<_, _>>(),
            "probes": probes.collect::<Map<_, _>>(),
            "places": places.collect::<Map<_, _>>(),
        })
    }
}

fn workload(workload: &Workload) -> Value {
    match workload {
        Workload::ContainerGroup { key } => json!({ "containerGroup": key.path() }),
        Workload::Pod(Pod {
            cluster,
            name,
            host_network,
            manifest,
            secrets,
        }) => json!({
            "cluster": cluster.path(),
            "pod": name,
            "hostNetwork": host_network,
            "manifest": manifest,
            "secrets": secrets
                .iter()
                .map(|secret| json!({
                    "name": secret.name,
                    "type": match secret.data {
                        SecretData::Environment(_) => "Opaque",
                        SecretData::Registry(_) => "kubernetes.io/dockerconfigjson",
                    },
                    "of": secret.data.secrets().collect::<Vec<_>>(),
                }))
                .collect::<Vec<_>>(),
        }),
    }
}

fn probe(plan: &ProbePlan) -> Value {
    json!({
        "from": plan.caller,
        "to": plan.to,
        "scheme": plan.scheme.to_string(),
        "attempts": plan.repeat.attempts,
        "everyMs": plan.repeat.every.as_millis() as u64,
        "count": plan.repeat.count,
        "question": plan.question,
    })
}
