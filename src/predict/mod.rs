//! What a template implies: expanded ARM resources and a question in, a prediction out.
//!
//! One of three witnesses, so it reads only what is submitted: no spec, no topology, no compiler. It
//! models virtual networks, network security groups on subnets, route tables, container groups and
//! managed clusters of one resource group. What it does not model (peerings, network interfaces of
//! virtual machines, load balancers ...) is named in an error wherever it could change the answer.
//! AKS puts a group of its own on node interfaces (R50); it is in no template and leaves traffic
//! inside the virtual network to the default rules, so only the groups of subnets are evaluated.
//!
//! Rule numbers (R52) are those of the semantics of Azure networking that the project keeps, with
//! the source of each. Where the sources disagree, the walk is repeated under each reading.

mod allocation;
mod combine;
pub mod concrete;
mod endpoint;
mod error;
mod free;
mod network;
mod readings;
mod routes;
mod rules;
mod tags;
mod translation;

pub use concrete::predict;
pub use error::PredictError;
