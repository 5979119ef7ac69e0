//! The probe over a held connection: opened by the first run in a container, asked again by each later
//! one, and never opened anew. It shows what becomes of a flow that exists when rules change (R12).
//!
//! A command ends, so something must stay in the caller's container: the first run leaves a shell
//! behind that holds the socket and takes questions by a named pipe. Its directory in `/tmp` is the
//! session: where it exists, the connection was tried. That needs a container whose `/tmp` can be
//! written to. Questions and answers are the agent's HTTP; answers come in the order of the questions, so
//! one that comes too late for its own run is told apart by counting.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observed, Outcome};

use super::curl::is_unreachable;
use super::shell::Execution;
use super::transcript::Transcript;
use super::{Reading, parse_seconds, seconds};

/// Starts the holder if this is the session's first run, then asks it.
const ASK: &str = r#"hold=$1 d=/tmp/vnetlab-held-$2 h=$3 p=$4 t=$5 limit=$6 n=$7; shift 7
if mkdir "$d" 2>/dev/null; then
mkfifo "$d/ask" "$d/opened" || exit 2
setsid /bin/bash -c "$hold" hold "$d" "$h" "$p" </dev/null >/dev/null 2>"$d/err" &
exec 5<>"$d/opened"
read -r -t "$t" -u 5 word || { kill -KILL $!; echo 'end timeout'; exit; }
[ "$word" = open ] || { cat "$d/err" >&2; exit 7; }
fi
[ -e "$d/alive" ] || { echo 'end closed'; exit; }
mkfifo "$d/$n" || exit 2
echo "$n $t $*" >"$d/ask"
timeout -s KILL "$limit" cat "$d/$n"
rm -f "$d/$n""#;

/// Holds the connection: sends what it is asked to, and counts the answers that are due.
const HOLD: &str = r#"d=$1 h=$2 p=$3 due=0; set -f; trap '' PIPE
exec 4<>"$d/ask" 5<>"$d/opened"
exec 3<>"/dev/tcp/$h/$p" || { echo failed >&5; exit; }
trap 'rm -f "$d/alive"' EXIT
: >"$d/alive"; echo open >&5
answer() {
read -r -t "$t" -u 3 line || return
status=${line#* } status=${status%% *} len=0 body=
while read -r -t "$t" -u 3 line; do
line=${line%$'\r'}
case $line in '') break;; [Cc]ontent-[Ll]ength:*) len=${line##*[: ]};; esac
done
[ "$len" = 0 ] || IFS= read -r -t "$t" -N "$len" -u 3 body
}
while read -r -u 4 n t paths; do
exec 6>"$d/$n"; own=0 end=ok
for path in $paths; do
printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n' "$path" "$h" "$p" >&3 || { end=closed; break; }
own=$((own+1)) due=$((due+1))
done
while [ $end = ok ] && [ $due -gt 0 ]; do
answer; rc=$?
if [ $rc -gt 128 ]; then end=timeout; elif [ $rc -gt 0 ]; then end=closed
else due=$((due-1)); [ $due -ge $own ] || printf '%s\n%s %s\n' "$body" "$n" "$status" >&6; fi
done
echo "end $end" >&6; exec 6>&-
[ $end != closed ] || exit
done"#;

/// What the shell needs on top of the waiting for answers.
const MARGIN: Duration = Duration::from_secs(2);

/// A connection that is opened once and asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The called port, where the agent's server listens.
    pub port: u16,
    /// The session's name, the same for every run over one connection and for no other: letters,
    /// digits and hyphens.
    pub session: String,
    /// The path and query of each URL, asked in order.
    pub paths: Vec<String>,
    /// Whether the last path is the agent's `/clientip`.
    pub asks_source: bool,
}

impl Held {
    pub(super) fn urls(&self, address: Ipv4Addr) -> Vec<String> {
        let url = |path: &String| format!("http://{address}:{}{path}", self.port);
        self.paths.iter().map(url).collect()
    }

