//! Netlink messages: written into one buffer, read back one by one.

pub(in crate::lab) const REQUEST: u16 = 0x1;
pub(in crate::lab) const ACK: u16 = 0x4;
pub(in crate::lab) const REPLACE: u16 = 0x100;
pub(in crate::lab) const EXCLUSIVE: u16 = 0x200;
pub(in crate::lab) const CREATE: u16 = 0x400;
pub(in crate::lab) const APPEND: u16 = 0x800;

/// The size of a message's header.
pub(super) const HEADER: usize = 16;

/// Attributes of a message, or of an attribute.
pub(in crate::lab) struct Attributes<'a>(&'a mut Vec<u8>);

impl Attributes<'_> {
    pub(in crate::lab) fn put(&mut self, kind: u16, data: &[u8]) -> &mut Self {
        self.nest(kind, |inner| inner.0.extend_from_slice(data))
    }

    pub(in crate::lab) fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_ne_bytes())
    }

    pub(in crate::lab) fn be32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_be_bytes())
    }

    pub(in crate::lab) fn be16(&mut self, kind: u16, value: u16) -> &mut Self {
        self.put(kind, &value.to_be_bytes())
    }

    pub(in crate::lab) fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        self.nest(kind, |inner| {
            inner.0.extend_from_slice(text.as_bytes());
            inner.0.push(0);
        })
    }

    /// A structure within an attribute, ahead of the attributes that follow it.
    pub(in crate::lab) fn raw(&mut self, data: &[u8]) -> &mut Self {
        self.0.extend_from_slice(data);
        self
    }

    pub(in crate::lab) fn nest(
        &mut self,
        kind: u16,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Self {
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
pub(in crate::lab) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) operations: Vec<&'static str>,
    /// For each operation the errno that says that there was nothing to do; 0 for none.
    pub(super) harmless: Vec<i32>,
    last: usize,
}

impl Batch {
    /// Adds a message: its type, its flags, its fixed header (a multiple of 4 bytes), its attributes.
    pub(in crate::lab) fn message(
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
    pub(in crate::lab) fn harmless(&mut self, errno: i32) {
        if let Some(harmless) = self.harmless.last_mut() {
            *harmless = errno;
        }
    }

    /// Asks for an acknowledgement of the newest message.
    pub(in crate::lab) fn acknowledge(&mut self) -> u32 {
        let at = self.last + 6;
        if let Some(flags) = self.bytes.get_mut(at..at + 2) {
            let value = u16::from_ne_bytes([flags[0], flags[1]]) | ACK;
            flags.copy_from_slice(&value.to_ne_bytes());
        }
        (self.operations.len() as u32).saturating_sub(1)
    }

    pub(in crate::lab) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(in crate::lab) fn len(&self) -> usize {
        self.operations.len()
    }

    /// The size of the messages in bytes.
    pub(in crate::lab) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// One netlink message as received.
pub(in crate::lab) struct Received<'a> {
    pub(in crate::lab) kind: u16,
    pub(in crate::lab) sequence: u32,
    pub(in crate::lab) data: &'a [u8],
}

/// Splits a datagram into its messages.
pub(in crate::lab) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Received<'_>> {
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
pub(in crate::lab) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = u16::from_ne_bytes(bytes.get(0..2)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let data = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, data))
    })
}
