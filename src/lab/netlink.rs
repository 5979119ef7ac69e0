//! Netlink: messages in one growing buffer, sent together, acknowledged together.
//!
//! Knows the framing that route netlink and nf_tables share, and no message of either. An error
//! names the operation that the kernel refused.

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

pub(super) const REQUEST: u16 = 0x1;
pub(super) const ACK: u16 = 0x4;
pub(super) const REPLACE: u16 = 0x100;
pub(super) const EXCLUSIVE: u16 = 0x200;
pub(super) const CREATE: u16 = 0x400;
pub(super) const APPEND: u16 = 0x800;

const HEADER: usize = 16;
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

/// Attributes of a message, or of an attribute.
pub(super) struct Attributes<'a>(&'a mut Vec<u8>);

impl Attributes<'_> {
    pub(super) fn put(&mut self, kind: u16, data: &[u8]) -> &mut Self {
        self.nest(kind, |inner| inner.0.extend_from_slice(data))
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_ne_bytes())
    }

    pub(super) fn be32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_be_bytes())
    }

    pub(super) fn be16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.put(kind, &value.to_be_bytes())
    }

    pub(super) fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        self.nest(kind, |inner| {
            inner.0.extend_from_slice(text.as_bytes());
            inner.0.push(0);
        })
    }

    /// A structure within an attribute, ahead of the attributes that follow it.
    pub(super) fn raw(&mut self, data: &[u8]) -> &mut Self {
        self.0.extend_from_slice(data);
        self
    }

    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) -> &mut Self {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        fill(&mut Attributes(self.0));
        let len = u16::try_from(self.0.len() - start)
            .expect("lists are sent in parts that fit an attribute");
        self.0[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        self.0[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// Messages to be sent together; the sequence number of each is its place, from 0.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    operations: Vec<&'static str>,
    /// For each operation the errno that says that there was nothing to do; 0 for none.
    harmless: Vec<i32>,
    last: usize,
}

impl Batch {
    /// Adds a message: its type, its flags, its fixed header (a multiple of 4 bytes), its attributes.
    pub(super) fn message(
        &mut self,
        operation: &'static str,
        kind: u16,
        flags: u16,
        header: &[u8],
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Batch {
        let start = self.bytes.len();
        self.last = start;
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes
            .extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        let sequence = self.operations.len() as u32;
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(header);
        attributes(&mut Attributes(&mut self.bytes));
        let len = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_ne_bytes());
        self.operations.push(operation);
        self.harmless.push(0);
        self
    }

    /// Takes an error of the newest message for success: it is already as it should be.
    pub(super) fn harmless(&mut self, errno: i32) {
        if let Some(harmless) = self.harmless.last_mut() {
            *harmless = errno;
        }
    }

    /// Asks for an acknowledgement of the newest message.
    pub(super) fn acknowledge(&mut self) -> u32 {
        let at = self.last + 6;
        if let Some(flags) = self.bytes.get_mut(at..at + 2) {
            let value = u16::from_ne_bytes([flags[0], flags[1]]) | ACK;
            flags.copy_from_slice(&value.to_ne_bytes());
        }
        (self.operations.len() as u32).saturating_sub(1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// The size of the messages in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// One netlink message as received.
pub(super) struct Received<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) data: &'a [u8],
}

/// Splits a datagram into its messages.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Received<'_>> {
    std::iter::from_fn(move || {
        let len = u32::from_ne_bytes(datagram.get(0..4)?.try_into().ok()?) as usize;
        let message = Received {
            kind: u16::from_ne_bytes(datagram.get(4..6)?.try_into().ok()?),
            sequence: u32::from_ne_bytes(datagram.get(8..12)?.try_into().ok()?),
            data: datagram.get(HEADER..len)?,
        };
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// Splits the attributes of a message: the type without its flags, the data.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = u16::from_ne_bytes(bytes.get(0..2)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let data = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, data))
    })
}

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
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut batch = Batch::default();
        batch.message("first", 7, CREATE, &[1, 2, 3, 4], |attributes| {
            attributes.text(3, "eth0").nest(18, |inner| {
                inner.be16(1, 0x0102);
            });
        });
        batch.message("second", 8, 0, &[], |_| {});
        assert_eq!(batch.acknowledge(), 1);
        let received = messages(&batch.bytes).collect::<Vec<_>>();
        assert_eq!(
            received
                .iter()
                .map(|message| (message.kind, message.sequence))
                .collect::<Vec<_>>(),
            [(7, 0), (8, 1)]
        );
        let outer = attributes(&received[0].data[4..]).collect::<Vec<_>>();
        assert_eq!(outer[0], (3, &b"eth0\0"[..]));
        assert_eq!(
            attributes(outer[1].1).collect::<Vec<_>>(),
            [(1, &[1u8, 2][..])]
        );
    }

    #[test]
    fn cut_off_input_ends_the_reading() {
        for bytes in [&[][..], &[3, 0, 0, 0], &[255; 20], &[0; 16]] {
            assert_eq!(messages(bytes).count(), 0, "{bytes:?}");
        }
        assert_eq!(attributes(&[200, 0, 1, 0]).count(), 0);
    }
}
