//! What this host allows: found by trying, explained by looking.
//!
//! Nothing is inferred from the name of a distribution or the look of a container. A failure gets
//! the first cause, in a fixed order, that the host itself confirms, and what would help.

use std::fs;
use std::io;

use super::error::{LabError, StartError};
use super::helper::{FABRIC, Helper};
use super::netlink::{Batch, NetlinkError, Socket};
use super::nflog::Log;
use super::nft::{Hook, MapData, Transaction, Verdict};
use super::{journal, route};

/// By what right a lab makes its namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In a user namespace of its own, as any user.
    UserNamespace,
    /// With the capabilities of the process.
    Root,
}

/// What a host allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// How a lab would run; `None` where it cannot.
    pub mode: Option<Mode>,
    /// Each thing that was tried.
    pub checks: Vec<Check>,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What would help, where it does not work.
    pub remedy: Option<String>,
}

impl Support {
    /// Whether a lab can run with everything that it needs.
    #[must_use]
    pub fn complete(&self) -> bool {
        let needed = |check: &Check| check.name != USER_NAMESPACES && check.name != ROOT;
        self.mode.is_some() && self.checks.iter().filter(|c| needed(c)).all(|c| c.ok)
    }
}

const USER_NAMESPACES: &str = "user namespaces";
const ROOT: &str = "root mode";

/// Tries what a lab needs on this host, feature by feature.
#[must_use]
pub fn support() -> Support {
    let mut support = Support {
        mode: None,
        checks: Vec::new(),
    };
    let mut helper = None;
    for (mode, name) in [(Mode::UserNamespace, USER_NAMESPACES), (Mode::Root, ROOT)] {
        let missing = (mode == Mode::Root).then(missing_capabilities).flatten();
        let outcome = match missing {
            Some(missing) => Err(missing),
            None => Helper::start(mode).map_err(|error| explain(error.into())),
        };
        let check = match outcome {
            Ok(started) => {
                support.mode = support.mode.or(Some(mode));
                helper = helper.or(Some(started));
                passed(name)
            }
            Err(error) => failed(name, error),
        };
        support.checks.push(check);
    }
    for feature in FEATURES {
        let check = match &helper {
            None => Check {
                name: feature.name.to_owned(),
                ok: false,
                detail: "not tried: no namespace can be made".to_owned(),
                remedy: None,
            },
            Some(helper) => match (feature.attempt)(helper) {
                Ok(()) => passed(feature.name),
                Err(error) => failed(feature.name, explain(error)),
            },
        };
        support.checks.push(check);
    }
    support
}

fn passed(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        ok: true,
        detail: "works".to_owned(),
        remedy: None,
    }
}

fn failed(name: &str, error: LabError) -> Check {
    Check {
        name: name.to_owned(),
        ok: false,
        detail: format!("{}: {}; {}", error.stage, error.source, error.cause),
        remedy: Some(error.remedy),
    }
}

struct Feature {
    name: &'static str,
    attempt: fn(&Helper) -> Result<(), StartError>,
}

const FEATURES: [Feature; 7] = [
    Feature {
        name: "veth",
        attempt: try_veth,
    },
    Feature {
        name: "nf_tables",
        attempt: |helper| try_rule(helper, |_| {}),
    },
    Feature {
        name: "nflog",
        attempt: try_log,
    },
    Feature {
        name: "conntrack",
        attempt: |helper| {
            try_rule(helper, |changes| {
                changes.add_rule("chain", |rule| {
                    rule.reply().verdict(Verdict::Accept);
                });
            })
        },
    },
    Feature {
        name: "conntrack zones",
        attempt: |helper| {
            try_rule(helper, |changes| {
                changes.add_map("zone", MapData::Zone);
                changes.add_rule("chain", |rule| {
                    rule.incoming().zone_by("zone");
                });
            })
        },
    },
    Feature {
        name: "fib lookup",
        attempt: |helper| {
            try_rule(helper, |changes| {
                changes.add_rule("chain", |rule| {
                    rule.unroutable().verdict(Verdict::Drop);
                });
            })
        },
    },
    Feature {
        name: "masquerade",
        attempt: |helper| {
            try_rule(helper, |changes| {
                changes.add_base_chain("nat", Hook::PostroutingNat);
                changes.add_rule("nat", |rule| {
                    rule.masquerade();
                });
            })
        },
    },
];

fn netfilter(helper: &Helper) -> Result<std::os::fd::OwnedFd, StartError> {
    let kind = libc::SOCK_RAW;
    Ok(helper.socket(FABRIC, libc::AF_NETLINK, kind, libc::NETLINK_NETFILTER)?)
}

/// Commits a table of its own with some rules in it, and takes it away again.
fn try_rule(helper: &Helper, rules: impl FnOnce(&mut Transaction)) -> Result<(), StartError> {
    let socket = Socket::new(netfilter(helper)?);
    let mut changes = Transaction::default();
    changes.add_table();
    changes.add_base_chain("chain", Hook::Prerouting(-300));
    rules(&mut changes);
    changes.commit(&socket)?;
    let mut changes = Transaction::default();
    changes.delete_table();
    Ok(changes.commit(&socket)?)
}

fn try_log(helper: &Helper) -> Result<(), StartError> {
    Log::bind(netfilter(helper)?, journal::GROUP)?;
    try_rule(helper, |changes| {
        changes.add_rule("chain", |rule| {
            rule.log(journal::GROUP, "text");
        });
    })
}

