//! The program `labpress`: the command line of the library of the same name.

mod cli;

use std::process::ExitCode;

/// Builds make millions of short-lived allocations on all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
