//! Topology to ARM template, through the handlebars files in `templates/`.
//!
//! The output is deterministic: maps by name, lists in the author's order, names derived from the spec
//! or by `guid()` in the template itself. Each rendered text is read back as a part of a [`Template`],
//! so a broken file is found here and not by Azure. What stands for what is told by the [`Manifest`]; what a
//! change sends and deletes, by the [`Delta`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let text = "{ vnetlab: 1, name: one, vnets: { hub: { space: 10.0.0.0/16 } }, steps: [deploy] }".to_owned();
//! use vnetlab::{compile::Compiler, spec::Source, topology};
//! let source = Source::new("one.yaml", text);
//! let experiment = topology::load(&source).expect("a sound spec").experiments.remove(0);
//! let compiled = Compiler::new()?.compile(&experiment.steps[0].topology, &experiment.tags)?;
//! assert!(compiled.template.to_json().contains("Microsoft.Network/virtualNetworks"));
//! # Ok(())
//! # }
//! ```

mod cluster;
mod containers;
mod delta;
mod engine;
mod export;
mod lookup;
mod manifest;
mod network;
mod parameters;
mod probes;
mod resources;
mod security;
mod spans;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::arm::Template;
use crate::topology::{Action, Name, Placement, Step, Topology};

pub use delta::{Delta, using};
pub use engine::{TemplateFile, Variable, template_files};
pub use export::{Export, ExportedFile};
pub use manifest::{Manifest, Pod, PodSecret, ProbePlan, Repeat, SecretData, Workload};
pub use parameters::ParameterSource;

/// Why a topology cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A handlebars file cannot be read or rendered.
    #[error("template `{template}`{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Template {
        /// The file.
        template: String,
        /// The line in it, where one is to blame.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
    },
    /// A directory of handlebars files has one that is none of them.
    #[error(
        "`{}` is no template: {}",
        directory.join(file).display(),
        nearest(file)
    )]
    UnknownTemplate {
        /// The directory.
        directory: PathBuf,
        /// The file's name.
        file: String,
    },
    /// A file or a directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The topology refers to something that it does not have.
    #[error("the topology has no {what} `{name}`")]
    Missing {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two workloads have pods of one name on one cluster.
    #[error("two pods of cluster `{cluster}` have the name `{name}`")]
    PodName {
        /// The cluster.
        cluster: String,
        /// The name.
        name: String,
    },
}

/// The name that was meant, or all of them.
fn nearest(file: &str) -> String {
    let names = template_files()
        .iter()
        .map(|known| format!("{}.json.hbs", known.name));
    let distance = |name: &String| strsim::damerau_levenshtein(name, file);
    match names.clone().min_by_key(distance) {
        Some(near) if distance(&near) <= near.len() / 3 => format!("did you mean `{near}`?"),
        _ => format!("the names are {}", names.collect::<Vec<_>>().join(", ")),
    }
}

/// A compiled topology.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Compiled {
    /// The ARM template of the whole network.
    pub template: Template,
    /// What stands for what.
    pub manifest: Manifest,
}

impl Compiled {
    /// The API version that the template uses for a type; `None` where it has no resource of the type.
    #[must_use]
    pub fn api_version(&self, resource_type: &str) -> Option<&str> {
        let mut resources = self.template.resources.iter();
        let found =
            resources.find(|resource| resource.resource_type.eq_ignore_ascii_case(resource_type));
        found.map(|resource| resource.api_version.as_str())
    }
}

/// Compiles topologies with one set of handlebars files.
#[derive(Debug)]
pub struct Compiler {
    engine: engine::Engine,
}

impl Compiler {
    /// A compiler with the embedded files.
    ///
    /// # Errors
    /// When a file is not a handlebars template.
    pub fn new() -> Result<Compiler, CompileError> {
        Ok(Compiler {
            engine: engine::Engine::new()?,
        })
    }

