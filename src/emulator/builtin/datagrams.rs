//! The agent's UDP server (`netexec`): echoes, says whom it sees and what it is called.

use std::net::SocketAddrV4;

use crate::emulator::fabric::DatagramListener;

use super::servers::{Log, goes_on_after};

/// Answers until the port is closed or the task aborted.
pub(super) async fn receive(listener: Box<dyn DatagramListener>, host_name: String, log: Log) {
    loop {
        let served = match listener.receive().await {
            Ok((payload, peer)) => match answer(&payload, peer, &host_name, &log) {
                Some(answer) => listener.send(answer.as_bytes(), peer).await,
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            log.line(&format!("the UDP server could not answer: {error}"));
            if !goes_on_after(&error).await {
                return;
            }
        }
    }
}

/// The answer to a datagram, as the agent gives it: in lower case, and none to what it does not know.
fn answer(payload: &[u8], peer: SocketAddrV4, host_name: &str, log: &Log) -> Option<String> {
    let text = String::from_utf8_lossy(payload).trim().to_lowercase();
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let answer = match (word, rest) {
        ("echo", _) if word != text => Some(rest.to_owned()),
        ("hostname", "") => Some(host_name.to_owned()),
        ("clientip", "") => Some(peer.to_string()),
        _ => None,
    };
    log.line(&format!(
        "{} UDP {} from {peer}",
        jiff::Timestamp::now(),
        if answer.is_some() {
            word
        } else {
            "unknown command"
        },
    ));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_answers_what_it_knows() {
        let peer = "10.1.1.5:40000".parse().expect("an address");
        for (payload, said) in [
            ("echo N1 two", Some("n1 two")),
            ("ECHO a\n", Some("a")),
            ("hostname", Some("web")),
            ("clientip\n", Some("10.1.1.5:40000")),
            ("echo", None),
            ("clientip x", None),
            ("", None),
        ] {
            let answer = answer(payload.as_bytes(), peer, "web", &Log::default());
            assert_eq!(answer.as_deref(), said, "{payload:?}");
        }
        assert_eq!(answer(&[0xff, 0xfe], peer, "web", &Log::default()), None);
    }
}
