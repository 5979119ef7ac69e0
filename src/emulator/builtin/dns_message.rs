//! The part of the DNS wire format (RFC 1035) that a lookup needs: one question, and its answers.

use std::net::Ipv4Addr;

use crate::probe::{Dns, RecordType, Transcript};

use super::command::CommandError;

const INTERNET: u16 = 1;
const RECURSION_DESIRED: u16 = 0x0100;
const RESPONSE: u16 = 0x8000;

fn number(record_type: RecordType) -> u16 {
    match record_type {
        RecordType::A => 1,
        RecordType::Cname => 5,
        RecordType::Txt => 16,
    }
}

/// A question as it is sent.
pub(super) struct Query {
    id: u16,
    /// The datagram.
    pub(super) message: Vec<u8>,
}

impl Query {
    /// The question of a probe.
    ///
    /// # Errors
    /// When the name cannot be written.
    pub(super) fn new(dns: &Dns) -> Result<Query, CommandError> {
        let [high, low, ..] = *uuid::Uuid::new_v4().as_bytes();
        let id = u16::from_be_bytes([high, low]);
        let mut message = Vec::new();
        for word in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
            message.extend(word.to_be_bytes());
        }
        for label in dns.name.trim_end_matches('.').split('.') {
            let length = u8::try_from(label.len()).ok();
            let length = length.filter(|length| (1..=63).contains(length));
            message.push(length.ok_or_else(|| {
                CommandError::Unsupported(format!(
                    "`{}` is no name that can be asked for",
                    dns.name
                ))
            })?);
            message.extend(label.as_bytes());
        }
        message.push(0);
        for word in [number(dns.record_type), INTERNET] {
            message.extend(word.to_be_bytes());
        }
        Ok(Query { id, message })
    }

    /// What an answer says.
    pub(super) fn read(&self, answer: &[u8]) -> Transcript {
        self.read_answer(answer)
            .unwrap_or_else(|| Transcript::ResolverFailed {
                code: "nothing that can be read".to_owned(),
            })
    }

    fn read_answer(&self, answer: &[u8]) -> Option<Transcript> {
        let flags = word(answer, 2)?;
        if word(answer, 0)? != self.id || flags & RESPONSE == 0 {
            return None;
        }
        let code = match flags & 0xf {
            0 => return self.records(answer),
            3 => return Some(Transcript::Nxdomain),
            1 => "FORMERR".to_owned(),
            2 => "SERVFAIL".to_owned(),
            4 => "NOTIMP".to_owned(),
            5 => "REFUSED".to_owned(),
            other => format!("RCODE{other}"),
        };
        Some(Transcript::ResolverFailed { code })
    }

    fn records(&self, answer: &[u8]) -> Option<Transcript> {
        let mut at = 12;
        for _ in 0..word(answer, 4)? {
            at = name(answer, at)?.1 + 4;
        }
        let mut records = Vec::new();
        for _ in 0..word(answer, 6)? {
            at = name(answer, at)?.1;
            let (kind, length) = (word(answer, at)?, usize::from(word(answer, at + 8)?));
            at += 10;
            let data = answer.get(at..at + length)?;
            match kind {
                1 => {
                    let octets: [u8; 4] = data.try_into().ok()?;
                    records.push((RecordType::A, Ipv4Addr::from(octets).to_string()));
                }
                5 => records.push((RecordType::Cname, name(answer, at)?.0)),
                16 => records.push((RecordType::Txt, text(data)?)),
                _ => {}
            }
            at += length;
        }
        Some(Transcript::Resolved { records })
    }
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

/// The name at a place, and where what follows it begins. A name may end in a pointer to an earlier
/// one.
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    /// More than any name has, so that pointers in a circle end.
    const JUMPS: usize = 128;
    let mut labels = Vec::new();
    let mut end = None;
    for _ in 0..JUMPS {
        let length = *message.get(at)?;
        match length >> 6 {
            0 if length == 0 => {
                return Some((labels.join("."), end.unwrap_or(at + 1)));
            }
            0 => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + usize::from(length);
            }
            3 => {
                end = end.or(Some(at + 2));
                at = usize::from(word(message, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

/// The strings of a TXT record, quoted as dig does.
fn text(mut data: &[u8]) -> Option<String> {
    let mut strings = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (string, rest) = rest.split_at_checked(usize::from(length))?;
        strings.push(format!("\"{}\"", String::from_utf8_lossy(string)));
        data = rest;
    }
    Some(strings.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        let dns = Dns {
            name: "kv.example".to_owned(),
            record_type: RecordType::A,
            resolver: None,
            port: 53,
        };
        Query::new(&dns).expect("a name")
    }

    /// An answer with two records behind the question: an alias, and the address of the alias.
    fn answer(query: &Query, code: u8) -> Vec<u8> {
        let mut message = query.message.clone();
        message[2..8].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, 2]);
        let alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x08\x05store\xc0\x0f";
        let place = u8::try_from(message.len() + 12).expect("a short message");
        message.extend(alias);
        message.extend([0xc0, place, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 50, 1, 4]);
        message
    }

    #[test]
    fn a_question_is_written_as_the_format_has_it() {
        let query = query();
        assert_eq!(&query.message[2..12], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            &query.message[12..],
            b"\x02kv\x07example\x00\x00\x01\x00\x01"
        );
        for name in ["", "a..b", &"x".repeat(64)] {
            let dns = Dns {
                name: name.to_owned(),
                record_type: RecordType::A,
                resolver: None,
                port: 53,
            };
            assert!(Query::new(&dns).is_err(), "{name}");
        }
    }

    #[test]
    fn an_answer_is_read_with_its_aliases() {
        let query = query();
        let records = vec![
            (RecordType::Cname, "store.example".to_owned()),
            (RecordType::A, "10.50.1.4".to_owned()),
        ];
        let read = query.read(&answer(&query, 0));
        assert_eq!(read, Transcript::Resolved { records });
        assert_eq!(query.read(&answer(&query, 3)), Transcript::Nxdomain);
        let code = "SERVFAIL".to_owned();
        let failed = Transcript::ResolverFailed { code };
        assert_eq!(query.read(&answer(&query, 2)), failed);
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        let query = query();
        let whole = answer(&query, 0);
        let mut foreign = whole.clone();
        foreign[0] ^= 1;
        let mut circle = whole.clone();
        let end = circle.len() - 16;
        circle[end..end + 2].copy_from_slice(&[0xc0, u8::try_from(end).expect("a short message")]);
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
        for message in cut.chain([foreign, circle, query.message.clone()]) {
            let read = query.read(&message);
            assert!(
                matches!(read, Transcript::ResolverFailed { .. }),
                "{message:?}: {read:?}"
            );
        }
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(text(b"\x01a\x03b c").as_deref(), Some("\"a\" \"b c\""));
        assert_eq!(text(b"\x05a"), None);
    }
}
