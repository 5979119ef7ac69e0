//! The helper's side of the clone: raw system calls on the stack, from the first instruction to exit.
//!
//! The child starts as a copy of one thread of a process with many: any lock may be held by a thread
//! that does not exist here. So nothing in this file allocates, locks, indexes a slice or can panic;
//! it talks through one socket, and ends when that socket does.

use std::mem;
use std::os::fd::RawFd;
use std::ptr;

use super::{MAX_SLOTS, Operation, Reply, Request, Stage};

/// The control socket's place once everything else is closed.
const CONTROL: RawFd = 0;

/// The longest path and value of a `SYSCTL` request, with their zero bytes.
pub(super) const TEXT: usize = 256;

/// A request as it travels; `text` holds `path \0 value` and is sent up to its used length.
#[repr(C)]
pub(super) struct Packet {
    pub(super) request: Request,
    pub(super) text: [u8; TEXT],
}

/// What the parent prepares before the clone, since formatting is not possible after it.
pub(super) struct Birth {
    pub(super) control: RawFd,
    /// The id maps, where the child has a user namespace of its own.
    pub(super) maps: Option<Maps>,
}

/// The lines of `uid_map` and `gid_map`.
pub(super) struct Maps {
    pub(super) uid: [u8; 32],
    pub(super) uid_len: usize,
    pub(super) gid: [u8; 32],
    pub(super) gid_len: usize,
}

fn errno() -> i32 {
    // SAFETY: the location of errno is always valid for the calling thread.
    unsafe { *libc::__errno_location() }
}

/// Runs the helper.
///
/// # Safety
/// Only to be called in a child made by a raw clone, on its copy of the stack.
pub(super) unsafe fn run(birth: &Birth) -> ! {
    // SAFETY: raw system calls on descriptors and stack memory that this child owns.
    unsafe {
        if birth.control != CONTROL && libc::dup3(birth.control, CONTROL, libc::O_CLOEXEC) < 0 {
            libc::_exit(1);
        }
        if libc::syscall(libc::SYS_close_range, 1u32, !0u32, 0u32) < 0 {
            fail(Stage::CloseRange, errno());
        }
        default_signals();
        // A ^C in the terminal goes to the foreground group: it is the parent's to handle.
        libc::setsid();
        libc::chdir(c"/".as_ptr());
        libc::prctl(libc::PR_SET_NAME, c"vnetlab-helper".as_ptr());
        if let Some(maps) = &birth.maps {
            // `setgroups` is absent on kernels that do not need it; the maps say whether it was.
            write_file(c"/proc/self/setgroups".as_ptr(), b"deny".as_ptr(), 4);
            let error = write_file(
                c"/proc/self/uid_map".as_ptr(),
                maps.uid.as_ptr(),
                maps.uid_len,
            );
            if error != 0 {
                fail(Stage::UidMap, error);
            }
            let error = write_file(
                c"/proc/self/gid_map".as_ptr(),
                maps.gid.as_ptr(),
                maps.gid_len,
            );
            if error != 0 {
                fail(Stage::GidMap, error);
            }
        }
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        // The child's memory is a copy of the host program's: nobody may read it.
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);

        let mut slots = [-1 as RawFd; MAX_SLOTS];
        let fabric = open_namespace();
        if fabric < 0 {
            fail(Stage::OpenNamespace, errno());
        }
        slots.as_mut_ptr().write(fabric);
        reply(0, Stage::Start, [-1, -1]);
        serve(slots.as_mut_ptr());
    }
}

/// # Safety
/// As [`run`]; `slots` points to [`MAX_SLOTS`] descriptors.
unsafe fn serve(slots: *mut RawFd) -> ! {
    let mut current = 0usize;
    // SAFETY: `packet` and the message header live on this stack; every index is checked below.
    unsafe {
        let mut packet: Packet = mem::zeroed();
        loop {
            let received = libc::recv(
                CONTROL,
                (&raw mut packet).cast(),
                mem::size_of::<Packet>(),
                0,
            );
            if received < 0 && errno() == libc::EINTR {
                continue;
            }
            // End of file: the parent is gone. This is pid 1 of its pid namespace; when it ends, the
            // kernel takes the namespaces with it.
            if received < mem::size_of::<Request>() as isize {
                libc::_exit(0);
            }
            let request = packet.request;
            let slot = request.slot as usize;
            if slot >= MAX_SLOTS {
                reply(libc::EINVAL, Stage::Request, [-1, -1]);
                continue;
            }
            let place = slots.add(slot);
            if request.operation == Operation::NewNamespace as u32 {
                new_namespace(place, &mut current, slot);
            } else if request.operation == Operation::Free as u32 {
                if slot != 0 && *place >= 0 {
                    if current == slot && libc::setns(*slots, libc::CLONE_NEWNET) == 0 {
                        current = 0;
                    }
                    libc::close(*place);
                    *place = -1;
                }
                reply(0, Stage::Request, [-1, -1]);
            } else if enter(*place, slot, &mut current) {
                if request.operation == Operation::Socket as u32 {
                    let socket = libc::socket(request.domain, request.kind, request.protocol);
                    if socket < 0 {
                        reply(errno(), Stage::Socket, [-1, -1]);
                    } else {
                        reply(0, Stage::Socket, [socket, -1]);
                        libc::close(socket);
                    }
                } else if request.operation == Operation::Sysctl as u32 {
                    let error = sysctl(&packet, received as usize);
                    reply(error, Stage::Sysctl, [-1, -1]);
                } else {
                    reply(libc::ENOSYS, Stage::Request, [-1, -1]);
                }
            }
        }
    }
}

