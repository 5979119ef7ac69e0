//! What the lab needs of its host, and what it leaves behind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vnetlab::emulator::fabric::Fabric;
use vnetlab::lab::{Lab, support};

use crate::scene::*;

#[test]
fn the_support_of_a_host_agrees_with_whether_a_lab_starts() {
    let support = support();
    match Lab::start() {
        Ok(lab) => {
            assert_eq!(support.mode, Some(lab.mode()));
            assert!(support.complete(), "{support:?}");
        }
        Err(error) => {
            assert!(!support.complete(), "{support:?}");
            assert!(
                !error.remedy.is_empty() && !error.cause.is_empty(),
                "{error}"
            );
            let told = support.checks.iter().any(|check| check.remedy.is_some());
            assert!(told, "{support:?}");
        }
    }
}

/// Set for the process that the next test kills.
const VICTIM: &str = "VNETLAB_TEST_VICTIM";

/// Runs a lab, says so, and waits to be killed.
#[tokio::test]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let lab = Lab::start().unwrap();
    lab.apply(&Scene::kubenet("rg").state).await.unwrap();
    eprintln!("\nup");
    std::future::pending::<()>().await;
}

#[test]
fn a_killed_process_leaves_no_helper_behind() {
    if lab().is_none() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "process::victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut victim = command.spawn().unwrap();
    let lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "up"));
    let helpers = children(victim.id());
    assert_eq!(helpers.len(), 1, "{helpers:?}");

    victim.kill().unwrap();
    victim.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while alive(helpers[0]) {
        assert!(Instant::now() < deadline, "helper {} is alive", helpers[0]);
        std::thread::yield_now();
    }
}

/// The state and the parent of a process.
fn process(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

fn alive(pid: u32) -> bool {
    process(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children(parent: u32) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| process(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}
