//! A shell that knows the lines in which a probe's command is typed, and no others.
//!
//! A command line is collected in a variable as base64, each piece acknowledged by a `printf`, and then
//! run by `eval`. Everything else is refused by name, as a shell refuses what it does not find.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// More than the longest probe needs.
const LARGEST_VALUE: usize = 1 << 16;

/// What a typed line makes the shell do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It writes.
    Print(String),
    /// It runs a command line.
    Run(Vec<String>),
    /// It ends.
    Exit,
}

/// The shell of one session.
#[derive(Debug, Default)]
pub(super) struct Shell {
    variables: BTreeMap<String, String>,
}

impl Shell {
    /// What a line does, command by command.
    pub(super) fn line(&mut self, line: &str) -> Vec<Act> {
        let mut acts = Vec::new();
        for command in line.split(';').map(str::trim).filter(|c| !c.is_empty()) {
            let act = self.command(command);
            let ends = act == Some(Act::Exit);
            acts.extend(act);
            if ends {
                break;
            }
        }
        acts
    }

    fn command(&mut self, command: &str) -> Option<Act> {
        if command == "exit" {
            return Some(Act::Exit);
        }
        if let Some(argv) = self.evaluated(command) {
            return Some(Act::Run(argv));
        }
        if let Some(text) = self.printed(command) {
            return Some(Act::Print(text));
        }
        if let Some((name, value)) = self.assigned(command) {
            if value.len() > LARGEST_VALUE {
                return Some(Act::Print(format!("/bin/sh: {name}: out of memory\n")));
            }
            self.variables.insert(name, value);
            return None;
        }
        let word = command.split_whitespace().next().unwrap_or_default();
        Some(Act::Print(format!(
            "/bin/sh: {word}: not built into the local Azure, which runs the probes of vnetlab alone\n"
        )))
    }

    /// `eval "$(printf %s "$NAME" | base64 -d)"`, where the text is a list of quoted words.
    fn evaluated(&self, command: &str) -> Option<Vec<String>> {
        let name = command
            .strip_prefix("eval \"$(printf %s \"$")?
            .strip_suffix("\" | base64 -d)\"")?;
        let text = STANDARD.decode(self.variables.get(name)?).ok()?;
        words(std::str::from_utf8(&text).ok()?)
    }

    /// `printf 'FORMAT' WORD WORD`, with `%s` and `\n` in the format.
    fn printed(&self, command: &str) -> Option<String> {
        let (format, rest) = command.strip_prefix("printf '")?.split_once("' ")?;
        let mut parts = format.split("%s");
        let mut text = parts.next()?.replace("\\n", "\n");
        let mut arguments = rest.split(' ');
        for part in parts {
            text.push_str(&self.expanded(arguments.next()?)?);
            text.push_str(&part.replace("\\n", "\n"));
        }
        (arguments.next().is_none() && !text.contains(['%', '\\'])).then_some(text)
    }

    /// `NAME=VALUE`.
    fn assigned(&self, command: &str) -> Option<(String, String)> {
        let (name, value) = command.split_once('=')?;
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return None;
        }
        Some((name.to_owned(), self.expanded(value)?))
    }

    /// A word with its `${NAME}` and `${#NAME}`; `None` where it holds more than a shell takes unquoted
    /// as it stands.
    fn expanded(&self, word: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = word;
        while let Some((plain, after)) = rest.split_once("${") {
            text.push_str(plain);
            let (name, after) = after.split_once('}')?;
            let value = |name: &str| self.variables.get(name).map_or("", String::as_str);
            match name.strip_prefix('#') {
                Some(name) => text.push_str(&value(name).chars().count().to_string()),
                None => text.push_str(value(name)),
            }
            rest = after;
        }
        text.push_str(rest);
        let plain = |c: char| c.is_ascii_alphanumeric() || "+/=._-:".contains(c);
        text.chars().all(plain).then_some(text)
    }
}

/// The words of a list in single quotes; `None` for any other text.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let mut word = String::new();
        rest = rest.strip_prefix('\'')?;
        loop {
            let (quoted, after) = rest.split_once('\'')?;
            word.push_str(quoted);
            rest = after;
            let Some(more) = after.strip_prefix("\\''") else {
                break;
            };
            word.push('\'');
            rest = more;
        }
        words.push(word);
        match rest.strip_prefix(' ') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Some(words),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str) -> Vec<Act> {
        vec![Act::Print(text.to_owned())]
    }

    #[test]
    fn a_command_line_is_collected_and_run() {
        let mut shell = Shell::default();
        let encoded = STANDARD.encode(r"'/bin/sh' '-c' 'echo '\''a b'\''' ''");
        let (first, second) = encoded.split_at(7);
        let told = r"printf '%s/%s\n' t ${#v}";
        assert_eq!(shell.line(&format!("v=; {told}")), print("t/0\n"));
        assert_eq!(
            shell.line(&format!("v=${{v}}{first}; {told}")),
            print("t/7\n")
        );
        let length = encoded.len();
        assert_eq!(
            shell.line(&format!("v=${{v}}{second}; {told}")),
            print(&format!("t/{length}\n"))
        );
        let run = r#"printf '%s/%s\n' t run; eval "$(printf %s "$v" | base64 -d)"; printf '\n%s/%s\n' t end; exit"#;
        let argv = ["/bin/sh", "-c", "echo 'a b'", ""].map(str::to_owned);
        assert_eq!(
            shell.line(run),
            [
                Act::Print("t/run\n".to_owned()),
                Act::Run(argv.to_vec()),
                Act::Print("\nt/end\n".to_owned()),
                Act::Exit,
            ]
        );
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        let mut shell = Shell::default();
        assert_eq!(shell.line(""), []);
        for (line, name) in [
            ("ls -l", "ls"),
            ("echo $(id)", "echo"),
            ("printf '%d' 1", "printf"),
            ("printf '%s' $v", "printf"),
            ("v=$(id)", "v=$(id)"),
            (r#"eval "$(printf %s "$unset" | base64 -d)""#, "eval"),
        ] {
            let said = format!(
                "/bin/sh: {name}: not built into the local Azure, which runs the probes of vnetlab alone\n"
            );
            assert_eq!(shell.line(line), print(&said), "{line}");
        }
        assert_eq!(shell.line("exit; ls"), [Act::Exit]);
    }

    #[test]
    fn a_variable_does_not_grow_for_ever() {
        let mut shell = Shell::default();
        shell.line(&format!("v={}", "x".repeat(4000)));
        let doubled = (0..6)
            .flat_map(|_| shell.line("v=${v}${v}"))
            .collect::<Vec<_>>();
        assert_eq!(
            doubled,
            [
                Act::Print("/bin/sh: v: out of memory\n".to_owned()),
                Act::Print("/bin/sh: v: out of memory\n".to_owned())
            ]
        );
    }

    #[test]
    fn only_quoted_words_are_a_command_line() {
        assert_eq!(
            words("'a' 'b c'"),
            Some(vec!["a".to_owned(), "b c".to_owned()])
        );
        for text in ["", "a", "'a", "'a'b", "'a'  'b'", "'a' ", "'a';'b'"] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
