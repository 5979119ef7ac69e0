//! The helper: a child process that owns the namespaces and hands out sockets made inside them.
//!
//! The host program keeps its threads and stays in its own namespaces. A raw `clone` makes the child
//! (`unshare` of a user namespace is refused to a process with threads), and a socket belongs for
//! life to the namespace it was made in, so everything but making namespaces and sockets happens
//! here, in the parent. Invariant: when the parent's end of the control socket closes, for whatever
//! reason, the child and every namespace are gone. What runs in the child stands in `child`.

mod child;

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::support::Mode;
use child::{Birth, Maps, Packet};

/// How many namespaces a lab can hold.
pub(super) const MAX_SLOTS: usize = 4096;

/// The slot of the fabric namespace, which exists from the start.
pub(super) const FABRIC: u32 = 0;

/// How many namespaces are asked for ahead of the one that is worked on: enough that on a busy host
/// neither side waits for the other's turn on the processor.
const WINDOW: usize = 64;

#[derive(Clone, Copy)]
#[repr(u32)]
enum Operation {
    NewNamespace = 1,
    Free,
    Socket,
    Sysctl,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Request {
    operation: u32,
    slot: u32,
    domain: i32,
    kind: i32,
    protocol: i32,
    path_len: u32,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Reply {
    error: i32,
    stage: u32,
}

/// What the helper was doing when a system call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Stage {
    /// Being made.
    Clone = 1,
    /// Closing inherited descriptors.
    CloseRange,
    /// Mapping its user id.
    UidMap,
    /// Mapping its group id.
    GidMap,
    /// Opening a namespace.
    OpenNamespace,
    /// Reporting that it is up.
    Start,
    /// Reading a request.
    Request,
    /// Making a namespace.
    Unshare,
    /// Entering a namespace.
    Enter,
    /// Making a socket.
    Socket,
    /// Writing below /proc/sys.
    Sysctl,
    /// Talking over the control socket.
    Control,
}

impl Stage {
    fn from_number(number: u32) -> Stage {
        [
            Stage::Clone,
            Stage::CloseRange,
            Stage::UidMap,
            Stage::GidMap,
            Stage::OpenNamespace,
            Stage::Start,
            Stage::Request,
            Stage::Unshare,
            Stage::Enter,
            Stage::Socket,
            Stage::Sysctl,
        ]
        .into_iter()
        .find(|stage| *stage as u32 == number)
        .unwrap_or(Stage::Control)
    }

    /// The stage in words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Stage::Clone => "clone of the helper",
            Stage::CloseRange => "close_range in the helper",
            Stage::UidMap => "write of uid_map",
            Stage::GidMap => "write of gid_map",
            Stage::OpenNamespace => "open of /proc/self/ns/net",
            Stage::Start => "start of the helper",
            Stage::Request => "request to the helper",
            Stage::Unshare => "unshare of a network namespace",
            Stage::Enter => "setns to a network namespace",
            Stage::Socket => "socket in a network namespace",
            Stage::Sysctl => "write below /proc/sys",
            Stage::Control => "control socket of the helper",
        }
    }
}

/// A system call of the helper that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", stage.word())]
pub(super) struct HelperError {
    /// What it was doing.
    pub(super) stage: Stage,
    /// The errno.
    pub(super) source: io::Error,
}

fn failed(stage: Stage) -> HelperError {
    HelperError {
        stage,
        source: io::Error::last_os_error(),
    }
}

/// A new namespace and a route netlink socket in it.
pub(super) struct NewNamespace {
    /// The namespace.
    pub(super) namespace: OwnedFd,
    /// The socket.
    pub(super) route: OwnedFd,
}

/// The parent's end of the helper.
#[derive(Debug)]
pub(super) struct Helper {
    control: Mutex<OwnedFd>,
    process: OwnedFd,
}

impl Helper {
    /// Starts a helper, in a user namespace of its own or with the caller's capabilities.
    pub(super) fn start(mode: Mode) -> Result<Helper, HelperError> {
        let (ours, theirs) = socket_pair()?;
        let birth = Birth {
            control: theirs.as_raw_fd(),
            maps: (mode == Mode::UserNamespace).then(maps),
        };
        let process = clone_child(mode, &birth)?;
        drop(theirs);
        let helper = Helper {
            control: Mutex::new(ours),
            process,
        };
        // Once the helper is up its end of the socket closes only with it, so this ends either way.
        receive(&helper.lock())?;
        Ok(helper)
    }

