//! The local Azure as its clients meet it: over a loopback socket, with the model fabric behind it.
#![cfg(feature = "local")]
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod azure;
mod carrying;
mod clusters;
mod container_exec;
mod containers;
mod deployments;
mod egress;
mod founding;
#[cfg(target_os = "linux")]
mod held;
mod kubernetes;
mod peerings;
mod probes;
mod recordings;
mod resolver;
mod resources;
mod security;
