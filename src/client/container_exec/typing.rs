//! A command line typed into a shell, and what the shell shows of it.
//!
//! A container's exec takes the name of one program and no arguments (R76), and its two directions are
//! a terminal: what is typed comes back as an echo, with prompts, escape sequences and line breaks of a
//! line editor's own. So nothing of the echo is read. Each typed line ends in a `printf` that joins a
//! random tag and a word with a `/`; the typed text has them apart, so that the joined form stands in
//! the output alone.
//!
//! The command line travels as base64, in pieces that every line editor takes: busybox cuts a line at
//! 1023 bytes and a terminal in canonical mode at 4095, and a tab, a `!` or a quote means something to
//! one or the other. After each piece the shell says how long the text has become, so that a lost
//! character is noticed and the next piece is typed only when the last one is in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The characters of base64 on one typed line; with what stands around them the line stays below the
/// 512 columns that [`COLUMNS`] asks for, so that a line editor does not scroll it.
const PIECE: usize = 360;

/// The width of the terminal, in columns.
pub(super) const COLUMNS: u16 = 512;

/// A command line as typed lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typing {
    tag: String,
    lines: Vec<Line>,
}

/// One typed line, without its line break, and the text that the shell prints once it has taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) answer: String,
}

impl Typing {
    /// The lines for a command line. `tag` is of letters and digits, and of this session alone.
    pub(super) fn new(argv: &[String], tag: &str) -> Typing {
        let encoded = STANDARD.encode(command(argv));
        let told = format!("printf '%s/%s\\n' {tag}");
        let mut lines = vec![Line {
            text: format!("vnetlab=; {told} ${{#vnetlab}}"),
            answer: format!("{tag}/0"),
        }];
        let mut typed = 0;
        while typed < encoded.len() {
            let piece = &encoded[typed..encoded.len().min(typed + PIECE)];
            typed += piece.len();
            lines.push(Line {
                text: format!("vnetlab=${{vnetlab}}{piece}; {told} ${{#vnetlab}}"),
                answer: format!("{tag}/{typed}"),
            });
        }
        lines.push(Line {
            text: format!(
                "{told} run; eval \"$(printf %s \"$vnetlab\" | base64 -d)\"; printf '\\n%s/%s\\n' {tag} end; exit"
            ),
            answer: format!("{tag}/end"),
        });
        Typing {
            tag: tag.to_owned(),
            lines,
        }
    }

    /// The lines in the order in which they are typed.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the command wrote, out of all that the terminal showed; `None` where its beginning or its
    /// end is missing.
    pub(super) fn output(&self, shown: &str) -> Option<String> {
        let begin = format!("{}/run", self.tag);
        let end = format!("\n{}/end", self.tag);
        let shown = shown.replace("\r\n", "\n");
        let (_, after) = shown.split_once(&begin)?;
        // The output begins on the next line; the end has a line break of its own before it.
        let (output, _) = after.split_once(&end)?;
        Some(output.strip_prefix('\n').unwrap_or_default().to_owned())
    }
}

/// Whether the terminal has shown an answer to its end: `TAG/36` is no answer while `TAG/360` may come.
pub(super) fn answered(shown: &[u8], answer: &str) -> bool {
    shown.windows(answer.len() + 1).any(|window| {
        window.starts_with(answer.as_bytes()) && matches!(window.last(), Some(b'\r' | b'\n'))
    })
}

/// A command line as a shell reads it, each word in single quotes.
fn command(argv: &[String]) -> String {
    let quoted = argv
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

/// What a terminal showed, as one line of text for a message: without escape sequences and control
/// characters, and cut to the last 200 characters.
pub(super) fn said(shown: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(shown);
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                // CSI: parameters up to a final byte; any other sequence here is one character long.
                if characters.next_if_eq(&'[').is_some() {
                    while characters.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                }
                characters.next();
            }
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let skipped = words.chars().count().saturating_sub(LONGEST);
    words.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn no_typed_line_holds_an_answer_and_none_is_too_long() {
        let argv = argv(&["/bin/sh", "-c", &"'quoted' \t!x\n".repeat(200), "n"]);
        let typing = Typing::new(&argv, "t4g");
        assert!(typing.lines().len() > 8);
        for line in typing.lines() {
            assert!(line.text.len() < usize::from(COLUMNS) - 40, "{}", line.text);
            assert!(!line.text.contains(['\n', '\t', '!']), "{}", line.text);
            for other in typing.lines() {
                assert!(!line.text.contains(&other.answer), "{}", line.text);
            }
        }
    }

    #[test]
    fn an_answer_counts_only_to_its_end() {
        assert!(answered(b"x t/36\r\n", "t/36"));
        assert!(answered(b"t/36\n", "t/36"));
        for shown in [&b"t/36"[..], b"t/360\r\n", b"t 36\r\n", b""] {
            assert!(!answered(shown, "t/36"), "{shown:?}");
        }
    }

    #[test]
    fn the_output_stands_between_its_marks() {
        let typing = Typing::new(&argv(&["true"]), "t");
        for (shown, output) in [
            (
                "echo t run\r\nt/run\r\na\r\nb\r\n\r\nt/end\r\n/ # ",
                Some("a\nb\n"),
            ),
            ("t/run\r\nno break\r\nt/end\r\n", Some("no break")),
            ("t/run\r\n\r\nt/end\r\n", Some("")),
            ("t/run\r\na\r\n", None),
            ("t/end\r\n", None),
        ] {
            assert_eq!(typing.output(shown).as_deref(), output, "{shown:?}");
        }
    }

    #[test]
    fn a_message_shows_no_escape_sequences() {
        let shown = b"\x1b[?2004l\r\n\x1b[6nexec failed:\x1b[0m no\x07 file\r\n";
        assert_eq!(said(shown), "exec failed: no file");
        assert_eq!(said(&b"ab ".repeat(200)).chars().count(), 200);
    }
}
