//! Hosts that are poorer than this one, made by the child itself between fork and exec: no tool of the
//! host is needed.
#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "each test binary uses a part of it; a skip is told where tests tell"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Runs the command as root of a user namespace of its own.
pub(crate) fn in_user_namespace(command: &mut Command) -> &mut Command {
    let maps = Maps::of_this_user();
    // SAFETY: the closure makes system calls only; what it writes was formatted before the fork.
    unsafe { command.pre_exec(move || maps.enter(libc::CLONE_NEWUSER)) }
}

/// As [`in_user_namespace`], and the command may not make user namespaces of its own.
pub(crate) fn without_user_namespaces(command: &mut Command) -> &mut Command {
    in_user_namespace(command);
    // SAFETY: system calls only.
    unsafe { command.pre_exec(|| write(c"/proc/sys/user/max_user_namespaces", b"0")) }
}

/// As [`without_user_namespaces`], and the command has no capability.
pub(crate) fn without_privileges(command: &mut Command) -> &mut Command {
    without_user_namespaces(command);
    // SAFETY: system calls only.
    unsafe {
        command.pre_exec(|| {
            // A number that is not a capability ends the list: the kernel refuses it.
            for capability in 0..64 {
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
            Ok(())
        })
    }
}

/// Runs the command in a network namespace that has nothing but its own loopback interface.
pub(crate) fn with_loopback_alone(command: &mut Command) -> &mut Command {
    let maps = Maps::of_this_user();
    // SAFETY: system calls only.
    unsafe {
        command.pre_exec(move || {
            maps.enter(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
            let socket = check(libc::socket(
                libc::AF_INET,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                0,
            ))?;
            let mut request: libc::ifreq = std::mem::zeroed();
            request.ifr_name[0] = b'l' as libc::c_char;
            request.ifr_name[1] = b'o' as libc::c_char;
            request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
            check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request))?;
            check(libc::close(socket))?;
            Ok(())
        })
    }
}

struct Maps {
    users: Vec<u8>,
    groups: Vec<u8>,
}

impl Maps {
    fn of_this_user() -> Maps {
        // SAFETY: the calls cannot fail.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        Maps {
            users: format!("0 {user} 1").into_bytes(),
            groups: format!("0 {group} 1").into_bytes(),
        }
    }

    fn enter(&self, flags: libc::c_int) -> io::Result<()> {
        // SAFETY: a plain system call.
        check(unsafe { libc::unshare(flags) })?;
        write(c"/proc/self/setgroups", b"deny")?;
        write(c"/proc/self/uid_map", &self.users)?;
        write(c"/proc/self/gid_map", &self.groups)
    }
}

fn write(path: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: the path ends in a zero byte and the text outlives the calls.
    unsafe {
        let file = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = libc::write(file, text.as_ptr().cast(), text.len());
        let result = if written < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        };
        libc::close(file);
        result
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