    /// A compiler with the embedded files, each replaced by the file of the same name where `directory` has
    /// one; [`template_files`] lists them with their variables.
    ///
    /// # Errors
    /// When the directory has a file of another name, or one that cannot be read or is not a handlebars
    /// template.
    pub fn with_templates(directory: impl AsRef<Path>) -> Result<Compiler, CompileError> {
        Ok(Compiler {
            engine: engine::Engine::with_overrides(directory.as_ref())?,
        })
    }

    /// Compiles one state of the network; `tags` go onto every resource that takes tags.
    ///
    /// # Errors
    /// When a file cannot be rendered, its result is not what it should be, or the topology refers to
    /// something that it does not have.
    pub fn compile(
        &self,
        topology: &Topology,
        tags: &BTreeMap<String, String>,
    ) -> Result<Compiled, CompileError> {
        let parameters = parameters::of(topology)?;
        let mut template = self.document(&parameters)?;
        let resources = resources::render(&self.engine, topology, tags)?;
        template.resources.extend(resources);
        let workloads = self.workloads(topology)?;
        Ok(Compiled {
            template,
            manifest: Manifest {
                clusters: topology
                    .clusters
                    .iter()
                    .map(|(name, cluster)| (name.clone(), lookup::cluster_key(cluster)))
                    .collect(),
                probes: probes::plans(topology, &workloads),
                spans: spans::of(topology)?,
                workloads,
                parameters,
            },
        })
    }

    /// Compiles every state that a step leads through: the ones on the way of a change whose parts are sent one
    /// after the other, and the one that it ends in, which is always there and the last.
    ///
    /// # Errors
    /// As of [`Compiler::compile`].
    pub fn step(
        &self,
        step: &Step,
        tags: &BTreeMap<String, String>,
    ) -> Result<Vec<Compiled>, CompileError> {
        let mut states = match &step.action {
            Action::Change { between, .. } => between.iter().collect(),
            Action::Deploy | Action::Undo | Action::None => Vec::new(),
        };
        if states.last() != Some(&&step.topology) {
            states.push(&step.topology);
        }
        let states = states.into_iter();
        states.map(|state| self.compile(state, tags)).collect()
    }

    /// The document around the resources.
    fn document(
        &self,
        parameters: &BTreeMap<String, ParameterSource>,
    ) -> Result<Template, CompileError> {
        let parameters = parameters.iter().map(|(name, source)| {
            json!({
                "name": name,
                "type": source.parameter_type(),
                "description": source.description(),
            })
        });
        let values = json!({ "parameters": parameters.collect::<Vec<_>>() });
        let text = self.engine.render("deployment", values)?;
        Template::from_json(&text)
            .map_err(|error| engine::wrong_result("deployment", &text, &error))
    }

    fn workloads(
        &self,
        topology: &Topology,
    ) -> Result<BTreeMap<Name, Vec<Workload>>, CompileError> {
        let mut pods = BTreeSet::new();
        let mut workloads = BTreeMap::new();
        for (name, workload) in &topology.workloads {
            let cluster = match &workload.placement {
                Placement::Aci(_) => {
                    let key = lookup::container_group_key(workload);
                    workloads.insert(name.clone(), vec![Workload::ContainerGroup { key }]);
                    continue;
                }
                Placement::Pod(cluster) => lookup::cluster(topology, cluster)?,
            };
            let cluster = lookup::cluster_key(cluster);
            let mut copies = Vec::new();
            for name in workload::pod_names(workload) {
                if !pods.insert((cluster.clone(), name.clone())) {
                    let cluster = cluster.name;
                    return Err(CompileError::PodName { cluster, name });
                }
                copies.push(Workload::Pod(Pod {
                    cluster: cluster.clone(),
                    host_network: workload.host_network,
                    manifest: workload::pod(&self.engine, workload, &name)?,
                    secrets: workload::secrets(workload),
                    name,
                }));
            }
            workloads.insert(name.clone(), copies);
        }
        Ok(workloads)
    }
}
