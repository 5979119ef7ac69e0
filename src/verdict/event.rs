//! The record of a run: events while it goes on, and the report that they add up to.
//!
//! The runner emits [`Event`]s and never prints; every report is made from them. The serialised form
//! of [`Report`] is the JSON report, whose schema stands in `docs/report.schema.json`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Evidence, Prediction, Verdict};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// The experiment's name.
        name: String,
        /// The spec file.
        file: PathBuf,
        /// Where it is deployed.
        target: TargetName,
        /// What the network is made of.
        fabric: FabricName,
        /// Things the reader must know: why the fabric is a model, that kubenet is legacy ...
        notes: Vec<String>,
    },
    /// A step begins.
    StepStarted {
        /// Its place in the file, from 0.
        index: usize,
        /// How many steps there are.
        of: usize,
        /// Its name.
        name: String,
        /// Its kind.
        kind: StepKind,
    },
    /// Something within a step goes on: a deployment's resource, a pod, a poll.
    Progress {
        /// One line for a person.
        message: String,
    },
    /// A probe was judged.
    ProbeFinished {
        /// The step's place.
        step: usize,
        /// The record.
        record: Box<ProbeRecord>,
    },
    /// A step ended.
    StepFinished {
        /// Its place.
        index: usize,
        /// The record, probes included.
        record: Box<StepRecord>,
    },
    /// What was deployed is removed, or why it was kept.
    Cleanup {
        /// One line for a person.
        message: String,
        /// Whether something is left behind.
        residue: bool,
    },
    /// A combination of the matrix begins.
    CombinationStarted {
        /// Its place, from 0.
        index: usize,
        /// How many combinations there are.
        of: usize,
        /// Its rows, in a line: `cni=overlay`.
        name: String,
    },
    /// Something happened with one combination of the matrix.
    Within {
        /// Its rows, in a line.
        combination: String,
        /// What happened.
        event: Box<Event>,
    },
    /// A combination of the matrix was run, or could not be.
    CombinationFinished {
        /// Its place.
        index: usize,
        /// The record, steps included.
        record: Box<CombinationRecord>,
    },
    /// The run ended.
    RunFinished {
        /// The whole report.
        report: Box<Report>,
    },
}

/// Where an experiment is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetName {
    /// The embedded local Azure.
    Local,
    /// Azure.
    Azure,
}

/// What the network of a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FabricName {
    /// Linux namespaces and real packets.
    Lab,
    /// A model: no packets were sent.
    Model,
    /// Azure's own network.
    Azure,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// The first deployment.
    Deploy,
    /// A change of the topology.
    Change,
    /// A change taken back.
    Undo,
    /// Probes alone.
    Probe,
}

impl StepKind {
    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StepKind::Deploy => "deploy",
            StepKind::Change => "change",
            StepKind::Undo => "undo",
            StepKind::Probe => "probe",
        }
    }
}

/// A whole run, as the JSON report has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The format's version, 1.
    pub vnetlab: u32,
    /// The experiment.
    pub spec: SpecRecord,
    /// Where it was deployed.
    pub target: TargetName,
    /// What the network was made of.
    pub fabric: FabricName,
    /// Things the reader must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The verdict over all steps.
    pub verdict: Verdict,
    /// The exit code of the run.
    pub exit_code: i32,
    /// Wall time of the run in milliseconds.
    pub duration_ms: u64,
    /// The part of it that probes spent waiting for answers, in milliseconds.
    pub probes_waited_ms: u64,
    /// The steps in file order; empty where there are combinations, which have their own.
    pub steps: Vec<StepRecord>,
    /// The combinations of the matrix in its order; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub combinations: Vec<CombinationRecord>,
}

impl Report {
    /// The steps of the run, those of every combination one after the other.
    pub fn all_steps(&self) -> impl Iterator<Item = &StepRecord> {
        let combinations = self.combinations.iter();
        let within = combinations.flat_map(|combination| &combination.steps);
        self.steps.iter().chain(within)
    }
}

/// One combination of the matrix: an experiment of its own, in a resource group of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CombinationRecord {
    /// The row of each axis.
    pub rows: BTreeMap<String, String>,
    /// The verdict over its steps.
    pub verdict: Verdict,
    /// The exit code that it would have alone.
    pub exit_code: i32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// The part of it that probes spent waiting for answers, in milliseconds.
    pub probes_waited_ms: u64,
    /// The steps in file order.
    pub steps: Vec<StepRecord>,
    /// Why nothing of it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CombinationRecord {
    /// Its rows, in a line: `cni=overlay, size=small`.
    #[must_use]
    pub fn name(&self) -> String {
        let rows = self.rows.iter();
        let rows: Vec<String> = rows.map(|(axis, row)| format!("{axis}={row}")).collect();
        rows.join(", ")
    }
}

/// Which experiment it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecRecord {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step's name.
    pub name: String,
    /// Its kind.
    pub kind: StepKind,
    /// Its verdict.
    pub verdict: Verdict,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// What was deployed, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentRecord>,
    /// The probes of the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeRecord>,
    /// Why the step failed or could not be judged, where no probe says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRecord {
    /// The deployment's name.
    pub name: String,
    /// The ids of the resources that it wrote.
    pub resources: Vec<String>,
    /// The ids of the resources that were deleted.
    pub deleted: Vec<String>,
}

/// One probe, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// The probe's name.
    pub name: String,
    /// The calling workload.
    pub from: String,
    /// The called workload or address.
    pub to: String,
    /// What was expected.
    pub expected: ExpectedRecord,
    /// What the compiled template implies; absent where the analysis could not answer.
    pub predicted: Option<Prediction>,
    /// What was seen.
    pub observed: ObservedRecord,
    /// Each fact that differs, in words.
    pub differs: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
}

/// An expectation as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExpectedRecord {
    /// The outcome words, joined with ` or `; absent where the outcome is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What the body must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The author's word for the source, and the address behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The author's words for the set of sources.
    #[serde(default, rename = "source-in", skip_serializing_if = "Option::is_none")]
    pub source_in: Option<String>,
    /// What must have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// An observation as a report shows it; `null` means not observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRecord {
    /// The outcome word, `inconclusive`, or `skipped` where the probe is not judged here.
    pub outcome: String,
    /// Why it is inconclusive or skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The body of the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The address that the server saw.
    pub source: Option<Ipv4Addr>,
    /// The URLs as sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Whether no packets were sent.
    pub simulated: bool,
    /// How long the probe took, in milliseconds.
    pub duration_ms: u64,
    /// The network's own record.
    pub evidence: Option<Evidence>,
}

/// An error with all its sources in one line, as records and messages keep it.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
