//! The lab carries real packets: who reaches whom, under which address, and which rule decided.
//!
//! Where the host cannot run a lab each test says why and returns; with `VNETLAB_REQUIRE_LAB=1` it
//! fails instead.
#![cfg(all(feature = "local", target_os = "linux"))]
#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod clusters;
mod gates;
mod internet;
mod modes;
mod networks;
mod peering;
mod process;
mod routes;
mod rules;
mod scene;
mod world;
