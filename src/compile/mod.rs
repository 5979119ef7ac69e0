//! Topology to ARM template, through handlebars.
mod manifest;
pub use manifest::{Manifest, ProbePlan, Workload};
