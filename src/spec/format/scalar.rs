//! Scalars as YAML: plain where that reads back as the same text, quoted where not, in lines where it has lines.

/// Where a scalar stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of a line.
    Block,
    /// In brackets.
    Flow,
    /// Before a colon.
    Key,
}

/// A scalar on one line.
pub(super) fn inline(text: &str, place: Place) -> String {
    if is_plain(text, place) {
        text.to_owned()
    } else if text.chars().all(is_printable) && text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double_quoted(text)
    }
}

/// Whether a text reads back as itself without quotes.
fn is_plain(text: &str, place: Place) -> bool {
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let indicator = match first {
        '-' | '?' | ':' => characters
            .next()
            .is_none_or(|second| second.is_whitespace() || (",[]{}").contains(second)),
        _ => ",[]{}#&*!|>'\"%@`".contains(first),
    };
    let null = matches!(text, "null" | "~") && place != Place::Key;
    let brackets = place != Place::Block && text.contains([',', '[', ']', '{', '}']);
    !indicator
        && !null
        && !brackets
        && text == text.trim()
        && text.chars().all(is_printable)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.starts_with("---")
        && !text.starts_with("...")
}

/// Whether a character may stand in a scalar without an escape; tabs and line ends may not.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&match u32::from(c) {
                code @ 0..=0xff => format!("\\x{code:02x}"),
                code @ 0x100..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    quoted.push('"');
    quoted
}

/// A text of several lines as a block: the word behind the key, and the lines.
///
/// `folded` text is wrapped at `width` columns where one of its lines is longer.
pub(super) fn block(text: &str, folded: bool, width: usize) -> Option<(&'static str, Vec<String>)> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let ended = body.len() < text.len();
    let sound =
        |line: &str| line.chars().all(is_printable) && (line.is_empty() || !line.trim().is_empty());
    let first = body.split('\n').next().unwrap_or_default();
    if first.is_empty()
        || first.starts_with(char::is_whitespace)
        || body.ends_with('\n')
        || !body.split('\n').all(sound)
    {
        return None;
    }
    let long = body.split('\n').any(|line| line.chars().count() > width);
    if folded
        && long
        && let Some(lines) = wrap(body, width)
    {
        return Some((if ended { ">" } else { ">-" }, lines));
    }
    let lines = body.split('\n').map(str::to_owned).collect();
    (body.contains('\n') || ended).then_some((if ended { "|" } else { "|-" }, lines))
}

/// The lines of a folded block; `None` where folding would not give the text back.
fn wrap(body: &str, width: usize) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for paragraph in body.split('\n') {
        let words: Vec<&str> = paragraph.split(' ').collect();
        let single = words
            .iter()
            .all(|word| !word.is_empty() && *word == word.trim());
        if !single && !paragraph.is_empty() {
            return None;
        }
        // One empty line stands for the end of a line: this ends the paragraph above.
        if !lines.is_empty() && !paragraph.is_empty() {
            lines.push(String::new());
        }
        let mut line = String::new();
        for word in words {
            let fits = line.chars().count() + 1 + word.chars().count() <= width;
            if !line.is_empty() && !fits {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    Some(lines)
}
