//! The command line: one file per command. Only here are fabric, emulator, client and runner joined.
//!
//! Results go to standard output, everything else to standard error; the exit codes are the ones that
//! the README lists.

mod check;
mod compile;
#[cfg(all(feature = "local", target_os = "linux"))]
mod doctor;
mod explain;
mod fmt;
mod init;
mod load;
mod render;
#[cfg(feature = "run")]
mod run;
mod schema;
#[cfg(feature = "run")]
mod target;

use std::io::{IsTerminal, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use load::SpecArguments;

/// Everything held.
const HELD: u8 = 0;
/// An expectation did not hold; of `fmt --check`: a file is not formatted.
const CHANGED: u8 = 1;
/// The spec, a flag or the configuration is wrong; nothing was touched.
const WRONG_INPUT: u8 = 2;
/// It could not be judged: login, deployment or the probes' machinery failed.
#[cfg(feature = "run")]
const NOT_JUDGED: u8 = 3;
/// A defect of vnetlab itself.
const INTERNAL: u8 = 4;
/// Refused before anything was deployed: by the budget, or because the target cannot carry it.
#[cfg(feature = "run")]
const REFUSED: u8 = 7;

/// Network experiments for Azure, as code.
#[derive(Debug, Parser)]
#[command(name = "vnetlab", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run an experiment: deploy, probe, change, and compare expected, predicted and observed
    #[cfg(feature = "run")]
    Run(run::Arguments),
    /// Compile a spec to ARM templates
    Compile(compile::Arguments),
    /// Report every finding on a spec
    Check(SpecArguments),
    /// Tell what a code of a finding, or an exit code, means
    Explain {
        /// The code, for example `VNL0107` or `6`
        code: String,
    },
    /// Print the JSON Schema of the spec language
    Schema {
        /// Print the reference of keys as Markdown instead
        #[arg(long)]
        keys: bool,
    },
    /// Put specs into their canonical form: short sentences, keys in order; comments stay
    Fmt(fmt::Arguments),
    /// Print a spec in its long form: every sentence as its map, names qualified, defaults written out
    Render {
        /// The experiment spec
        spec: PathBuf,
    },
    /// Write a spec to begin with, that runs as it is
    Init(init::Arguments),
    /// Tell what this host supports, feature by feature
    #[cfg(all(feature = "local", target_os = "linux"))]
    Doctor,
}

/// Runs the command that the process's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; everything else is a wrong flag.
            let code = if error.use_stderr() {
                WRONG_INPUT
            } else {
                HELD
            };
            // A reader that closed the pipe has seen what it wanted.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    panic::set_hook(Box::new(|info| {
        tell(&format!(
            "internal error: {info}\nThis is a defect of vnetlab; please report it with the spec that shows it."
        ));
    }));
    let code = panic::catch_unwind(|| match arguments.command {
        #[cfg(feature = "run")]
        Command::Run(arguments) => run::run(arguments),
        Command::Compile(arguments) => compile::run(&arguments),
        Command::Check(spec) => check::run(&spec),
        Command::Explain { code } => explain::run(&code),
        Command::Schema { keys } => schema::run(keys),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Render { spec } => render::run(&spec),
        Command::Init(arguments) => init::run(&arguments),
        #[cfg(all(feature = "local", target_os = "linux"))]
        Command::Doctor => doctor::run(),
    });
    ExitCode::from(code.unwrap_or(INTERNAL))
}

/// Writes a result to standard output.
fn print(text: &str) {
    // A reader that closed the pipe has seen what it wanted.
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Writes a line to standard error.
fn tell(text: &str) {
    // There is nowhere left to report a closed standard error to.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Whether standard error takes colour: a terminal, and `NO_COLOR` unset.
fn stderr_has_color() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