    /// `None` where the session or a path could be taken for more than one word.
    pub(super) fn program(
        &self,
        address: Ipv4Addr,
        timeout: Duration,
        nonce: &str,
    ) -> Option<Vec<String>> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let spaced = |path: &String| path.contains(|c: char| c.is_whitespace() || c.is_control());
        if self.session.is_empty()
            || !self.session.chars().all(plain)
            || self.paths.is_empty()
            || self.paths.iter().any(spaced)
        {
            return None;
        }
        let waits = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        let words = [
            "/bin/bash",
            "-c",
            ASK,
            "ask",
            HOLD,
            &self.session,
            &address.to_string(),
            &self.port.to_string(),
            &seconds(timeout),
            &seconds(timeout * waits + MARGIN),
            nonce,
        ];
        let words = words.into_iter().map(str::to_owned);
        Some(words.chain(self.paths.iter().cloned()).collect())
    }

    pub(super) fn from_program(words: &[String]) -> Option<(Ipv4Addr, Duration, Held)> {
        let [
            _,
            _,
            _,
            _,
            _,
            session,
            address,
            port,
            time,
            _,
            _,
            paths @ ..,
        ] = words
        else {
            return None;
        };
        let held = Held {
            port: port.parse().ok()?,
            session: session.clone(),
            paths: paths.to_vec(),
            asks_source: paths
                .last()
                .is_some_and(|path| path == super::CLIENT_ADDRESS_PATH),
        };
        Some((address.parse().ok()?, parse_seconds(time)?, held))
    }

    pub(super) fn read(&self, nonce: &str, ran: &Execution) -> Reading {
        let mut answers = Vec::new();
        let (mut body, mut end) = (String::new(), "");
        for line in ran.stdout.split_inclusive('\n') {
            let word = line.trim_end();
            if let Some(status) = word.strip_prefix(nonce).and_then(|r| r.strip_prefix(' ')) {
                body.pop();
                answers.push((status.parse::<u16>().ok(), std::mem::take(&mut body)));
            } else if let Some(word) = word.strip_prefix("end ").filter(|_| body.is_empty()) {
                end = word;
            } else {
                body.push_str(line);
            }
        }
        let Some((status, first)) = answers.first() else {
            return match end {
                "timeout" => Reading::of(Outcome::Timeout),
                "closed" => Reading::inconclusive("the held connection is closed".to_owned()),
                _ if ran.stderr.contains("refused") => Reading::of(Outcome::Refused),
                _ if is_unreachable(&ran.stderr) => Reading::of(Outcome::Unreachable),
                _ => Reading::inconclusive(ran.complaint("bash")),
            };
        };
        let told = answers.last().filter(|_| self.asks_source);
        let told = told.filter(|_| answers.len() == self.paths.len());
        let peer = told.and_then(|(_, body)| body.trim().parse::<SocketAddrV4>().ok());
        let own_body = self.paths.len() > 1 || !self.asks_source;
        Reading {
            outcome: Observed::Is(Outcome::Reachable),
            status: status.filter(|_| own_body),
            body: own_body.then(|| first.clone()),
            source: peer.map(|peer| *peer.ip()),
            caller: None,
        }
    }

    pub(super) fn print(&self, nonce: &str, transcript: &Transcript) -> Option<Execution> {
        let (exit, stdout, stderr) = match transcript {
            Transcript::Answered { answers, .. } => {
                let answer = |(status, body): &(u16, Vec<u8>)| {
                    format!("{}\n{nonce} {status}\n", String::from_utf8_lossy(body))
                };
                let complete = answers.len() == self.paths.len();
                let end = if complete { "ok" } else { "timeout" };
                let answers = answers.iter().map(answer).collect::<String>();
                (0, format!("{answers}end {end}\n"), "")
            }
            Transcript::TimedOut => (0, "end timeout\n".to_owned(), ""),
            Transcript::Closed | Transcript::BrokenOff => (0, "end closed\n".to_owned(), ""),
            Transcript::Refused => (7, String::new(), "hold: connect: Connection refused\n"),
            Transcript::Unreachable => (7, String::new(), "hold: connect: No route to host\n"),
            _ => return None,
        };
        Some(Execution {
            exit,
            stdout,
            stderr: stderr.to_owned(),
        })
    }
}