fn try_veth(helper: &Helper) -> Result<(), StartError> {
    let kind = libc::SOCK_RAW;
    let socket = helper.socket(FABRIC, libc::AF_NETLINK, kind, libc::NETLINK_ROUTE)?;
    let socket = Socket::new(socket);
    helper.new_namespaces(&[1], |_, namespace| {
        let mut batch = Batch::default();
        let address = std::net::Ipv4Addr::new(10, 0, 0, 4);
        let far = route::Far {
            namespace: &namespace.namespace,
            interface: route::NIC,
            address,
        };
        route::add_port(&mut batch, "probe", 10_000, &far);
        Ok::<_, StartError>(socket.transact(batch)?)
    })
}

/// Whether the process may make namespaces without a user namespace; if not, why.
pub(super) fn missing_capabilities() -> Option<LabError> {
    const NEEDED: [(u32, &str); 2] = [(21, "CAP_SYS_ADMIN"), (12, "CAP_NET_ADMIN")];
    let held = status("CapEff")
        .and_then(|text| u64::from_str_radix(&text, 16).ok())
        .unwrap_or(0);
    let missing = NEEDED
        .iter()
        .filter(|(bit, _)| held & (1 << bit) == 0)
        .map(|(_, name)| *name)
        .collect::<Vec<_>>();
    (!missing.is_empty()).then(|| LabError {
        stage: "use of the process's own capabilities".to_owned(),
        source: io::Error::from_raw_os_error(libc::EPERM),
        cause: format!("the process lacks {}", missing.join(" and ")),
        remedy: "run as root".to_owned(),
    })
}

fn status(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.strip_prefix(':')?.trim().to_owned())
}

fn sysctl(path: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
    Some(text.trim().to_owned())
}

/// Finds the cause of a failed start.
pub(super) fn explain(error: StartError) -> LabError {
    let feature = match &error {
        StartError::Netlink(NetlinkError { operation, .. }) => Some(*operation),
        _ => None,
    };
    let (stage, source) = error.parts();
    let errno = source.raw_os_error().unwrap_or(0);
    let denied = errno == libc::EPERM || errno == libc::EACCES;
    let is = |path: &str, value: &str| sysctl(path).as_deref() == Some(value);
    let (cause, remedy) = if is("user/max_user_namespaces", "0") && errno == libc::ENOSPC {
        (
            "unprivileged user namespaces are disabled on this host (user.max_user_namespaces=0)"
                .to_owned(),
            "ask an administrator: sysctl user.max_user_namespaces=15000, or run as root"
                .to_owned(),
        )
    } else if errno == libc::ENOSPC {
        (
            "the limit on namespaces is reached (user.max_*_namespaces)".to_owned(),
            "ask an administrator to raise it, or end other users of namespaces".to_owned(),
        )
    } else if denied && is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        let program = std::env::current_exe().unwrap_or_else(|_| "/path/to/program".into());
        (
            "AppArmor restricts user namespaces".to_owned(),
            format!(
                "install a profile for this program (`profile vnetlab {} flags=(unconfined) {{ userns, }}`), or sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
                program.display()
            ),
        )
    } else if denied && is("kernel/unprivileged_userns_clone", "0") {
        (
            "unprivileged user namespaces are disabled on this host (kernel.unprivileged_userns_clone=0)"
                .to_owned(),
            "ask an administrator: sysctl kernel.unprivileged_userns_clone=1, or run as root"
                .to_owned(),
        )
    } else if denied && status("Seccomp").as_deref() == Some("2") {
        (
            "a seccomp filter (of a container runtime) denies namespaces".to_owned(),
            "use --security-opt seccomp=unconfined, or --cap-add SYS_ADMIN --cap-add NET_ADMIN"
                .to_owned(),
        )
    } else if fs::metadata("/proc/self/ns/user").is_err() {
        (
            "the kernel has no user namespaces, or /proc is not mounted".to_owned(),
            "Mount /proc, or use a kernel with CONFIG_USER_NS.".to_owned(),
        )
    } else if errno == libc::EMFILE || errno == libc::ENFILE {
        (
            "the limit on open files is too low; a lab needs one or two for each endpoint"
                .to_owned(),
            "Raise it: ulimit -n 8192.".to_owned(),
        )
    } else if let Some(operation) = feature
        && matches!(
            errno,
            libc::EOPNOTSUPP | libc::ENOENT | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT
        )
    {
        (
            format!("the kernel does not support it: {operation}"),
            "Load the modules: modprobe -a veth nf_tables nfnetlink_log nf_conntrack nft_ct nft_fib_ipv4 nft_log nft_masq."
                .to_owned(),
        )
    } else if denied {
        (
            "the system denies it, for a reason that it does not show (a chroot, a security module)"
                .to_owned(),
            "Run outside of a chroot, or as root.".to_owned(),
        )
    } else {
        (
            "no known cause was found".to_owned(),
            "Run `vnetlab doctor`, and report what it says.".to_owned(),
        )
    };
    LabError {
        stage,
        source,
        cause,
        remedy,
    }
}

/// Raises the soft limit on open files to the hard one: a lab holds one or two for each endpoint.
pub(super) fn raise_file_limit() {
    // SAFETY: the structure is plain data; a refusal leaves the limit as it is.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && limit.rlim_cur < limit.rlim_max
        {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
