//! vnetlab runs network experiments for Azure: one YAML spec, one command, a verdict with evidence.
//!
//! # The way of the data
//!
//! ```text
//! spec text --topology::load (spec::parse, resolve)--> Experiment --compile--> arm::Template, Manifest
//! arm::Template --client--> Azure or the local Azure (one ARM API, one client) --> arm::Addresses
//! arm::Template --arm::expand--> resources --predict--> Prediction
//! probe --client: exec in the calling workload--> output --probe--> Observation
//! Expectation, Prediction, Observation --verdict::judge--> Verdict --> events --report--> terminal, JSON
//! ```
//!
//! # The modules
//!
//! - [`net`]: addresses, prefixes, ports, protocols, flows; arithmetic without Azure words.
//! - [`verdict`]: the three witnesses, the verdict that sets them side by side, the record of a run.
//! - [`spec`]: the author's words: YAML with a place for every value, findings as data.
//! - [`topology`]: the resolved network: names bound, short forms expanded, one state for each step.
//! - [`arm`]: Azure's words: ids, resources, templates, the expression language, refusals.
//! - [`compile`]: topology to ARM template, through the handlebars files in `templates/`.
//! - [`predict`]: ARM resources to prediction; it never sees a spec.
//! - [`probe`]: the command that a probe runs in a workload, and how its output is read.
#![cfg_attr(
    feature = "run",
    doc = "- [`client`]: the ARM API and the Kubernetes API from outside."
)]
#![cfg_attr(
    feature = "run",
    doc = "- [`runner`]: an experiment from deploy to teardown; emits events, never prints."
)]
//! - [`report`]: events and records to what a person or a program reads.
#![cfg_attr(
    feature = "local",
    doc = "- [`emulator`]: the ARM API from inside: the local Azure."
)]
#![cfg_attr(
    all(feature = "local", target_os = "linux"),
    doc = "- [`lab`]: the local Azure's network, made of Linux namespaces and nftables."
)]
//!
//! A test holds the dependencies between them to a table.

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
