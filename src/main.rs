//! The program `labpress`. See [`labpress::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    labpress::cli::main()
}
