//! The HTTP and HTTPS probes: curl in the caller's container, one new connection, and the server's
//! own view of it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observed, Outcome};

use super::curl::{self, Figures, Transfer};
use super::shell::Execution;
use super::transcript::Transcript;
use super::{CLIENT_ADDRESS_PATH, Reading};

/// A request, and the question for the caller's address over the same connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The called port.
    pub port: u16,
    /// The method of the first request; every further one is a `GET`.
    pub method: String,
    /// Further headers of the first request, name and value.
    pub headers: Vec<(String, String)>,
    /// The path and query of each URL, all asked over one connection.
    pub paths: Vec<String>,
    /// Whether the last path is the agent's `/clientip`, whose body is the source that the server saw.
    pub asks_source: bool,
}

impl Http {
    /// A `GET` of some paths.
    #[must_use]
    pub fn get(port: u16, paths: Vec<String>) -> Http {
        let asks_source =
            paths.len() > 1 && paths.last().is_some_and(|path| path == CLIENT_ADDRESS_PATH);
        Http {
            port,
            method: "GET".to_owned(),
            headers: Vec::new(),
            paths,
            asks_source,
        }
    }

    pub(super) fn urls(&self, address: Ipv4Addr, tls: bool) -> Vec<String> {
        let scheme = if tls { "https" } else { "http" };
        let url = |path: &String| format!("{scheme}://{address}:{}{path}", self.port);
        self.paths.iter().map(url).collect()
    }

    pub(super) fn program(
        &self,
        address: Ipv4Addr,
        tls: bool,
        timeout: Duration,
        nonce: &str,
    ) -> Vec<String> {
        let urls = self.urls(address, tls).into_iter().enumerate();
        let transfers = urls.map(|(place, url)| Transfer {
            options: self.options(place == 0, tls),
            url,
        });
        curl::program(nonce, timeout, transfers.collect())
    }

    fn options(&self, first: bool, tls: bool) -> Vec<String> {
        let mut options = Vec::new();
        if tls {
            // The address is called, and no certificate names it.
            options.extend(["-k", "--http1.1"].map(str::to_owned));
        }
        if !first {
            return options;
        }
        match self.method.as_str() {
            "GET" => {}
            "HEAD" => options.push("-I".to_owned()),
            method => options.extend(["-X".to_owned(), method.to_owned()]),
        }
        for (name, value) in &self.headers {
            // A colon with nothing behind it would remove the header.
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            options.extend(["-H".to_owned(), header]);
        }
        options
    }

    pub(super) fn from_program(words: &[String], tls: bool) -> Option<(Ipv4Addr, Duration, Http)> {
        let (timeout, transfers) = curl::read_program(words)?;
        let mut paths = Vec::new();
        let mut to = None;
        for transfer in &transfers {
            let scheme = if tls { "https://" } else { "http://" };
            let rest = transfer.url.strip_prefix(scheme)?;
            let slash = rest.find('/')?;
            to = Some(rest[..slash].parse::<SocketAddrV4>().ok()?);
            paths.push(rest[slash..].to_owned());
        }
        let to = to?;
        let mut http = Http::get(to.port(), paths);
        let mut options = transfers.first()?.options.iter();
        while let Some(option) = options.next() {
            match option.as_str() {
                "-I" => http.method = "HEAD".to_owned(),
                "-X" => http.method = options.next()?.clone(),
                "-H" => {
                    let header = options.next()?;
                    let split = header.split_once(": ");
                    let (name, value) = split.or_else(|| Some((header.strip_suffix(';')?, "")))?;
                    http.headers.push((name.to_owned(), value.to_owned()));
                }
                _ => {}
            }
        }
        Some((*to.ip(), timeout, http))
    }

    pub(super) fn read(&self, nonce: &str, ran: &Execution, tls: bool) -> Reading {
        let Some(transfers) = curl::figures(nonce, ran) else {
            return Reading::inconclusive("curl's figures cannot be read".to_owned());
        };
        let Some(first) = transfers.first().filter(|transfer| transfer.status != 0) else {
            return curl::failure(ran, tls);
        };
        let source = transfers
            .get(1)
            // A second connection could show another source than the first one had.
            .filter(|second| self.asks_source && second.status == 200 && second.connects == 0)
            .and_then(|second| second.body.trim().parse::<SocketAddrV4>().ok())
            .map(|peer| *peer.ip());
        Reading {
            outcome: Observed::Is(Outcome::Reachable),
            status: Some(first.status),
            body: Some(first.body.clone()),
            source,
            caller: first.local,
        }
    }

    pub(super) fn print(
        &self,
        nonce: &str,
        to: SocketAddrV4,
        timeout: Duration,
        tls: bool,
        transcript: &Transcript,
    ) -> Option<Execution> {
        let Transcript::Answered { local, answers } = transcript else {
            return curl::print_failure(nonce, to, timeout, transcript);
        };
        let mut stdout = String::new();
        for (place, (status, body)) in answers.iter().enumerate() {
            let figures = Figures {
                body: String::from_utf8_lossy(body).into_owned(),
                status: *status,
                connects: u32::from(place == 0),
                connected: place == 0,
                shaken: place == 0 && tls,
                local: Some(*local),
            };
            stdout.push_str(&curl::print_figures(nonce, &figures));
        }
        let complete = answers.len() == self.paths.len();
        Some(Execution {
            exit: if complete { 0 } else { 28 },
            stdout,
            stderr: format!("* Connected to {} port {}\n", to.ip(), to.port()),
        })
    }
}
