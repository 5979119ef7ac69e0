//! The one image that the local Azure has: the agent, with its `netexec` and `pause` commands.

use crate::probe::AGENT_IMAGE;

/// What a container of the agent image does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Role {
    /// Serves HTTP on a port, and datagrams on another.
    Serves {
        /// The TCP port.
        http: u16,
        /// The UDP port; `None` where that side is turned off.
        udp: Option<u16>,
    },
    /// Nothing, for ever.
    Pauses,
}

/// The ports of `netexec` without `--http-port` and `--udp-port`.
const DEFAULT_HTTP_PORT: u16 = 8080;
const DEFAULT_UDP_PORT: u16 = 8081;

/// What a container with this image and command line does; the line is given with or without the
/// program `/agnhost`.
///
/// # Errors
/// A sentence that names the image or the word that is not built in.
pub(in crate::emulator) fn role(image: &str, command: &[String]) -> Result<Role, String> {
    let repository = |image: &str| -> String {
        let name = image.split_once('@').map_or(image, |(name, _)| name);
        match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
            _ => name.to_owned(),
        }
    };
    if repository(image) != repository(AGENT_IMAGE) {
        return Err(format!(
            "the image `{image}` is not available: the local Azure pulls no images and has only `{}` built in",
            repository(AGENT_IMAGE)
        ));
    }
    let mut words = command.iter().map(String::as_str).peekable();
    if matches!(words.peek(), Some(&"/agnhost" | &"agnhost")) {
        words.next();
    }
    match words.next() {
        None | Some("pause") => Ok(Role::Pauses),
        Some("netexec") => netexec(words),
        Some(other) => Err(format!(
            "the agent's command `{other}` is not built into the local Azure, only `netexec` and `pause`"
        )),
    }
}

fn netexec<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Role, String> {
    let mut http = DEFAULT_HTTP_PORT;
    let mut udp = Some(DEFAULT_UDP_PORT);
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, words.next()),
        };
        let port = value.and_then(|value| value.parse::<u16>().ok());
        match (flag, value, port.filter(|port| *port > 0)) {
            ("--http-port", _, Some(port)) => http = port,
            ("--udp-port", _, Some(port)) => udp = Some(port),
            ("--udp-port", Some("-1"), None) => udp = None,
            _ => {
                return Err(format!(
                    "`{word}` of the agent's `netexec` is not built into the local Azure"
                ));
            }
        }
    }
    Ok(Role::Serves { http, udp })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(image: &str, command: &str) -> Result<Role, String> {
        let words = command
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        role(image, &words)
    }

    fn serves(http: u16, udp: Option<u16>) -> Role {
        Role::Serves { http, udp }
    }

    #[test]
    fn the_agent_serves_or_pauses() {
        for (command, role) in [
            (
                "/agnhost netexec --http-port=80 --udp-port=80",
                serves(80, Some(80)),
            ),
            ("netexec --http-port 81", serves(81, Some(8081))),
            ("netexec --udp-port -1", serves(8080, None)),
            ("netexec", serves(8080, Some(8081))),
            ("pause", Role::Pauses),
            ("", Role::Pauses),
        ] {
            assert_eq!(said(AGENT_IMAGE, command), Ok(role), "{command}");
        }
        assert_eq!(
            said("registry.k8s.io/e2e-test-images/agnhost@sha256:0", "pause"),
            Ok(Role::Pauses)
        );
    }

    #[test]
    fn what_is_not_built_in_is_refused_by_name() {
        for (image, command, named) in [
            ("nginx:1", "", "`nginx:1`"),
            (AGENT_IMAGE, "connect 10.0.0.4:80", "`connect`"),
            (
                AGENT_IMAGE,
                "netexec --tls-cert-file=x",
                "`--tls-cert-file=x`",
            ),
            (AGENT_IMAGE, "netexec --http-port=0", "`--http-port=0`"),
            (AGENT_IMAGE, "netexec --udp-port=-2", "`--udp-port=-2`"),
            (AGENT_IMAGE, "netexec --udp-port", "`--udp-port`"),
        ] {
            let refused = said(image, command).expect_err(command);
            assert!(refused.contains(named), "{refused}");
        }
    }
}
