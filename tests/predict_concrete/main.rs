//! What the analysis predicts for one flow, a test for each rule of Azure's semantics that it cites.
#![allow(clippy::unwrap_used)]

mod answers;
mod appliances;
mod clusters;
mod clusters_outside;
mod egress;
mod existing_flows;
mod founding;
mod interfaces;
mod network;
mod not_considered;
mod peering;
mod robustness;
mod routing;
mod security_rules;
mod semantics;
