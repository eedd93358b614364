//! kramdown to HTML: `cargo run --package kramdown --example html -- hard_wrap=true < post.md`.
//!
//! The arguments are options of kramdown, `name=value`; the defaults are Jekyll's. `times=1000`
//! converts the input that often and prints the shortest time. `tests/cases/testcases.py` runs
//! kramdown's own test cases through it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::disallowed_methods, reason = "an example reads its input and the clock")]

use std::io::{self, Read};
use std::process::ExitCode;
use std::time::Instant;

use kramdown::{Options, parse, to_html};

/// The shortest of `times` runs: anything else that the machine does only adds to it.
fn seconds(times: u32, run: impl Fn()) -> f64 {
    let runs = (0..times).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn main() -> io::Result<ExitCode> {
    let mut times: u32 = 0;
    let mut options = Options::default();
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("times", value)) => times = value.parse().unwrap_or(0),
            Some((name, value)) if options.set(name, value) => {}
            _ => {
                eprintln!("unknown option `{argument}`");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    if times > 0 {
        let parsed = seconds(times, || drop(parse(&text, &options)));
        let rendered = seconds(times, || drop(to_html(&text, &options)));
        println!(
            "{} bytes: parsed in {:.1} µs, to HTML in {:.1} µs",
            text.len(),
            parsed * 1e6,
            rendered * 1e6
        );
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", to_html(&text, &options));
    Ok(ExitCode::SUCCESS)
}
