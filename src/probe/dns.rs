//! The DNS probe: one question to a resolver, asked by `dig`.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use crate::verdict::Outcome;

use super::curl::is_unreachable;
use super::shell::{CUT_OFF, Execution, cut_off};
use super::transcript::Transcript;
use super::{Reading, parse_seconds};

/// A question to a resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// The name that is asked for.
    pub name: String,
    /// The type of record that is asked for.
    pub record_type: RecordType,
    /// Who is asked; without it, the resolver of the caller's container.
    pub resolver: Option<Ipv4Addr>,
    /// The resolver's port.
    pub port: u16,
}

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordType {
    /// An address.
    A,
    /// Another name.
    Cname,
    /// Text.
    Txt,
}

impl RecordType {
    const ALL: [RecordType; 3] = [RecordType::A, RecordType::Cname, RecordType::Txt];
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordType::A => "A",
            RecordType::Cname => "CNAME",
            RecordType::Txt => "TXT",
        })
    }
}

impl FromStr for RecordType {
    type Err = ();

    fn from_str(text: &str) -> Result<RecordType, ()> {
        let same = |kind: &RecordType| kind.to_string().eq_ignore_ascii_case(text);
        RecordType::ALL.into_iter().find(same).ok_or(())
    }
}

impl Dns {
    pub(super) fn url(&self) -> String {
        let resolver = self
            .resolver
            .map_or_else(String::new, |address| format!("{address}:{}", self.port));
        format!("dns://{resolver}/{}?type={}", self.name, self.record_type)
    }

    pub(super) fn program(&self, timeout: Duration) -> Vec<String> {
        // dig counts in whole seconds; `timeout` ends it sooner.
        let patience = timeout.as_secs() + 2;
        let mut words = cut_off(timeout).to_vec();
        words.extend(["dig", "+tries=1", "+noall", "+comments", "+answer"].map(str::to_owned));
        words.push(format!("+time={patience}"));
        words.extend(["-p".to_owned(), self.port.to_string()]);
        words.extend(self.resolver.map(|resolver| format!("@{resolver}")));
        words.extend(["-t".to_owned(), self.record_type.to_string()]);
        words.extend(["-q".to_owned(), self.name.clone()]);
        words
    }

    pub(super) fn from_program(words: &[String]) -> Option<(Duration, Dns)> {
        let [_, _, _, limit, _, _, _, _, _, _, _, port, rest @ ..] = words else {
            return None;
        };
        let (resolver, rest) = match rest {
            [resolver, rest @ ..] if resolver.starts_with('@') => {
                (Some(resolver[1..].parse().ok()?), rest)
            }
            rest => (None, rest),
        };
        let [_, record_type, _, name] = rest else {
            return None;
        };
        let dns = Dns {
            name: name.clone(),
            record_type: record_type.parse().ok()?,
            resolver,
            port: port.parse().ok()?,
        };
        Some((parse_seconds(limit)?, dns))
    }

    pub(super) fn read(&self, ran: &Execution) -> Reading {
        // dig complains of a resolver on either stream, by its version.
        let said = format!("{}\n{}", ran.stdout, ran.stderr);
        let status = said
            .split_once("status: ")
            .map(|(_, rest)| rest.split(',').next().unwrap_or_default().trim());
        match status {
            Some("NOERROR") => self.answers(&ran.stdout),
            Some("NXDOMAIN") => Reading::of(Outcome::Nxdomain),
            Some(other) => Reading::inconclusive(format!("the resolver answered {other}")),
            None if ran.was_cut_off() || said.contains("timed out") => {
                Reading::of(Outcome::Timeout)
            }
            None if said.contains("connection refused") => Reading::of(Outcome::Refused),
            None if is_unreachable(&said) => Reading::of(Outcome::Unreachable),
            None => Reading::inconclusive(ran.complaint("dig")),
        }
    }

    /// The values of the asked type become the body, one a line.
    fn answers(&self, said: &str) -> Reading {
        let wanted = self.record_type.to_string();
        let value = |line: &str| {
            let mut fields = line.split_whitespace();
            let kind = fields.nth(3)?;
            let value = fields.collect::<Vec<_>>().join(" ");
            (kind == wanted).then_some(value)
        };
        let lines = said.lines().filter(|line| !line.starts_with(';'));
        let mut values = lines.filter_map(value).collect::<Vec<_>>();
        if values.is_empty() {
            let reason = format!("the name exists, but it has no {wanted} record");
            return Reading::inconclusive(reason);
        }
        values.sort();
        Reading {
            body: Some(values.join("\n")),
            ..Reading::of(Outcome::Resolves)
        }
    }

    pub(super) fn print(&self, transcript: &Transcript) -> Option<Execution> {
        let answer = |status: &str, records: String| {
            let head =
                format!(";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {status}, id: 1\n");
            (0, format!("{head}\n;; ANSWER SECTION:\n{records}"))
        };
        let complaint = |words: &str| (9, format!(";; communications error: {words}\n"));
        let (exit, stdout) = match transcript {
            Transcript::Resolved { records } => {
                let line = |(kind, value): &(RecordType, String)| {
                    format!("{}.\t300\tIN\t{kind}\t{value}\n", self.name)
                };
                answer("NOERROR", records.iter().map(line).collect())
            }
            Transcript::Nxdomain => answer("NXDOMAIN", String::new()),
            Transcript::ResolverFailed { code } => answer(code, String::new()),
            Transcript::TimedOut => (CUT_OFF, String::new()),
            Transcript::Refused => complaint("connection refused"),
            Transcript::Unreachable => complaint("host unreachable"),
            _ => return None,
        };
        Some(Execution {
            exit,
            stdout,
            stderr: String::new(),
        })
    }
}