    fn lock(&self) -> MutexGuard<'_, OwnedFd> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the namespaces of `slots` and hands each to `build`, while the helper makes the next.
    /// After an error the rest are still made, and must be freed like the others.
    pub(super) fn new_namespaces<E: From<HelperError>>(
        &self,
        slots: &[u32],
        mut build: impl FnMut(usize, NewNamespace) -> Result<(), E>,
    ) -> Result<(), E> {
        let control = self.lock();
        let mut requests = slots.iter().map(|&slot| Request {
            operation: Operation::NewNamespace as u32,
            slot,
            ..Request::default()
        });
        for request in requests.by_ref().take(WINDOW) {
            send(&control, request, &[])?;
        }
        let mut outcome = Ok(());
        for index in 0..slots.len() {
            let made = receive(&control);
            if let Some(request) = requests.next() {
                send(&control, request, &[])?;
            }
            let built = made.map_err(E::from).and_then(|descriptors| {
                if outcome.is_err() {
                    return Ok(());
                }
                match descriptors {
                    [Some(namespace), Some(route)] => {
                        build(index, NewNamespace { namespace, route })
                    }
                    _ => Err(missing_descriptor().into()),
                }
            });
            outcome = outcome.and(built);
        }
        outcome
    }

    /// Makes a socket, close-on-exec, in the namespace of `slot`.
    pub(super) fn socket(
        &self,
        slot: u32,
        domain: i32,
        kind: i32,
        protocol: i32,
    ) -> Result<OwnedFd, HelperError> {
        let request = Request {
            operation: Operation::Socket as u32,
            slot,
            domain,
            kind: kind | libc::SOCK_CLOEXEC,
            protocol,
            path_len: 0,
        };
        let [socket, _] = self.call(request)?;
        socket.ok_or_else(missing_descriptor)
    }

    /// Writes values below /proc/sys, as seen from the namespace of `slot`; an outcome for each.
    pub(super) fn sysctls(
        &self,
        slot: u32,
        values: &[(&str, &str)],
    ) -> Result<Vec<Result<(), HelperError>>, HelperError> {
        let control = self.lock();
        for (path, value) in values {
            let text = [path.as_bytes(), &[0], value.as_bytes()].concat();
            let request = Request {
                operation: Operation::Sysctl as u32,
                slot,
                path_len: path.len() as u32,
                ..Request::default()
            };
            send(&control, request, &text)?;
        }
        Ok(values.iter().map(|_| receive(&control).map(drop)).collect())
    }

    /// Lets go of the namespace of `slot`, which ends when nothing else uses it.
    pub(super) fn free(&self, slot: u32) -> Result<(), HelperError> {
        let request = Request {
            operation: Operation::Free as u32,
            slot,
            ..Request::default()
        };
        self.call(request).map(drop)
    }

    fn call(&self, request: Request) -> Result<[Option<OwnedFd>; 2], HelperError> {
        let control = self.lock();
        send(&control, request, &[])?;
        receive(&control)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let control = self
            .control
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: both descriptors are owned; `status` is plain data that the kernel fills. The
        // shutdown ends the helper even where a forked copy of this process holds the socket.
        unsafe {
            libc::shutdown(control.as_raw_fd(), libc::SHUT_RDWR);
            let mut status: libc::siginfo_t = mem::zeroed();
            while libc::waitid(
                libc::P_PIDFD,
                self.process.as_raw_fd() as libc::id_t,
                &mut status,
                libc::WEXITED | libc::__WALL,
            ) < 0
                && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
        }
    }
}

fn missing_descriptor() -> HelperError {
    HelperError {
        stage: Stage::Control,
        // What a receiver sees whose own descriptor limit cut the message short.
        source: io::Error::from_raw_os_error(libc::EMFILE),
    }
}

