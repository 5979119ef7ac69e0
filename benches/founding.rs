//! The founding experiment on the lab: wall time of the whole process, less the time that probes spend
//! waiting for an answer that does not come. Prints each run and holds the median to its bound.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The probes' own waiting plus at most this.
const BOUND: Duration = Duration::from_millis(500);
const RUNS: usize = 7;

fn main() -> ExitCode {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("report.json");
    let spec = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("specs/kubenet-outbound.yaml");
    let mut own = Vec::new();
    // The first run warms the file cache and is not counted.
    for run in 0..=RUNS {
        let started = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_vnetlab"))
            .arg("run")
            .arg(&spec)
            .args(["--fabric", "lab"])
            .arg(format!("--report=json={}", path.display()))
            .output()
            .expect("the binary runs");
        let wall = started.elapsed();
        if output.status.code() == Some(3) {
            println!(
                "skipped: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
            return ExitCode::SUCCESS;
        }
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let report: Value =
            serde_json::from_slice(&std::fs::read(&path).expect("the report is written"))
                .expect("it is JSON");
        let waited = Duration::from_millis(
            report["probes_waited_ms"]
                .as_u64()
                .expect("the report has it"),
        );
        if run > 0 {
            println!(
                "run {run}: {wall:?} in all, {waited:?} of it waiting, {:?} of our own",
                wall.saturating_sub(waited)
            );
            own.push(wall.saturating_sub(waited));
        }
    }
    own.sort();
    let median = own[RUNS / 2];
    println!("founding experiment, less the probes' waiting: median {median:?} (bound {BOUND:?})");
    if median > BOUND {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
