//! Nothing outlives a run: not after `kill -9`, not after an interrupt.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is promised: two seconds after the end, nothing is left.
const LEFT_AFTER: Duration = Duration::from_secs(2);

fn start() -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("vnetlab"))
        .args(["run", "specs/kubenet-outbound.yaml"])
        .env_clear()
        .current_dir(support::checkout())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// The processes whose parent is `pid`.
fn children(pid: u32) -> BTreeSet<u32> {
    let all = fs::read_dir("/proc")
        .expect("procfs is mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|child: &u32| {
        fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| {
            let fields = stat
                .rsplit_once(')')
                .map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>())
                .unwrap_or_default();
            fields.get(1) == Some(&pid.to_string().as_str())
        })
    })
    .collect()
}

/// The network namespaces that any visible process is in.
fn namespaces() -> BTreeSet<String> {
    let all = fs::read_dir("/proc")
        .expect("procfs is mounted")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    all.filter_map(|pid| {
        Some(
            fs::read_link(format!("/proc/{pid}/ns/net"))
                .ok()?
                .to_string_lossy()
                .into_owned(),
        )
    })
    .collect()
}

/// The sockets of a process that listen, by inode.
fn listening(pid: u32) -> BTreeSet<String> {
    let own = fs::read_dir(format!("/proc/{pid}/fd")).map(|fds| {
        fds.filter_map(|fd| {
            let target = fs::read_link(fd.ok()?.path())
                .ok()?
                .to_string_lossy()
                .into_owned();
            Some(
                target
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect::<BTreeSet<_>>()
    });
    let own = own.unwrap_or_default();
    all_listening().intersection(&own).cloned().collect()
}

fn all_listening() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/net/tcp").expect("procfs is mounted");
    // The fourth column is the state, 0A listens; the tenth is the socket's inode.
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(3) == Some(&"0A"))
        .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

fn until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[test]
fn a_killed_run_leaves_nothing_behind() {
    // Points spread over the whole run, the second that a probe waits included.
    for after in [0, 5, 15, 30, 60, 90, 150, 250, 400, 700, 1100, 1500].map(Duration::from_millis) {
        let mut run = start();
        let began = Instant::now();
        let mut helpers = BTreeSet::new();
        let mut sockets = BTreeSet::new();
        let mut spaces = BTreeSet::new();
        let ours = namespaces();
        while began.elapsed() < after {
            helpers.extend(children(run.id()));
            sockets.extend(listening(run.id()));
            spaces.extend(helpers.iter().filter_map(|pid| {
                Some(
                    fs::read_link(format!("/proc/{pid}/ns/net"))
                        .ok()?
                        .to_string_lossy()
                        .into_owned(),
                )
            }));
        }
        spaces.retain(|space| !ours.contains(space));
        run.kill().expect("the run can be killed");
        run.wait().expect("the run can be reaped");
        let gone = || {
            helpers
                .iter()
                .all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true))
                && namespaces().is_disjoint(&spaces)
                && all_listening().is_disjoint(&sockets)
        };
        assert!(
            until(LEFT_AFTER, gone),
            "killed after {after:?}: {helpers:?}, {spaces:?} or {sockets:?} is left"
        );
    }
}

#[test]
fn an_interrupt_tears_down_says_so_and_gives_130() {
    let mut run = start();
    let pid = run.id();
    // The run answers to an interrupt once its server listens; before that the default action ends it.
    assert!(
        until(Duration::from_secs(30), || !listening(pid).is_empty()),
        "the local Azure starts"
    );
    let helpers = children(pid);
    let pid_number = libc::pid_t::try_from(pid).expect("a process id");
    // SAFETY: the process is our own child and not yet reaped.
    assert_eq!(unsafe { libc::kill(pid_number, libc::SIGINT) }, 0);
    let status = run.wait().expect("the run ends");
    let mut said = String::new();
    run.stderr
        .take()
        .expect("standard error is piped")
        .read_to_string(&mut said)
        .expect("it can be read");
    assert_eq!(
        (status.code(), status.signal()),
        (Some(130), None),
        "{said}"
    );
    assert!(said.contains("interrupted"), "{said}");
    assert!(until(LEFT_AFTER, || helpers
        .iter()
        .all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true))));
}
