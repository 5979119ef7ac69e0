//! Lines, columns and durations: where text goes, whatever it says.

/// `text` in lines of at most `width` characters, broken between words; a longer word is broken too.
/// Control characters are escaped, so that no text can move the cursor or change colours.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = escaped(word);
        let line = lines.last_mut().expect("there is always a last line");
        let room = width.saturating_sub(line.chars().count() + usize::from(!line.is_empty()));
        if word.chars().count() <= room {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        while word.chars().count() > width {
            let rest = word.chars().skip(width).collect::<String>();
            let first = word.chars().take(width).collect::<String>();
            lines.pop();
            lines.extend([first, String::new()]);
            word = rest;
        }
        lines.pop();
        lines.push(word);
    }
    lines
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// `text` padded with spaces to `width` characters.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// Milliseconds in the unit that a person would say.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1 probe`, `2 probes`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_longer_words_within() {
        for (text, width, lines) in [
            ("", 5, vec![""]),
            ("a b", 5, vec!["a b"]),
            ("aaa bbb", 5, vec!["aaa", "bbb"]),
            ("a bbbbbbbbbbbb c", 5, vec!["a", "bbbbb", "bbbbb", "bb c"]),
            ("two\nlines", 20, vec!["two lines"]),
            ("red\x1b[31m", 20, vec!["red\\u{1b}[31m"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text:?}");
        }
    }

    #[test]
    fn durations_are_said_in_a_persons_unit() {
        for (ms, said) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_001, "1.0 s"),
            (59_999, "59.9 s"),
            (125_000, "2 min 05 s"),
        ] {
            assert_eq!(duration(ms), said);
        }
    }
}
