//! Topology to ARM template, through the handlebars files in `templates/`.
//!
//! The output is deterministic: maps by name, lists in the author's order, names derived from the spec
//! or by `guid()` in the template itself. The rendered text is read back as an [`arm::Template`], so a
//! broken file is found here and not by Azure. What stands for what is told by the [`Manifest`].

mod containers;
mod delta;
mod engine;
mod manifest;
mod probe_plan;
mod resources;

use std::collections::BTreeMap;

use crate::arm::{self, ResourceKey, Template};
use crate::topology::{Placement, Topology};

pub use delta::Delta;
pub use manifest::{Manifest, ProbePlan, Repeat, Workload};

/// Why a topology cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A handlebars file cannot be read or rendered.
    #[error("template `{template}`: {message}")]
    Template {
        /// The file.
        template: String,
        /// What is wrong with it.
        message: String,
    },
    /// The rendered text is not an ARM template.
    #[error("the compiled document is not an ARM template")]
    Document(#[from] arm::TemplateError),
}

/// A compiled topology.
#[derive(Debug, Clone, PartialEq)]
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

    /// Compiles one state of the network; `tags` go onto every resource.
    ///
    /// # Errors
    /// When a file cannot be rendered, or its result is not an ARM template.
    pub fn compile(
        &self,
        topology: &Topology,
        tags: &BTreeMap<String, String>,
    ) -> Result<Compiled, CompileError> {
        let resources = resources::render(&self.engine, topology, tags)?;
        let document = self
            .engine
            .render("deployment", &BTreeMap::from([("resources", resources)]))?;
        let template = Template::from_json(&document)?;
        Ok(Compiled {
            template,
            manifest: self.manifest(topology)?,
        })
    }

    fn manifest(&self, topology: &Topology) -> Result<Manifest, CompileError> {
        let clusters = topology
            .clusters
            .iter()
            .map(|(name, cluster)| (name.clone(), resources::cluster_key(cluster)))
            .collect::<BTreeMap<_, _>>();
        let mut workloads = BTreeMap::new();
        for (name, workload) in &topology.workloads {
            let stands_for = match &workload.placement {
                Placement::Aci(_) => Workload::ContainerGroup {
                    key: resources::container_group_key(workload),
                },
                Placement::Pod(cluster) => Workload::Pod {
                    cluster: clusters[cluster].clone(),
                    name: workload.azure_name.clone(),
                    manifest: containers::pod(&self.engine, workload)?,
                },
            };
            workloads.insert(name.clone(), stands_for);
        }
        let probes = topology
            .probes
            .iter()
            .map(|(name, probe)| {
                (
                    name.clone(),
                    probe_plan::plan(topology, &workloads, name, probe),
                )
            })
            .collect();
        Ok(Manifest {
            workloads,
            clusters,
            probes,
            spans: resources::spans(topology),
        })
    }
}

/// The key of a security rule, for the spans of a [`Manifest`].
fn rule_key(nsg: &str, rule: &str) -> ResourceKey {
    ResourceKey::new(arm::views::SECURITY_RULE, format!("{nsg}/{rule}"))
}