/// Makes a namespace, enters it, and answers with it and a route socket in it.
///
/// # Safety
/// As [`serve`]; `place` points to the slot's descriptor.
unsafe fn new_namespace(place: *mut RawFd, current: &mut usize, slot: usize) {
    // SAFETY: raw system calls on descriptors of this process.
    unsafe {
        if slot == 0 || *place >= 0 {
            reply(libc::EEXIST, Stage::Request, [-1, -1]);
            return;
        }
        if libc::unshare(libc::CLONE_NEWNET) < 0 {
            reply(errno(), Stage::Unshare, [-1, -1]);
            return;
        }
        *current = slot;
        let namespace = open_namespace();
        if namespace < 0 {
            reply(errno(), Stage::OpenNamespace, [-1, -1]);
            return;
        }
        // Saves the noise of IPv6 autoconfiguration; without /proc/sys the lab works all the same.
        write_file(
            c"/proc/sys/net/ipv6/conf/default/disable_ipv6".as_ptr(),
            b"1".as_ptr(),
            1,
        );
        let socket = libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW | libc::SOCK_CLOEXEC,
            libc::NETLINK_ROUTE,
        );
        if socket < 0 {
            let error = errno();
            libc::close(namespace);
            reply(error, Stage::Socket, [-1, -1]);
            return;
        }
        *place = namespace;
        reply(0, Stage::Unshare, [namespace, socket]);
        libc::close(socket);
    }
}

/// # Safety
/// As [`serve`].
unsafe fn enter(namespace: RawFd, slot: usize, current: &mut usize) -> bool {
    if *current == slot {
        return true;
    }
    // SAFETY: `setns` on a descriptor of this process; a bad one is an error, not undefined.
    if namespace < 0 || unsafe { libc::setns(namespace, libc::CLONE_NEWNET) } < 0 {
        let error = if namespace < 0 { libc::ENOENT } else { errno() };
        // SAFETY: as above.
        unsafe { reply(error, Stage::Enter, [-1, -1]) };
        return false;
    }
    *current = slot;
    true
}

/// # Safety
/// As [`serve`]; `received` is the length of the packet.
unsafe fn sysctl(packet: &Packet, received: usize) -> i32 {
    let text = received.wrapping_sub(mem::size_of::<Request>());
    let path = packet.request.path_len as usize;
    if text > TEXT || path >= text {
        return libc::EINVAL;
    }
    // SAFETY: `path` lies within the text, and the parent ends the path with a zero byte, which is
    // checked here.
    unsafe {
        let start = packet.text.as_ptr();
        if *start.add(path) != 0 {
            return libc::EINVAL;
        }
        let value = start.add(path).add(1);
        write_file(start.cast(), value, text.wrapping_sub(path).wrapping_sub(1))
    }
}

/// # Safety
/// As [`run`].
unsafe fn default_signals() {
    // SAFETY: the structures are plain data on the stack; signals that cannot be set are refused.
    unsafe {
        let mut default: libc::sigaction = mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut signal = 1;
        while signal < 65 {
            libc::sigaction(signal, &default, ptr::null_mut());
            signal += 1;
        }
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
    }
}

unsafe fn open_namespace() -> RawFd {
    // SAFETY: the path is a constant with its zero byte.
    unsafe {
        libc::open(
            c"/proc/self/ns/net".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    }
}

/// Writes a file at once; 0 or the errno.
///
/// # Safety
/// `path` ends with a zero byte; `len` bytes can be read at `data`.
unsafe fn write_file(path: *const libc::c_char, data: *const u8, len: usize) -> i32 {
    // SAFETY: as the caller promises.
    unsafe {
        let file = libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return errno();
        }
        let written = libc::write(file, data.cast(), len);
        let error = if written < 0 { errno() } else { 0 };
        libc::close(file);
        error
    }
}

/// # Safety
/// As [`run`].
unsafe fn fail(stage: Stage, error: i32) -> ! {
    // SAFETY: as the caller promises.
    unsafe {
        reply(error, stage, [-1, -1]);
        libc::_exit(1)
    }
}

/// Answers the parent, with up to two descriptors.
///
/// # Safety
/// As [`run`].
unsafe fn reply(error: i32, stage: Stage, descriptors: [RawFd; 2]) {
    let [first, second] = descriptors;
    let count = (first >= 0) as u32 + (second >= 0) as u32;
    let mut answer = Reply {
        error,
        stage: stage as u32,
    };
    // SAFETY: the header points to stack memory that outlives the call; the control buffer has room
    // for two descriptors.
    unsafe {
        let mut part = libc::iovec {
            iov_base: (&raw mut answer).cast(),
            iov_len: mem::size_of::<Reply>(),
        };
        let mut control = [0u64; 4];
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        if count > 0 {
            let bytes = count.wrapping_mul(4);
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(bytes) as _;
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(bytes) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            data.write_unaligned(first);
            if count > 1 {
                data.add(1).write_unaligned(second);
            }
        }
        libc::sendmsg(CONTROL, &message, libc::MSG_NOSIGNAL);
    }
}
