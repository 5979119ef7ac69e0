//! What this host allows: found by trying, explained by looking.
//!
//! Nothing is inferred from the name of a distribution or the look of a container. A failure gets
//! the first cause, in a fixed order, that the host itself confirms, and what would help.

mod cause;

use std::io;

use super::error::{LabError, StartError};
use super::helper::{FABRIC, Helper};
use super::netlink::{Batch, Socket};
use super::nflog::Log;
use super::nft::{Hook, MapData, Transaction, Verdict};
use super::{journal, route};

pub(super) use cause::explain;

use cause::status;

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

const FEATURES: [Feature; 8] = [
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
    Feature {
        name: "source translation",
        attempt: |helper| {
            try_rule(helper, |changes| {
                changes.add_base_chain("nat", Hook::PostroutingNat);
                changes.add_map("source", MapData::Address);
                changes.add_rule("nat", |rule| {
                    rule.incoming().source_by("source");
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