fn socket_pair() -> Result<(OwnedFd, OwnedFd), HelperError> {
    let mut pair: [RawFd; 2] = [-1; 2];
    // SAFETY: `pair` has room for the two descriptors, which are owned by nobody else.
    unsafe {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        if libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) < 0 {
            return Err(failed(Stage::Control));
        }
        Ok((OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1])))
    }
}

/// Maps the effective ids to 0, the one mapping that an unprivileged process may write itself.
fn maps() -> Maps {
    fn line(id: u32) -> ([u8; 32], usize) {
        let text = format!("0 {id} 1");
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        (bytes, text.len())
    }
    // SAFETY: these calls cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    let (uid, uid_len) = line(uid);
    let (gid, gid_len) = line(gid);
    Maps {
        uid,
        uid_len,
        gid,
        gid_len,
    }
}

fn clone_child(mode: Mode, birth: &Birth) -> Result<OwnedFd, HelperError> {
    let mut flags = libc::CLONE_NEWNET
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        // With exit signal 0 (no SIGCHLD) and a pidfd the host program's own waiting is undisturbed.
        | libc::CLONE_PIDFD;
    if mode == Mode::UserNamespace {
        flags |= libc::CLONE_NEWUSER;
    }
    let mut process: RawFd = -1;
    // SAFETY: a clone without CLONE_VM and with no new stack continues on a copy of this one, as
    // fork does. Signals are blocked so that no handler of the host program runs in the child, and
    // the child does nothing but `child::run`, which never returns.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut before: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let pid = libc::syscall(
            libc::SYS_clone,
            flags as libc::c_ulong,
            0usize,
            &raw mut process,
            0usize,
            0usize,
        );
        if pid == 0 {
            child::run(birth);
        }
        let error = failed(Stage::Clone);
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        if pid < 0 {
            return Err(error);
        }
        // The kernel makes a pidfd close-on-exec.
        Ok(OwnedFd::from_raw_fd(process))
    }
}

fn send(control: &OwnedFd, request: Request, text: &[u8]) -> Result<(), HelperError> {
    let mut packet = Packet {
        request,
        text: [0; child::TEXT],
    };
    let Some(room) = packet.text.get_mut(..text.len()) else {
        return Err(HelperError {
            stage: Stage::Request,
            source: io::Error::from_raw_os_error(libc::EMSGSIZE),
        });
    };
    room.copy_from_slice(text);
    let len = mem::size_of::<Request>() + text.len();
    // SAFETY: `len` bytes of the packet are initialised.
    let sent = unsafe {
        libc::send(
            control.as_raw_fd(),
            (&raw const packet).cast(),
            len,
            libc::MSG_NOSIGNAL,
        )
    };
    if sent < 0 {
        Err(failed(Stage::Control))
    } else {
        Ok(())
    }
}

fn receive(control: &OwnedFd) -> Result<[Option<OwnedFd>; 2], HelperError> {
    let mut reply = Reply::default();
    let mut descriptors = [None, None];
    // SAFETY: the header points to memory that outlives the call; each received descriptor is taken
    // exactly once, and only within the length that the kernel reports.
    unsafe {
        let mut part = libc::iovec {
            iov_base: (&raw mut reply).cast(),
            iov_len: mem::size_of::<Reply>(),
        };
        let mut buffer = [0u64; 8];
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = buffer.as_mut_ptr().cast();
        message.msg_controllen = mem::size_of_val(&buffer) as _;
        let received = loop {
            let received = libc::recvmsg(control.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC);
            if received >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break received;
            }
        };
        if received < 0 {
            return Err(failed(Stage::Control));
        }
        if received == 0 {
            return Err(HelperError {
                stage: Stage::Control,
                source: io::Error::new(io::ErrorKind::UnexpectedEof, "the helper has ended"),
            });
        }
        let header = libc::CMSG_FIRSTHDR(&message);
        if !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS {
            let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (index, place) in descriptors.iter_mut().enumerate().take(bytes / 4) {
                *place = Some(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
            }
        }
    }
    if reply.error == 0 {
        Ok(descriptors)
    } else {
        Err(HelperError {
            stage: Stage::from_number(reply.stage),
            source: io::Error::from_raw_os_error(reply.error),
        })
    }
}
