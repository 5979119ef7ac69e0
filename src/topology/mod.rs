//! The resolved network: names bound, short forms expanded, the invariants of the model hold.
//!
//! A [`Topology`] is one state of the network; an [`Experiment`] is the sequence of states and what is
//! expected in each. [`resolve`] makes them from a spec and reports every finding of every state at once;
//! [`load`] reads the spec as well, and reports what is wrong with its text together with those. It resolves
//! what could be read: what could not be stays known by name, so that one mistake gives one finding.
//! A topology that comes out of it is one that Azure accepts, as far as a spec alone can tell; where a
//! check copies a rule of Azure, the rule's number stands beside it. Nothing here knows ARM: `compile`
//! turns a topology into a template.

#![expect(
    clippy::result_large_err,
    reason = "a finding ends a pass: its size costs nothing where it matters"
)]

mod address_plan;
mod azure_name;
mod claim;
mod cluster;
mod cluster_options;
mod deployed;
mod expectation;
mod findings;
mod immutable;
mod model;
mod names;
mod nat;
mod network;
mod order;
mod peering;
mod probe;
mod resolve;
mod route;
mod scheme;
mod security;
mod service_tag;
mod shadow;
mod subnet;
mod workload;

pub use crate::spec::{
    Access, Budget, Cleanup, ClusterNetwork, Dataplane, Egress, Lifecycle, Listen, ListenScheme,
    Name, NetworkPolicy, Piece, Plane, ProbeConnection, Quantifier, Restart, RoutePrefix, Scheme,
    SecretSource, SecretText, Source, Span, Spread,
};
pub use model::{
    Action, AddressSet, Cluster, Delegation, Expectation, Experiment, FlowSet, FlowTerms,
    Invariant, NatGateway, NetworkSecurityGroup, NextHop, Peering, Placement, Probe,
    ProbeExpectation, ProbeTarget, Registry, Route, RouteTable, RuleAddresses, RuleSide,
    SecurityRule, SourceSet, SourceWord, Statement, Step, Subnet, SubnetRef, Topology,
    VirtualNetwork, Workload,
};
pub use resolve::{Resolution, load, load_document, resolve};

#[cfg(test)]
mod tests;
