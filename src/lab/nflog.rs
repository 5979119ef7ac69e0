//! The packet log: what a rule of the fabric recorded, read back from the kernel.
//!
//! The kernel queues a record before the packet goes on, so once a packet has had its effect, its
//! record can be read without waiting.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime};

use super::netlink::{Batch, NetlinkError, Socket, attributes, messages};

const CONFIG: u16 = 4 << 8 | 1;

/// One packet as a rule recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The text of the rule that recorded it.
    pub(super) prefix: String,
    /// The interface that it came in by; 0 for none.
    pub(super) incoming: u32,
    /// The interface that it goes out by; 0 for none.
    pub(super) outgoing: u32,
    /// When; `None` where the kernel does not say.
    pub(super) time: Option<SystemTime>,
    pub(super) protocol: u8,
    /// For an echo request, the identifier stands for the port.
    pub(super) source: SocketAddrV4,
    /// For an echo reply, the identifier stands for the port.
    pub(super) destination: SocketAddrV4,
    /// The flags of a TCP packet.
    pub(super) flags: u8,
}

/// A socket that receives the records of one log group.
pub(super) struct Log(Socket);

impl Log {
    /// Subscribes to a group.
    pub(super) fn bind(socket: OwnedFd, group: u16) -> Result<Log, NetlinkError> {
        let socket = Socket::with_large_buffers(socket);
        let [high, low] = group.to_be_bytes();
        let header = [libc::AF_INET as u8, 0, high, low];
        let mut batch = Batch::default();
        batch.message("bind nflog group", CONFIG, 0, &header, |config| {
            const BIND: u8 = 1;
            config.put(libc::NFULA_CFG_CMD as u16, &[BIND]);
        });
        batch.message("configure nflog group", CONFIG, 0, &header, |config| {
            const COPY_96_BYTES: [u8; 6] = [0, 0, 0, 96, libc::NFULNL_COPY_PACKET as u8, 0];
            config
                .put(libc::NFULA_CFG_MODE as u16, &COPY_96_BYTES)
                // Each record goes out by itself, at once.
                .be32(libc::NFULA_CFG_QTHRESH as u16, 1);
        });
        socket.transact(batch)?;
        Ok(Log(socket))
    }

    /// Reads every record that is there. The second value says whether the kernel had to drop some.
    pub(super) fn drain(&self) -> (Vec<Record>, bool) {
        let mut records = Vec::new();
        let mut lost = false;
        let mut buffer = [0; 16384];
        loop {
            match self.0.receive(&mut buffer, libc::MSG_DONTWAIT) {
                Ok(len) => records.extend(
                    messages(&buffer[..len]).filter_map(|message| Record::read(message.data)),
                ),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => lost = true,
                Err(error) => {
                    lost |= error.kind() != io::ErrorKind::WouldBlock;
                    return (records, lost);
                }
            }
        }
    }
}

impl AsRawFd for Log {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl Record {
    fn read(message: &[u8]) -> Option<Record> {
        let mut prefix = String::new();
        let (mut incoming, mut outgoing, mut time, mut packet) = (0, 0, None, &[][..]);
        let number = |data: &[u8]| data.try_into().map_or(0, u32::from_be_bytes);
        for (kind, data) in attributes(message.get(4..)?) {
            match i32::from(kind) {
                libc::NFULA_IFINDEX_INDEV => incoming = number(data),
                libc::NFULA_IFINDEX_OUTDEV => outgoing = number(data),
                libc::NFULA_TIMESTAMP => {
                    let part = |at: usize| {
                        let bytes: [u8; 8] = data.get(at..at + 8)?.try_into().ok()?;
                        Some(u64::from_be_bytes(bytes))
                    };
                    time = part(0).zip(part(8)).map(|(seconds, micros)| {
                        SystemTime::UNIX_EPOCH
                            + Duration::from_secs(seconds)
                            + Duration::from_micros(micros)
                    });
                }
                libc::NFULA_PAYLOAD => packet = data,
                libc::NFULA_PREFIX => {
                    let text = String::from_utf8_lossy(data);
                    prefix = text.trim_end_matches('\0').to_owned();
                }
                _ => {}
            }
        }
        let header = usize::from(packet.first()? & 0xf) * 4;
        let protocol = *packet.get(9)?;
        let address = |at: usize| {
            let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets))
        };
        let port = |at: usize| {
            let bytes = packet.get(header + at..header + at + 2);
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u16::from_be_bytes)
        };
        // An echo's identifier stands where it tells flows apart as a port does: at the caller's side.
        let (source_port, destination_port) = match (protocol, packet.get(header)) {
            (6 | 17, _) => (port(0), port(2)),
            (1, Some(8)) => (port(4), 0),
            (1, Some(0)) => (0, port(4)),
            _ => (0, 0),
        };
        let flags = packet.get(header + 13).filter(|_| protocol == 6);
        Some(Record {
            prefix,
            incoming,
            outgoing,
            time,
            protocol,
            source: SocketAddrV4::new(address(12)?, source_port),
            destination: SocketAddrV4::new(address(16)?, destination_port),
            flags: flags.copied().unwrap_or(0),
        })
    }
}
