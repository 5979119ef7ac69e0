//! The cause of a failed start, as far as the host itself confirms it.

use std::fs;

use crate::lab::error::{LabError, StartError};
use crate::lab::netlink::NetlinkError;

pub(super) fn status(field: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.strip_prefix(':')?.trim().to_owned())
}

fn sysctl(path: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/sys/{path}")).ok()?;
    Some(text.trim().to_owned())
}

/// Finds the cause of a failed start.
pub(in crate::lab) fn explain(error: StartError) -> LabError {
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
            "Load the modules: modprobe -a veth nf_tables nfnetlink_log nf_conntrack nft_ct nft_fib_ipv4 nft_log nft_masq nft_nat."
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
