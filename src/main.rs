//! The `vnetlab` command: arguments to command, result to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    vnetlab::cli::main()
}
