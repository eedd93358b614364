//! Code is highlighted, in any of the languages that have a table, in time that depends on its
//! length.

#![no_main]

use std::time::{Duration, Instant};

use kramdown::embed::Embeds;
use labpress::markdown::{Options, render};
use libfuzzer_sys::fuzz_target;

const LANGUAGES: [&str; 26] = [
    "asm", "c", "console", "cpp", "cs", "css", "diff", "docker", "go", "html", "java", "js", "json", "julia", "latex",
    "python", "r", "ruby", "rust", "scala", "shell", "sql", "toml", "ts", "xml", "yaml",
];

fuzz_target!(|input: (u8, &str)| {
    let (choice, code) = input;
    let language = LANGUAGES[usize::from(choice) % LANGUAGES.len()];
    let text = format!("~~~~~~~~ {language}\n{}\n~~~~~~~~\n", kramdown::embed::without_marker_characters(code));
    let start = Instant::now();
    let _ = render(&text, &Embeds::default(), &Options::default());
    let allowed = Duration::from_secs(1) + Duration::from_micros(50) * u32::try_from(text.len()).unwrap_or(u32::MAX);
    assert!(start.elapsed() < allowed, "{:?} for {} bytes", start.elapsed(), text.len());
});
