//! Markdown in kramdown's dialect to HTML, without a site: `cargo run --example kramdown -- hard_wrap=true < post.md`.
//!
//! Arguments are kramdown's options, `name=value`; the defaults are Jekyll's. `times=1000` does it as often and says how
//! long one takes. `tests/kramdown/testcases.py` runs kramdown's own test cases through it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::disallowed_methods, reason = "an example reads its input and the clock")]

use std::io::{self, Read};
use std::process::ExitCode;
use std::time::Instant;

use labpress::markdown::embed::{self, Embeds};
use labpress::markdown::{Dialect, Options, kramdown, render};

/// The shortest of `times` runs: what else the machine does only adds.
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
    let mut options = Options { dialect: Dialect::Kramdown, ..Options::default() };
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("highlight", value)) => options.highlight = value == "true",
            Some(("times", value)) => times = value.parse().unwrap_or(0),
            Some((name, value)) if options.kramdown.set(name, value) => {}
            _ => {
                eprintln!("`{argument}` is no option of kramdown that is known here");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = embed::without_marker_characters(&text);
    if times > 0 {
        let parsed = seconds(times, || drop(kramdown::parse(&text, &options.kramdown)));
        let rendered = seconds(times, || drop(render(&text, &Embeds::default(), &options)));
        println!("{} bytes: parsed in {:.1} µs, to HTML in {:.1} µs", text.len(), parsed * 1e6, rendered * 1e6);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", render(&text, &Embeds::default(), &options).html);
    Ok(ExitCode::SUCCESS)
}
