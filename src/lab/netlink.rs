//! Netlink: messages in one growing buffer, sent together, acknowledged together.
//!
//! Knows the framing that route netlink and nf_tables share, and no message of either. An error
//! names the operation that the kernel refused.

mod message;

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

pub(super) use message::{
    APPEND, Attributes, Batch, CREATE, EXCLUSIVE, REPLACE, attributes, messages,
};

use message::HEADER;

const ERROR: u16 = 2;

/// An operation that the kernel refused, or that could not be sent.
#[derive(Debug)]
pub(super) struct NetlinkError {
    /// What was to be done.
    pub(super) operation: &'static str,
    /// Why not.
    pub(super) source: io::Error,
    /// The kernel's own words, where it has any.
    pub(super) detail: String,
}

impl fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.source)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for NetlinkError {}

/// A netlink socket made inside a namespace of the lab.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// A socket for large batches, or for records that come faster than they are read.
    pub(super) fn with_large_buffers(socket: OwnedFd) -> Socket {
        // Capped by the host for an unprivileged user, to whom the first of each pair is refused.
        for (forced, allowed) in [
            (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
            (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        ] {
            if !set_option(&socket, libc::SOL_SOCKET, forced, &(4i32 << 20)) {
                set_option(&socket, libc::SOL_SOCKET, allowed, &(4i32 << 20));
            }
        }
        Socket::new(socket)
    }

    pub(super) fn new(socket: OwnedFd) -> Socket {
        set_option(&socket, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, &1i32);
        set_option(&socket, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &1i32);
        // The kernel answers at once; a limit makes a lost answer an error rather than a hang.
        let limit = libc::timeval {
            tv_sec: 10,
            tv_usec: 0,
        };
        set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &limit);
        Socket(socket)
    }

    /// Sends a batch and waits until the kernel has taken all of it.
    ///
    /// # Errors
    /// The first operation that the kernel refused.
    pub(super) fn transact(&self, mut batch: Batch) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let last = batch.acknowledge();
        self.exchange(&batch, last, None)
    }

    /// As [`Socket::transact`], where message `last` carries the acknowledgement, and an error of
    /// message `whole` is one of the whole batch, after which nothing more comes.
    pub(super) fn exchange(
        &self,
        batch: &Batch,
        last: u32,
        whole: Option<u32>,
    ) -> Result<(), NetlinkError> {
        let broken = |source| NetlinkError {
            operation: batch.operations.first().copied().unwrap_or_default(),
            source,
            detail: String::new(),
        };
        // SAFETY: the buffer outlives the call.
        let sent = unsafe {
            libc::send(
                self.0.as_raw_fd(),
                batch.bytes.as_ptr().cast(),
                batch.bytes.len(),
                libc::MSG_NOSIGNAL,
            )
        };
        if sent < 0 {
            return Err(broken(io::Error::last_os_error()));
        }
        let mut first = None;
        let mut buffer = [0; 16384];
        loop {
            let len = self.receive(&mut buffer, 0).map_err(broken)?;
            for answer in messages(&buffer[..len]).filter(|answer| answer.kind == ERROR) {
                let error = answer
                    .data
                    .get(0..4)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map_or(0, i32::from_ne_bytes);
                let place = answer.sequence as usize;
                let harmless = batch.harmless.get(place).copied().unwrap_or(0);
                if error != 0 && -error != harmless && first.is_none() {
                    first = Some(NetlinkError {
                        operation: batch.operations.get(place).copied().unwrap_or_default(),
                        source: io::Error::from_raw_os_error(-error),
                        detail: kernel_words(answer.data),
                    });
                }
                let ended = error != 0 && Some(answer.sequence) == whole;
                if answer.sequence == last || ended {
                    return first.map_or(Ok(()), Err);
                }
            }
        }
    }

    /// Sends one request for a dump and hands on each message of the answer.
    #[cfg(test)]
    pub(super) fn dump(&self, batch: &Batch, mut each: impl FnMut(&[u8])) {
        const DONE: u16 = 3;
        // SAFETY: the buffer outlives the call.
        let sent = unsafe {
            let bytes = batch.bytes.as_ptr().cast();
            libc::send(self.0.as_raw_fd(), bytes, batch.bytes.len(), 0)
        };
        assert!(sent > 0);
        let mut buffer = [0; 65536];
        loop {
            let len = self.receive(&mut buffer, 0).expect("an answer");
            for message in messages(&buffer[..len]) {
                match message.kind {
                    DONE => return,
                    ERROR => panic!("the dump failed"),
                    _ => each(message.data),
                }
            }
        }
    }

    /// Receives one datagram.
    pub(super) fn receive(&self, buffer: &mut [u8], flags: i32) -> io::Result<usize> {
        loop {
            // SAFETY: the buffer outlives the call and its length is given.
            let len = unsafe {
                libc::recv(
                    self.0.as_raw_fd(),
                    buffer.as_mut_ptr().cast(),
                    buffer.len(),
                    flags,
                )
            };
            if len >= 0 {
                return Ok(len as usize);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// Sets a socket option; whether the kernel knows and allows it.
fn set_option<T>(socket: &OwnedFd, level: i32, option: i32, value: &T) -> bool {
    // SAFETY: the value outlives the call and its size is given.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            mem::size_of::<T>() as libc::socklen_t,
        ) == 0
    }
}

/// The message of an extended acknowledgement: attributes behind the errno and the capped header.
fn kernel_words(error: &[u8]) -> String {
    attributes(error.get(4 + HEADER..).unwrap_or_default())
        .find(|(kind, _)| *kind == 1)
        .map(|(_, text)| {
            String::from_utf8_lossy(text)
                .trim_end_matches('\0')
                .to_owned()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
