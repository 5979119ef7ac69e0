//! What a template implies: expanded ARM resources and a question in, a prediction out.
//!
//! One of three witnesses, so it reads only what is submitted: no spec, no topology, no compiler. It
//! models virtual networks and their peerings, network security groups on subnets and interfaces, route
//! tables, NAT gateways, container groups, network interfaces and managed clusters of one resource
//! group. What it does not model (load balancers, gateways, firewalls ...) is named in an error wherever
//! it could change the answer, and every type and property that it does not know in the prediction.
//! AKS puts a group of its own on node interfaces (R50); it is in no template and leaves traffic
//! inside the virtual network to the default rules, so only the groups of subnets are evaluated.
//!
//! Rule numbers (R52) are those of the semantics of Azure networking that the project keeps, with
//! the source of each. Where the sources disagree, the walk is repeated under each reading.

mod allocation;
mod answer;
mod combine;
pub mod concrete;
mod considered;
mod egress;
mod endpoint;
mod error;
mod forward;
mod free;
mod gates;
mod network;
mod nodes;
mod peering;
mod placement;
mod readings;
mod reply;
mod routes;
mod rules;
mod tags;
mod transit;
mod translation;
mod unplaced;
mod walk;

pub use concrete::predict;
pub use error::PredictError;
