//! vnetlab runs network experiments for Azure: one YAML spec, one command, a verdict with evidence.

pub mod arm;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "run")]
pub mod client;
pub mod compile;
#[cfg(feature = "local")]
pub mod emulator;
#[cfg(all(feature = "local", target_os = "linux"))]
pub mod lab;
pub mod net;
pub mod predict;
pub mod probe;
pub mod report;
#[cfg(feature = "run")]
pub mod runner;
pub mod spec;
pub mod topology;
pub mod verdict;
