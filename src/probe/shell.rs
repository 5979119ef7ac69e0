//! The shell line around every probe's program, and the one line of output that counts.
//!
//! The program's standard output and error travel as base64 inside one line, tagged with the nonce:
//! exec channels lose exit codes under load and mix what a program prints with what a shell does. No
//! file is written, so a read-only container will do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::seconds;

/// Runs its arguments as a program. Standard output is collected whole before it is printed, so that
/// what goes to standard error meanwhile cannot come between.
const SCRIPT: &str = r#"export LC_ALL=C; n=$1; shift
o=$({ b=$({ "$@"; printf '\n%s exit %s' "$n" "$?"; } | base64 | tr -d '\n'); printf '\n%s' "$b"; } 2>&1 | base64 | tr -d '\n')
printf 'vnetlab-verdict %s %s\n' "$n" "$o""#;

/// The words before the nonce on the line that counts.
const VERDICT_TAG: &str = "vnetlab-verdict";

/// The shell's own name in a probe, before the kind.
const NAME: &str = "vnetlab-";

/// The command line that runs `program` as a probe of a kind.
pub(super) fn wrap(kind: &str, nonce: &str, program: Vec<String>) -> Vec<String> {
    let name = format!("{NAME}{kind}");
    ["/bin/sh", "-c", SCRIPT, &name, nonce]
        .into_iter()
        .map(str::to_owned)
        .chain(program)
        .collect()
}

/// The kind, the nonce and the program of a command line that [`wrap`] made; `None` for any other.
pub(super) fn unwrap(argv: &[String]) -> Option<(&str, &str, &[String])> {
    let [shell, flag, script, name, nonce, program @ ..] = argv else {
        return None;
    };
    let ours = (shell.as_str(), flag.as_str(), script.as_str()) == ("/bin/sh", "-c", SCRIPT);
    let kind = name.strip_prefix(NAME).filter(|_| ours)?;
    Some((kind, nonce, program))
}

/// The status of a program that was killed.
pub(super) const CUT_OFF: i32 = 137;

/// What stands before a program that must end in time. Busybox's `timeout` leaves the program's own
/// status, and some programs (dig) end well when they are asked to: so it is killed.
pub(super) fn cut_off(time: Duration) -> [String; 4] {
    ["timeout", "-s", "KILL", &seconds(time)].map(str::to_owned)
}

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Execution {
    /// Its exit status, as the shell has it.
    pub(super) exit: i32,
    /// Its standard output.
    pub(super) stdout: String,
    /// Its standard error.
    pub(super) stderr: String,
}

impl Execution {
    /// Reads the tagged line out of an output.
    pub(super) fn find(nonce: &str, output: &str) -> Result<Execution, String> {
        let encoded = output
            .lines()
            .find_map(|line| {
                let rest = line.trim().strip_prefix(VERDICT_TAG)?;
                rest.trim_start().strip_prefix(nonce)
            })
            .ok_or("the probe's verdict line is missing from its output")?;
        Execution::decode(nonce, encoded.trim())
            .ok_or_else(|| "the probe's verdict line cannot be read".to_owned())
    }

    fn decode(nonce: &str, encoded: &str) -> Option<Execution> {
        let both = String::from_utf8_lossy(&STANDARD.decode(encoded).ok()?).into_owned();
        let (stderr, stdout) = both.rsplit_once('\n')?;
        let stdout = String::from_utf8_lossy(&STANDARD.decode(stdout).ok()?).into_owned();
        let (stdout, exit) = stdout.rsplit_once(&format!("\n{nonce} exit "))?;
        Some(Execution {
            exit: exit.parse().ok()?,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        })
    }

    /// The tagged line.
    pub(super) fn line(&self, nonce: &str) -> String {
        let stdout = format!("{}\n{nonce} exit {}", self.stdout, self.exit);
        let both = format!("{}\n{}", self.stderr, STANDARD.encode(stdout));
        format!("{VERDICT_TAG} {nonce} {}\n", STANDARD.encode(both))
    }

    /// Whether [`cut_off`] ended the program: by the status of its signal.
    pub(super) fn was_cut_off(&self) -> bool {
        self.exit == CUT_OFF
    }

    /// Why nothing can be read from it, in its own last words.
    pub(super) fn complaint(&self, program: &str) -> String {
        let words = self.stderr.lines().rev().map(str::trim);
        let last = words.clone().find(|line| line.starts_with(program));
        let last = last.or_else(|| words.clone().find(|line| !line.is_empty()));
        format!(
            "{program} ended with {}: {}",
            self.exit,
            last.unwrap_or("no message")
        )
    }
}

/// Runs a command line with the host's own shell.
#[cfg(test)]
pub(super) fn on_this_host(argv: &[String]) -> String {
    let output = std::process::Command::new(&argv[0])
        .args(&argv[1..])
        .output()
        .expect("a shell runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether the host has a program; says so where it has not, since the test then shows nothing.
#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a skip is told where tests tell")]
pub(super) fn host_has(program: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    });
    if !found {
        println!("skipped: no {program} on this host");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_line_tells_what_ran() {
        let ran = Execution {
            exit: 7,
            stdout: "two\nlines\n".to_owned(),
            stderr: "curl: (7) no\n".to_owned(),
        };
        let output = format!("noise\n  {}noise", ran.line("n1"));
        assert_eq!(Execution::find("n1", &output), Ok(ran));
        for lost in ["", "vnetlab-verdict n1 !!", "vnetlab-verdict n1", &output] {
            assert!(Execution::find("n2", lost).is_err(), "{lost}");
        }
    }

    #[test]
    fn the_script_tells_what_a_program_did() {
        let program = words(&["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]);
        let argv = wrap("test", "n1", program.clone());
        assert_eq!(unwrap(&argv), Some(("test", "n1", program.as_slice())));
        let ran = Execution::find("n1", &on_this_host(&argv)).expect("the line is there");
        let (stdout, stderr) = ("out\n".to_owned(), "err\n".to_owned());
        assert_eq!(
            ran,
            Execution {
                exit: 3,
                stdout,
                stderr
            }
        );
        let missing = wrap("test", "n1", words(&["/no/such/program"]));
        let ran = Execution::find("n1", &on_this_host(&missing)).expect("the line is there");
        assert_eq!(ran.exit, 127);
        assert!(
            ran.complaint("program").contains("/no/such/program"),
            "{ran:?}"
        );
    }

    #[test]
    fn a_long_answer_is_not_mixed_with_what_is_complained_meanwhile() {
        let script =
            "i=0; while [ $i -lt 4000 ]; do echo line-$i; echo no-$i >&2; i=$((i+1)); done";
        let argv = wrap("test", "n1", words(&["/bin/sh", "-c", script]));
        let ran = Execution::find("n1", &on_this_host(&argv)).expect("the line is there");
        assert_eq!(ran.stdout.lines().count(), 4000);
        assert_eq!(ran.stderr.trim_end().lines().count(), 4000);
    }
}
